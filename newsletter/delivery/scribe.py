"""The scribe: all writing of a press run, one transaction at a time, and many moves in each.

Begin marks and results from every line are written together: while one group is being committed the
next one gathers. While the database is away the scribe waits and tries again; what is to be written
stays in memory, and each move is a compare-and-set, so trying twice does no harm.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.outcomes import Outcome

T = TypeVar("T")

_AWAY = (OperationalError, InterfaceError, PoolTimeout)
_LONGEST_WAIT = 5.0  # seconds

log = structlog.get_logger(__name__)


class Scribe:
    """Writes for one press run, in a thread, so that the lines go on meanwhile."""

    def __init__(self, sessions: Sessions, worker: str, clock: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._worker = worker
        self._clock = clock
        self._begins: dict[int, Future[bool]] = {}
        self._outcomes: list[Outcome] = []
        self._asked = asyncio.Event()
        self._pen = asyncio.Lock()

    def begin(self, copy_id: int) -> Future[bool]:
        """Once this is done, and true, the copy's final dot may be written; false: it must not be."""
        begun = self._begins[copy_id] = asyncio.get_running_loop().create_future()
        self._asked.set()
        return begun

    def record(self, outcome: Outcome) -> None:
        """Have this written soon; it is not lost while this process lives."""
        self._outcomes.append(outcome)
        self._asked.set()

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do this in a transaction of its own; waits while the database is away."""
        async with self._pen:
            return await self._insist(work)

    async def run(self) -> None:
        """Write group after group, until cancelled."""
        while True:
            await self._asked.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits to be written, in one transaction."""
        async with self._pen:
            self._asked.clear()
            begins, self._begins = self._begins, {}
            outcomes = list(self._outcomes)
            begun = await self._insist(lambda session: self._group(session, outcomes, list(begins)))
            # Only now, so that a wait that is cancelled loses no result.
            del self._outcomes[: len(outcomes)]
        for copy_id, answer in begins.items():
            if not answer.done():
                answer.set_result(copy_id in begun)

    async def _insist(self, work: Callable[[Session], T]) -> T:
        wait = 0.1
        while True:
            try:
                return await _to_the_end(asyncio.to_thread(self._in_transaction, work))
            except _AWAY as error:
                log.warning("the ledger cannot be written; trying again", error=type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT, wait * 2)

    @property
    def unwritten(self) -> list[int]:
        """The copies whose results are in memory only."""
        return [outcome.copy_id for outcome in self._outcomes]

    def _group(self, session: Session, outcomes: list[Outcome], begins: list[int]) -> set[int]:
        now = self._clock()
        ledger.record(session, self._worker, outcomes, now)
        return ledger.begin(session, self._worker, begins, now) if begins else set()

    def _in_transaction(self, work: Callable[[Session], T]) -> T:
        with self._sessions.begin() as session:
            return work(session)


async def _to_the_end(writing: Coroutine[Any, Any, T]) -> T:
    """Wait for a thread even when cancelled, for it goes on writing all the same."""
    task = asyncio.ensure_future(writing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
