"""The bulk sender: sends the due copies of every running letter, over several connections at once.

A kill leaves at most one copy in doubt for each connection: a copy is marked as begun before its final dot
may leave, and a connection begins one copy at a time. A stop by signal leaves none: what is in flight is
finished, the rest is given back.
"""

import asyncio
import contextlib
import threading
import time
from asyncio import Future, Task
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from newsletter.clock import Clock, now
from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.bounces.record import SmtpRefusal, record_refusals
from newsletter.delivery.bulk.batch_writer import BatchWriter
from newsletter.delivery.bulk.prefetch import Claimer, PrefetchQueue, QueuedCopy, TemplateCache
from newsletter.delivery.bulk.run_state import RunState
from newsletter.delivery.bulk.settings import BulkSettings, SendConfig
from newsletter.delivery.bulk.smtp_worker import SmtpWorker
from newsletter.delivery.ledger.outcomes import Outcome
from newsletter.delivery.rate_limit.claim_limiter import Batch, ClaimLimiter
from newsletter.delivery.smtp.outage import ServerStatus, UnreachableServer
from newsletter.delivery.workers import heartbeat

# Seconds. A stop takes at most the two together, which is less than the 10 that it may take, while the database
# answers. A write that hangs is waited for; then nothing could be given back, and `worker` ends it all by force.
_FINISH_IN_FLIGHT = 6.0
_LAST_WRITE = 2.0

_HALTED_EVERY = 0.25
_SHARE_EVERY = 2.0
_EXTEND_EVERY = ledger.LEASE.total_seconds() / 4

log = structlog.get_logger(__name__)


class BulkSender:
    """One worker's bulk sending: `run_once` sends until nothing is due, and `stop` ends it from any thread."""

    def __init__(
        self,
        sessions: Sessions,
        settings: BulkSettings,
        *,
        worker: str,
        clock: Clock = now,
    ) -> None:
        self._limiter = ClaimLimiter(settings.limits, worker)
        self._status = ServerStatus(settings.server.host_port, clock)
        self._config = SendConfig(settings, clock, self._limiter, self._status)
        templates = TemplateCache(settings.links, settings.keyring)
        self._claimer = Claimer(worker, templates, clock, self._limiter)
        self._sessions = sessions
        self._worker = worker
        self._stopping = threading.Event()
        self._has_leftovers = False
        """Whether a run ended and could not give back all its copies."""
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def away(self) -> UnreachableServer | None:
        """The mail server if it is unreachable while copies wait for it; else None."""
        return self._status.away

    def run_once(self) -> bool:
        """Send until no copy is due; returns whether any was due. Waits while the server is down."""
        if self._stopping.is_set():
            return False
        with self._sessions.begin() as session:
            if self._has_leftovers:
                ledger.recover_from(session, self._worker, self._config.settings.in_doubt, self._config.clock())
            connections = self._share(session)
            first: Batch[QueuedCopy] = self._claimer.take(session, connections) if connections else Batch([])
        self._has_leftovers = bool(first.copies)
        if first.copies:
            asyncio.run(self._run(first, connections))
        return bool(first.copies) or first.more

    def stop(self) -> None:
        """Finish the copies in flight and give back the rest; `run_once` returns soon, and any later one at once."""
        self._stopping.set()
        loop = self._loop
        if loop:
            with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
                loop.call_soon_threadsafe(self._halt.set)

    def _share(self, session: Session) -> int:
        """How many of all workers' connections this one may use now."""
        now = self._config.clock()
        return heartbeat.share(self._limiter.connections(now), *heartbeat.position_of(session, self._worker, now))

    async def _run(self, first: Batch[QueuedCopy], connections: int) -> None:
        self._halt = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._stopping.is_set():
            self._halt.set()
        writer = BatchWriter(self._sessions, self._worker, self._config.clock, connections, self._observe)
        state = RunState(
            PrefetchQueue(self._claimer, writer, self._config.spacing, first, connections),
            writer,
            self._halt,
            connections,
        )
        helpers = [asyncio.create_task(writer.watch()), asyncio.create_task(self._maintain(state))]
        try:
            await self._send(state, helpers)
        finally:
            self._loop = None
            self._status.mark_up()
            await _cancel(helpers)
            await state.queue.close()
            await self._clear_up(writer)

    def _observe(self, connection: Connection, outcomes: Sequence[Outcome], now: datetime) -> Callable[[], None]:
        """Act on the outcomes of a group, in the transaction that records them."""
        refusals = (_refusal(one) for one in outcomes if one.is_of_reader)
        record_refusals(connection, refusals, self._config.settings.limits.groups, now)
        return self._limiter.breaker.observe(connection, outcomes, now)

    async def _send(self, state: RunState, helpers: list[Task[None]]) -> None:
        """Wait until every connection has ended or, after a halt, until the time to finish is over."""
        connections = range(self._limiter.most_connections)
        tasks = [asyncio.create_task(SmtpWorker(self._config, state, number).run()) for number in connections]
        halted = asyncio.create_task(state.halt.wait())
        ended = asyncio.gather(*tasks)
        try:
            await _first_of(ended, halted, *helpers)
            if state.halt.is_set():
                await _first_of(ended, *helpers, timeout=_FINISH_IN_FLIGHT)
        finally:
            await _cancel([*tasks, halted])
        for helper in helpers:
            if helper.done():
                helper.result()
        with contextlib.suppress(asyncio.CancelledError):
            await ended

    async def _maintain(self, state: RunState) -> None:
        """Extend the leases, give back copies of halted letters, and keep to this worker's share."""
        now = time.monotonic()
        extend_at, share_at = now + _EXTEND_EVERY, now + _SHARE_EVERY
        while True:
            await asyncio.sleep(_HALTED_EVERY)
            await state.queue.return_halted()
            now = time.monotonic()
            if now >= extend_at:
                await state.writer.write(self._claimer.extend)
                extend_at = now + _EXTEND_EVERY
            if now >= share_at:
                state.connections = await state.writer.write(self._share)
                if not state.connections:
                    state.over.set()
                share_at = now + _SHARE_EVERY

    async def _clear_up(self, writer: BatchWriter) -> None:
        try:
            async with asyncio.timeout(_LAST_WRITE):
                await writer.flush()
                await writer.write(self._claimer.return_all)
                self._has_leftovers = False
        except TimeoutError:
            pass
        finally:
            await writer.shut_down()
            if writer.unrecorded:
                log.error("results could not be recorded; these copies are in doubt", copies=writer.unrecorded)


def _refusal(outcome: Outcome) -> SmtpRefusal:
    copy, command = outcome.copy, "DATA" if outcome.after_data else "RCPT"
    reply = (outcome.code or 0, outcome.status or "", outcome.reply or "", command)
    return SmtpRefusal(copy.address, *reply, copy.id, copy.letter_id, copy.subscription_id)


async def _first_of(*futures: Future[Any], timeout: float | None = None) -> None:
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


async def _cancel(tasks: Collection[Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
