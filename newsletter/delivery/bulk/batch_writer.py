"""The batch writer: everything a bulk run writes, one transaction at a time, and many moves in each.

A commit ends when the disk has it, so the disk limits how fast copies may leave. Begin marks and
results from every connection share a commit, and while one group is being committed the next one gathers. While the
database is unreachable the writer waits and tries again; what is to be written stays in memory, and each move is a
compare-and-set, so trying twice does no harm.
"""

import asyncio
import contextlib
import time
from asyncio import Future, Handle
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from newsletter.db import AWAY, Sessions
from newsletter.delivery import ledger
from newsletter.delivery.bulk.ledger_thread import LedgerThread
from newsletter.delivery.ledger.outcomes import HeldCopy, Outcome

T = TypeVar("T")
Observer = Callable[[Connection, Sequence[Outcome], datetime], None]
"""Called with the outcomes of a group, in the transaction that records them."""

# Seconds between groups; less when half of the connections wait for one. If all of them waited, the server
# would have nothing to do while we write, and we would have nothing to do while it reads.
_GATHER = 0.001
# Seconds. Where a group takes less, the loop writes it itself: the way to a thread and back takes longer than that
# while every core is busy, and all connections wait for the mark anyway.
_QUICK_COMMIT = 0.001
# Seconds. Where a commit takes longer, the disk is what everybody waits for: then all connections share one, and it is
# half of that time until the next, in which the connections come together, and others may write: SQLite has one writer.
_SLOW_COMMIT = 0.003
_PAUSE = 0.5

# Seconds between two tries: short while another writer holds the lock, growing while the database is unreachable.
_SHORTEST_WAIT = 0.002
_WORTH_LOGGING = 0.5
_LONGEST_WAIT = 5.0

log = structlog.get_logger(__name__)


class BatchWriter:
    """Writes for one bulk run over one database connection that it keeps."""

    def __init__(
        self, sessions: Sessions, worker: str, clock: Callable[[], datetime], smtp_connections: int, observe: Observer
    ) -> None:
        self._sessions = sessions
        self._worker = worker
        self._clock = clock
        self._observe = observe
        self._connection: Connection | None = None
        self._begins: list[tuple[HeldCopy, Future[bool]]] = []
        self._outcomes: list[Outcome] = []
        self._requested = asyncio.Event()
        self._smtp_connections = smtp_connections
        self._group_size = max(1, smtp_connections // 2)
        """Once so many connections wait for a group, it is written at once."""
        self._timer: Handle | None = None
        self._next_at = 0.0
        self._writing = False
        self._lasted = _QUICK_COMMIT
        """How many seconds the last group took; before the first, too many for the loop."""
        self._turn = asyncio.Lock()
        self._thread = LedgerThread()

    def begin(self, copy: HeldCopy) -> Future[bool]:
        """A future that says whether the copy's final dot may be written, once the begin mark is committed."""
        begun: Future[bool] = asyncio.get_running_loop().create_future()
        self._begins.append((copy, begun))
        self._request()
        return begun

    def record(self, outcome: Outcome) -> None:
        """Write this outcome soon; it is not lost while this process lives."""
        self._outcomes.append(outcome)
        self._request()

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction of its own; waits while the database is unreachable."""
        async with self._turn:
            return await self._retry(lambda connection: _in_session(connection, work))

    async def run(self) -> None:
        """Write group after group, until cancelled."""
        while True:
            await self._requested.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write everything that is queued, in one transaction."""
        async with self._turn:
            self._requested.clear()
            if self._timer:
                self._timer.cancel()
                self._timer = None
            begins, self._begins = self._begins, []
            outcomes = list(self._outcomes)
            self._writing = True
            try:
                begun = await self._retry(lambda connection: self._group(connection, outcomes, begins), self._is_quick)
            finally:
                self._writing = False
            self._set_pace()
            # Only now, so that a wait that is cancelled loses no result.
            del self._outcomes[: len(outcomes)]
        for copy, answer in begins:
            if not answer.done():
                answer.set_result(copy.id in begun)
                begun.discard(copy.id)  # for one connection only, should two ever hold the same copy
        if self._begins or self._outcomes:
            self._request()

    def close(self) -> None:
        """Close the connection; the next write opens another."""
        connection, self._connection = self._connection, None
        if connection:
            with contextlib.suppress(DBAPIError):
                connection.close()

    def shut_down(self) -> None:
        """Close the connection and end the thread for good."""
        self.close()
        self._thread.end()

    @property
    def unrecorded(self) -> list[int]:
        """The copies whose results are in memory only."""
        return [outcome.copy.id for outcome in self._outcomes]

    def _request(self) -> None:
        """Schedule a group: at once if enough connections wait for it, else soon."""
        if self._writing:
            return  # and requested again at the end
        if len(self._begins) >= self._group_size:
            self._requested.set()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            # Whatever else is requested in this turn of the loop joins the group.
            is_free = loop.time() >= self._next_at
            self._timer = (
                loop.call_soon(self._requested.set) if is_free else loop.call_at(self._next_at, self._requested.set)
            )

    @property
    def _is_quick(self) -> bool:
        # A server's answer is waited for elsewhere, because the loop has other things to do meanwhile.
        return self._sessions.embedded and self._lasted < _QUICK_COMMIT

    def _set_pace(self) -> None:
        """Decide how long the next group gathers, by what the last one took."""
        is_slow, half = self._lasted > _SLOW_COMMIT, max(1, self._smtp_connections // 2)
        self._group_size = self._smtp_connections if is_slow else half
        self._next_at = asyncio.get_running_loop().time() + max(_GATHER, self._lasted * _PAUSE)

    def _group(
        self, connection: Connection, outcomes: list[Outcome], begins: list[tuple[HeldCopy, Future[bool]]]
    ) -> set[int]:
        now, began = self._clock(), time.monotonic()
        with connection.begin():
            ledger.record(connection, self._worker, outcomes, now)
            self._observe(connection, outcomes, now)
            begun = ledger.begin(connection, self._worker, [copy for copy, _ in begins], now) if begins else set()
        self._lasted = time.monotonic() - began
        return begun

    async def _retry(self, work: Callable[[Connection], T], is_quick: bool = False) -> T:
        wait = _SHORTEST_WAIT
        while True:
            try:
                if is_quick:
                    return self._over_connection(work)
                return await self._thread.run(partial(self._over_connection, work))
            except AWAY as error:
                is_quick = False
                self.close()
                if wait > _WORTH_LOGGING:
                    log.warning("the ledger cannot be written; trying again", error=str(getattr(error, "orig", error)))
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT, wait * 2)

    def _over_connection(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._sessions.dedicated_connection()
        return work(self._connection)


def _in_session(connection: Connection, work: Callable[[Session], T]) -> T:
    with Session(connection, expire_on_commit=False) as session, session.begin():
        return work(session)
