"""The press run: sends what is due of every running letter, over several connections at once.

What a kill leaves behind is bounded by the order of writing: a copy is marked as begun before its
final dot may leave, and a line begins one copy at a time. A stop by signal leaves nothing behind:
what is in flight is finished, the rest is given back.
"""

import asyncio
import contextlib
import ssl
import threading
import time
from asyncio import Future, Task
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from sqlalchemy.orm import Session

from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.bulk.batch_writer import BatchWriter
from newsletter.delivery.bulk.prefetch import Claimer, PrefetchQueue, QueuedCopy, TemplateCache
from newsletter.delivery.bulk.smtp_worker import RunState, SendConfig, SmtpWorker
from newsletter.delivery.message.dkim_keys import NO_KEYS, Keyring
from newsletter.delivery.rate_limit.claim_limiter import Batch, ClaimLimiter
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.rate_limit.spacing import Spacing
from newsletter.delivery.smtp.outage import ServerStatus, UnreachableServer
from newsletter.delivery.workers import connection_share
from newsletter.links import Links
from newsletter.mail_settings import MailServer

# Seconds. A stop takes at most the two together, which is less than the 10 that it may take, while the database
# answers. A write that hangs is waited for; then nothing could be given back, and `worker` ends it all by force.
_FINISH_IN_FLIGHT = 6.0
_LAST_WRITE = 2.0

_SWEEP = 0.25
_LOOK = 2.0
_EXTEND = ledger.LEASE.total_seconds() / 4

log = structlog.get_logger(__name__)


class BulkSender:
    """One worker's press; `run_once` prints until nothing is due, and `stop` ends it from any thread."""

    def __init__(
        self,
        sessions: Sessions,
        server: MailServer,
        links: Links,
        *,
        worker: str,
        limits: Limits = Limits(),  # noqa: B008  (frozen)
        keyring: Keyring = NO_KEYS,
        return_path_domain: str | None = None,
        in_doubt: Literal["resend", "hold"] = "resend",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        tls: ssl.SSLContext | None = None,
        patience: float = 1.0,
    ) -> None:
        """`limits` are for all workers together; `patience` scales every wait for the server."""
        self._pacer = ClaimLimiter(limits, worker)
        templates = TemplateCache(links, keyring)
        self._presence = ServerStatus(server.door, clock)
        self._way = SendConfig(
            server, tls, patience, return_path_domain, in_doubt, clock, Spacing(), self._pacer, self._presence
        )
        self._claims = Claimer(worker, templates, clock, self._pacer)
        self._sessions = sessions
        self._worker = worker
        self._stopping = threading.Event()
        self._left_behind = False
        """Whether a run ended with copies that it could not give back."""
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def away(self) -> UnreachableServer | None:
        """The mail server, where copies wait for it."""
        return self._presence.away

    def run_once(self) -> bool:
        """Send until no copy is due; whether there was any. While the server is down, waits for it."""
        if self._stopping.is_set():
            return False
        with self._sessions.begin() as session:
            if self._left_behind:
                ledger.recover_from(session, self._worker, self._way.in_doubt, self._way.clock())
            lines = self._share(session)
            first: Batch[QueuedCopy] = self._claims.take(session, lines) if lines else Batch([])
        self._left_behind = bool(first.copies)
        if first.copies:
            asyncio.run(self._run(first, lines))
        return bool(first.copies) or first.more

    def stop(self) -> None:
        """Finish what is in flight, give back the rest; `run_once` returns soon, then and ever after."""
        self._stopping.set()
        loop = self._loop
        if loop:
            with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
                loop.call_soon_threadsafe(self._halt.set)

    def _share(self, session: Session) -> int:
        """How many of all workers' connections are this one's now."""
        now = self._way.clock()
        return connection_share.share(
            self._pacer.connections(now), *connection_share.position_of(session, self._worker, now)
        )

    async def _run(self, first: Batch[QueuedCopy], lines: int) -> None:
        self._halt = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._stopping.is_set():
            self._halt.set()
        scribe = BatchWriter(self._sessions, self._worker, self._way.clock, lines, self._pacer.breaker.watch)
        floor = RunState(
            PrefetchQueue(self._claims, scribe, self._way.throttle, first, lines), scribe, self._halt, lines
        )
        helpers = [asyncio.create_task(scribe.run()), asyncio.create_task(self._keep(floor))]
        try:
            await self._send(floor, helpers)
        finally:
            self._loop = None
            self._presence.met()
            await _cancel(helpers)
            await floor.tray.close()
            try:
                await self._clear_up(scribe)
            finally:
                scribe.end()

    async def _send(self, floor: RunState, helpers: list[Task[None]]) -> None:
        """Until every line has ended, or, from the moment of a halt, until it has had its time."""
        lines = range(self._pacer.most_connections)
        tasks = [asyncio.create_task(SmtpWorker(self._way, floor, number).run()) for number in lines]
        halted = asyncio.create_task(floor.halt.wait())
        ended = asyncio.gather(*tasks)
        try:
            await _first_of(ended, halted, *helpers)
            if floor.halt.is_set():
                await _first_of(ended, *helpers, timeout=_FINISH_IN_FLIGHT)
        finally:
            await _cancel([*tasks, halted])
        for helper in helpers:
            if helper.done():
                helper.result()
        with contextlib.suppress(asyncio.CancelledError):
            await ended

    async def _keep(self, floor: RunState) -> None:
        """Keep the leases alive, let go of letters that were paused or cancelled, and keep to this worker's share."""
        now = time.monotonic()
        extend_at, look_at = now + _EXTEND, now + _LOOK
        while True:
            await asyncio.sleep(_SWEEP)
            await floor.tray.sweep()
            now = time.monotonic()
            if now >= extend_at:
                await floor.scribe.write(self._claims.extend)
                extend_at = now + _EXTEND
            if now >= look_at:
                floor.lines = await floor.scribe.write(self._share)
                if not floor.lines:
                    floor.over.set()
                look_at = now + _LOOK

    async def _clear_up(self, scribe: BatchWriter) -> None:
        try:
            async with asyncio.timeout(_LAST_WRITE):
                await scribe.flush()
                await scribe.write(self._claims.return_all)
                self._left_behind = False
        except TimeoutError:
            pass
        finally:
            if scribe.unwritten:
                log.error("results could not be recorded; these copies are in doubt", copies=scribe.unwritten)


async def _first_of(*futures: Future[Any], timeout: float | None = None) -> None:
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


async def _cancel(tasks: Collection[Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
