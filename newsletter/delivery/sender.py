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

from newsletter.config import MailServer
from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.ledger import Claimed
from newsletter.delivery.line import Floor, Line, Way
from newsletter.delivery.scribe import Scribe
from newsletter.delivery.throttle import Throttle
from newsletter.delivery.tray import Claims, Templates, Tray
from newsletter.links import Links

# Seconds. A stop takes at most the two together, which is less than the 10 that it may take.
_FINISH_IN_FLIGHT = 6.0
_LAST_WRITE = 2.0

_SWEEP = 0.25
_EXTEND = ledger.LEASE.total_seconds() / 4

log = structlog.get_logger(__name__)


class PressRun:
    """One worker's press; `run_once` prints until nothing is due, and `stop` ends it from any thread."""

    def __init__(
        self,
        sessions: Sessions,
        server: MailServer,
        links: Links,
        *,
        worker: str,
        connections: int = 10,
        rate: float = 0,
        return_path_domain: str | None = None,
        in_doubt: Literal["resend", "hold"] = "resend",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        tls: ssl.SSLContext | None = None,
        patience: float = 1.0,
    ) -> None:
        """`rate` in messages a second, 0 for no limit; `patience` scales every wait for the server."""
        templates = Templates(links)
        self._way = Way(server, tls, patience, return_path_domain, in_doubt, clock, templates, Throttle(rate))
        self._claims = Claims(worker, templates, clock)
        self._sessions = sessions
        self._worker = worker
        self._connections = connections
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run_once(self) -> bool:
        """Send until no copy is due; whether there was any. While the server is down, waits for it."""
        if self._stopping.is_set():
            return False
        with self._sessions.begin() as session:
            first = self._claims.take(session, self._connections)
        if first:
            asyncio.run(self._run(first))
        return bool(first)

    def stop(self) -> None:
        """Finish what is in flight, give back the rest; `run_once` returns within ten seconds, then and ever after."""
        self._stopping.set()
        loop = self._loop
        if loop:
            with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
                loop.call_soon_threadsafe(self._halt.set)

    async def _run(self, first: list[Claimed]) -> None:
        self._halt = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._stopping.is_set():
            self._halt.set()
        scribe = Scribe(self._sessions, self._worker, self._way.clock)
        tray = Tray(self._claims, scribe, first, self._connections)
        helpers = [asyncio.create_task(scribe.run()), asyncio.create_task(self._keep(tray, scribe))]
        try:
            await self._send(Floor(tray, scribe, self._halt), helpers)
        finally:
            self._loop = None
            await _cancel(helpers)
            await self._clear_up(scribe)
            scribe.close()

    async def _send(self, floor: Floor, helpers: list[Task[None]]) -> None:
        """Until every line has ended, or, from the moment of a halt, until it has had its time."""
        lines = [asyncio.create_task(Line(self._way, floor).run()) for _ in range(self._connections)]
        halted = asyncio.create_task(floor.halt.wait())
        ended = asyncio.gather(*lines)
        try:
            await _first_of(ended, halted, *helpers)
            if floor.halt.is_set():
                await _first_of(ended, *helpers, timeout=_FINISH_IN_FLIGHT)
        finally:
            await _cancel([*lines, halted])
        for helper in helpers:
            if helper.done():
                helper.result()
        with contextlib.suppress(asyncio.CancelledError):
            await ended

    async def _keep(self, tray: Tray, scribe: Scribe) -> None:
        """Keep the leases alive, and let go of letters that were paused or cancelled."""
        extend_at = time.monotonic() + _EXTEND
        while True:
            await asyncio.sleep(_SWEEP)
            await tray.sweep()
            if time.monotonic() >= extend_at:
                await scribe.write(self._claims.extend)
                extend_at = time.monotonic() + _EXTEND

    async def _clear_up(self, scribe: Scribe) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WRITE):
                await scribe.flush()
                await scribe.write(self._claims.return_all)
        if scribe.unwritten:
            log.error("results could not be recorded; these copies are in doubt", copies=scribe.unwritten)


async def _first_of(*futures: Future[Any], timeout: float | None = None) -> None:
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


async def _cancel(tasks: Collection[Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
