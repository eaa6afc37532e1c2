"""The batch writer: everything a bulk run writes, one transaction at a time, and many moves in each.

A commit ends when the disk has it, so the disk limits how fast copies may leave. Begin marks and results from every
connection share a commit with what else is to be written, and while one group is being committed the next one gathers.
While the database is unreachable the writer waits and tries again; what is to be written stays in memory, and each move
is a compare-and-set, so trying twice does no harm.
"""

import asyncio
import contextlib
import time
from asyncio import Future, Handle
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.db import AWAY, Sessions
from newsletter.delivery import ledger
from newsletter.delivery.bulk.ledger_thread import LedgerThread
from newsletter.delivery.ledger.outcomes import HeldCopy, Outcome

T = TypeVar("T")
Observer = Callable[[Connection, Sequence[Outcome], datetime], Callable[[], None]]
"""Called with the outcomes of a group, in the transaction that records them; if that is undone, again in the next one,
with others behind them. What it returns is called once they are committed."""

# Seconds between groups; less when half of the connections wait for one. If all of them waited, the server
# would have nothing to do while we write, and we would have nothing to do while it reads.
_GATHER = 0.001
# Seconds. Where a group takes less, the loop commits it itself: the way to a thread and back takes longer than that
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


class _Work(NamedTuple):
    run: Callable[[Session], Any]
    done: Future[Any]


@dataclass(slots=True)
class _Group:
    """What one transaction is to write, and how that ended."""

    begins: list[tuple[HeldCopy, Future[bool]]]
    outcomes: list[Outcome]
    work: _Work | None
    begun: set[int] = field(default_factory=set)
    began: float = 0.0
    transaction: RootTransaction | None = None
    committed: Callable[[], None] = lambda: None
    returned: Any = None
    error: BaseException | None = None


class BatchWriter:
    """Writes for one bulk run over one database connection that it keeps."""

    def __init__(self, sessions: Sessions, worker: str, clock: Clock, smtp_connections: int, observe: Observer) -> None:
        self._sessions = sessions
        self._worker = worker
        self._clock = clock
        self._observe = observe
        self._connection: Connection | None = None
        self._begins: list[tuple[HeldCopy, Future[bool]]] = []
        self._outcomes: list[Outcome] = []
        self._works: deque[_Work] = deque()
        self._smtp_connections = smtp_connections
        self._group_size = max(1, smtp_connections // 2)
        """Once so many connections wait for a group, it is written at once."""
        self._timer: Handle | None = None
        """Of the next group."""
        self._next_at = 0.0
        self._is_writing = False
        self._wait = 0.0
        """Seconds before the next try; 0 while the database can be reached."""
        self._lasted = _QUICK_COMMIT
        """How many seconds the last group took; before the first, too many for the loop."""
        self._thread = LedgerThread()
        self._broken: Future[None] = asyncio.get_running_loop().create_future()

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
        """Run `work` in the next group, after what it records; waits while the database is unreachable.

        An error of the work undoes the group, and is raised here; the group is then written without it.
        """
        done: Future[T] = asyncio.get_running_loop().create_future()
        self._works.append(_Work(work, done))
        self._request()
        return await done

    async def flush(self) -> None:
        """Write everything that is queued; if the database was unreachable, see at once whether it is back."""
        self._wait = 0.0
        await self.write(lambda _: None)

    async def watch(self) -> None:
        """Wait, until cancelled, for an error after which no group can be written; raises it."""
        await asyncio.shield(self._broken)

    async def shut_down(self) -> None:
        """Wait for what is being written, then close the connection and end the thread for good."""
        await self._thread.end()
        self._cancel_timer()
        self._close()

    @property
    def unrecorded(self) -> list[int]:
        """The copies whose results are in memory only."""
        return [outcome.copy.id for outcome in self._outcomes]

    def _request(self) -> None:
        """Write a group at once if enough connections wait for it, else soon."""
        if self._is_writing or self._wait or (self._broken.done() and not self._works):
            return  # and requested again at the end, unless that is in vain
        if self._works or len(self._begins) >= self._group_size:
            # In this very call: once the loop came to it, it would have served the other connections,
            # all would share the group, and the server would have nothing to do meanwhile.
            self._start()
        elif self._timer is None and (self._begins or self._outcomes):
            loop = asyncio.get_running_loop()
            # Whatever else is requested in this turn of the loop joins the group.
            is_free = loop.time() >= self._next_at
            self._timer = loop.call_soon(self._start) if is_free else loop.call_at(self._next_at, self._start)

    def _start(self) -> None:
        """Write all that is queued; of the works only the first, so that none holds up the begin marks for long."""
        self._cancel_timer()
        self._is_writing = True
        begins, self._begins = self._begins, []
        group = _Group(begins, list(self._outcomes), self._next_work())
        if group.work or not self._sessions.embedded:
            # What takes long is waited for elsewhere, because the loop has other things to do meanwhile.
            self._thread.start(partial(self._write, group), partial(self._end, group))
            return
        # SQLite makes the changes in memory; in the thread, each would wait for the interpreter's lock.
        self._execute(group)
        if group.error or self._lasted < _QUICK_COMMIT:
            self._commit(group)
            self._end(group)
        else:
            self._thread.start(partial(self._commit, group), partial(self._end, group))

    def _next_work(self) -> _Work | None:
        while self._works:
            work = self._works.popleft()
            if not work.done.cancelled():
                return work
        return None

    def _write(self, group: _Group) -> None:
        self._execute(group)
        self._commit(group)

    def _execute(self, group: _Group) -> None:
        """Make all changes of a group in a transaction of its own; if that fails, none."""
        try:
            if self._connection is None:
                self._connection = self._sessions.dedicated_connection()
            group.began = time.monotonic()
            group.transaction = self._connection.begin()
            self._move(self._connection, group)
        except BaseException as error:
            group.error = error
            if group.transaction:
                with contextlib.suppress(DBAPIError):
                    group.transaction.close()

    def _commit(self, group: _Group) -> None:
        if group.error or not group.transaction:
            return
        try:
            with group.transaction:
                group.transaction.commit()
            if not group.work:
                self._lasted = time.monotonic() - group.began
        except BaseException as error:
            group.error = error

    def _move(self, connection: Connection, group: _Group) -> None:
        now, begins = self._clock(), [copy for copy, _ in group.begins]
        ledger.record(connection, self._worker, group.outcomes, now)
        group.committed = self._observe(connection, group.outcomes, now)
        group.begun = ledger.begin(connection, self._worker, begins, now) if begins else set()
        if group.work:
            with Session(connection, expire_on_commit=False) as session, session.begin():
                group.returned = group.work.run(session)

    def _end(self, group: _Group) -> None:
        self._is_writing = False
        if isinstance(group.error, AWAY):
            self._try_again(group, group.error)
            return
        self._wait = 0.0
        if group.error:
            self._fail(group, group.error)
        else:
            self._set_pace()
            # Only now, so that no result is lost.
            del self._outcomes[: len(group.outcomes)]
            group.committed()
            _answer(group)
        self._request()

    def _try_again(self, group: _Group, error: Exception) -> None:
        self._begins = group.begins + self._begins
        if group.work:
            self._works.appendleft(group.work)
        self._lasted = _QUICK_COMMIT  # by the thread, until it is quick again
        self._close()
        self._wait = min(_LONGEST_WAIT, max(_SHORTEST_WAIT, self._wait * 2))
        if self._wait > _WORTH_LOGGING:
            log.warning("the ledger cannot be written; trying again", error=str(getattr(error, "orig", error)))
        self._timer = asyncio.get_running_loop().call_later(self._wait, self._start)

    def _fail(self, group: _Group, error: BaseException) -> None:
        self._begins = group.begins + self._begins
        if group.work:
            if not group.work.done.done():
                group.work.done.set_exception(error)
        elif not self._broken.done():
            self._broken.set_exception(error)

    def _set_pace(self) -> None:
        """Decide how long the next group gathers, by what the last one took."""
        is_slow, half = self._lasted > _SLOW_COMMIT, max(1, self._smtp_connections // 2)
        self._group_size = self._smtp_connections if is_slow else half
        self._next_at = asyncio.get_running_loop().time() + max(_GATHER, self._lasted * _PAUSE)

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            with contextlib.suppress(DBAPIError):
                connection.close()


def _answer(group: _Group) -> None:
    for copy, answer in group.begins:
        if not answer.done():
            answer.set_result(copy.id in group.begun)
            group.begun.discard(copy.id)  # for one connection only, should two ever hold the same copy
    if group.work and not group.work.done.done():
        group.work.done.set_result(group.returned)
