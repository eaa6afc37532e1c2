"""The batch writer by itself: what shares a transaction, and what is written when some of it fails."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from peers import readers
from sqlalchemy import Connection, event, func, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from newsletter.delivery import ledger
from newsletter.delivery.breaker import Strike
from newsletter.delivery.bulk import batch_writer
from newsletter.delivery.bulk.batch_writer import BatchWriter
from newsletter.delivery.ledger import ClaimedCopy, outcomes
from newsletter.delivery.smtp.replies import Reply
from tests import disk
from tests.waiting import PATIENCE


@pytest.fixture
def held(running, sessions, clock) -> Callable[[int], Sequence[ClaimedCopy]]:
    """So many copies that worker "w" has claimed."""

    def claim(count: int) -> Sequence[ClaimedCopy]:
        running(readers(count))
        with sessions.begin() as session:
            return ledger.claim(session, "w", count, clock.now)

    return claim


@pytest.fixture
def over_writer(sessions, clock) -> Callable[..., object]:
    """What `work` returns that is done with a writer for so many connections."""

    def run(
        work: Callable[[BatchWriter], Awaitable[object]], connections: int = 4, observe=lambda *_: lambda: None
    ) -> object:
        async def within() -> object:
            writer = BatchWriter(sessions, "w", clock, connections, observe)
            try:
                return await asyncio.wait_for(work(writer), PATIENCE)
            finally:
                await writer.shut_down()

        return asyncio.run(within())

    return run


@pytest.fixture
def commits(sessions) -> list[object]:
    seen: list[object] = []
    event.listen(sessions.engine, "commit", seen.append)
    return seen


def test_two_connections_that_hold_one_copy_cannot_both_begin_it(held, over_writer) -> None:
    [copy] = held(1)

    async def both(writer: BatchWriter) -> list[bool]:
        return await asyncio.gather(writer.begin(copy), writer.begin(copy))

    assert sorted(over_writer(both)) == [False, True]


def test_half_of_the_connections_do_not_wait_until_all_others_want_a_mark(held, over_writer, commits) -> None:
    copies = held(4)
    commits.clear()

    async def in_one_turn_of_the_loop(writer: BatchWriter) -> list[bool]:
        return await asyncio.gather(*[writer.begin(copy) for copy in copies])

    assert over_writer(in_one_turn_of_the_loop) == [True] * 4
    assert len(commits) == 2


def test_what_else_is_to_be_written_shares_a_commit_with_the_marks(held, over_writer, commits, clock) -> None:
    begun, ended = held(2)
    commits.clear()

    async def with_a_claim(writer: BatchWriter) -> tuple[bool, list[ClaimedCopy]]:
        mark = writer.begin(begun)
        writer.record(outcomes.released(ended))
        claimed = await writer.write(lambda session: ledger.claim(session, "w", 9, clock.now))
        return await mark, claimed

    is_begun, claimed = over_writer(with_a_claim)
    assert is_begun
    assert [copy.id for copy in claimed] == [ended.id]  # what was given back can be claimed in the same transaction
    assert len(commits) == 1


def divide_by_zero(_: Session) -> object:
    return 1 // 0


def break_a_constraint(session: Session) -> object:
    session.add(Strike(copy_id=1))
    return session.flush()


@pytest.mark.parametrize(("work", "kind"), [(divide_by_zero, ZeroDivisionError), (break_a_constraint, IntegrityError)])
def test_an_error_of_other_work_costs_no_mark_and_no_result(held, over_writer, copies, work, kind) -> None:
    begun, ended = held(2)

    async def with_an_error(writer: BatchWriter) -> bool:
        mark = writer.begin(begun)
        writer.record(outcomes.sent(ended, Reply(250, ("2.0.0 Taken",))))
        with pytest.raises(kind):
            await writer.write(work)
        return await mark

    assert over_writer(with_an_error)
    assert copies(ended.letter_id)[ended.address].state == "sent"


@pytest.fixture
def away_once() -> Callable[..., None]:
    """Observes nothing; the first time, the database goes away."""
    away = [OperationalError("COMMIT", None, Exception("away"))]

    def observe(*_: object) -> Callable[[], None]:
        if away:
            raise away.pop()
        return lambda: None

    return observe


def test_once_the_database_is_back_all_goes_on(held, over_writer, away_once) -> None:
    copies = held(2)

    async def one_after_the_other(writer: BatchWriter) -> list[bool]:
        return [await writer.begin(copy) for copy in copies]

    assert over_writer(one_after_the_other, observe=away_once) == [True, True]


def test_a_stop_sees_at_once_whether_the_database_is_back(held, over_writer, away_once, copies, monkeypatch) -> None:
    monkeypatch.setattr(batch_writer, "_LONGEST_WAIT", 3600.0)
    monkeypatch.setattr(batch_writer, "_SHORTEST_WAIT", 3600.0)
    [ended] = held(1)

    async def stopped(writer: BatchWriter) -> None:
        writer.record(outcomes.sent(ended, Reply(250, ("2.0.0 Taken",))))
        while not writer._wait:
            await asyncio.sleep(0)
        await writer.flush()

    over_writer(stopped, observe=away_once)
    assert copies(ended.letter_id)[ended.address].state == "sent"


def test_work_that_nobody_waits_for_any_more_is_not_tried_again(over_writer, away_once) -> None:
    done = []

    async def cancelled(writer: BatchWriter) -> None:
        work = asyncio.create_task(writer.write(lambda _: done.append("in vain")))
        while not writer._wait:
            await asyncio.sleep(0)
        work.cancel()
        await writer.flush()

    over_writer(cancelled, observe=away_once)
    assert done == []


def test_when_the_answer_to_a_commit_is_lost_no_dot_may_leave_and_nothing_is_done_twice(
    held, over_writer, sessions, clock, copies
) -> None:
    begun, ended, back = held(3)
    unanswered = [OperationalError("COMMIT", None, Exception("away"))]

    def commit_unanswered(connection: Connection) -> None:
        if unanswered:
            connection.connection.commit()
            raise unanswered.pop()

    async def with_a_claim(writer: BatchWriter) -> tuple[bool, list[ClaimedCopy]]:
        event.listen(sessions.engine, "commit", commit_unanswered)
        mark = writer.begin(begun)
        writer.record(outcomes.sent(ended, Reply(250, ("2.0.0 Taken",))))
        writer.record(outcomes.released(back))
        claimed = await writer.write(lambda session: ledger.claim(session, "w", 9, clock.now))
        return await mark, claimed

    is_begun, claimed = over_writer(with_a_claim)
    assert not unanswered
    assert not is_begun
    assert [copy.id for copy in claimed] == [back.id]
    assert (copies(ended.letter_id)[ended.address].state, copies(ended.letter_id)[ended.address].attempts) == (
        "sent",
        1,
    )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_server_that_ends_the_connection_in_the_middle_of_a_claim_costs_nothing(
    held, over_writer, clock, copies
) -> None:
    begun, ended, back = held(3)
    ends = [select(func.pg_terminate_backend(func.pg_backend_pid()))]

    def claim(session: Session) -> list[ClaimedCopy]:
        claimed = ledger.claim(session, "w", 9, clock.now)
        if ends:
            session.execute(ends.pop())
        return claimed

    async def with_a_claim(writer: BatchWriter) -> tuple[bool, list[ClaimedCopy]]:
        mark = writer.begin(begun)
        writer.record(outcomes.sent(ended, Reply(250, ("2.0.0 Taken",))))
        writer.record(outcomes.released(back))
        claimed = await writer.write(claim)
        return await mark, claimed

    is_begun, claimed = over_writer(with_a_claim)
    assert is_begun
    assert [copy.id for copy in claimed] == [back.id]
    assert copies(ended.letter_id)[ended.address].state == "sent"


def test_work_that_nobody_waits_for_any_more_is_not_done(held, over_writer) -> None:
    [copy] = held(1)
    done, may_end = [], threading.Event()

    async def cancelled(writer: BatchWriter) -> None:
        first = asyncio.create_task(writer.write(lambda _: may_end.wait(PATIENCE)))
        await asyncio.sleep(0)
        second = asyncio.create_task(writer.write(lambda _: done.append("in vain")))
        await asyncio.sleep(0)
        second.cancel()
        may_end.set()
        await first
        writer.begin(copy)
        await writer.flush()

    over_writer(cancelled)
    assert done == []


def test_an_error_after_which_nothing_can_be_written_is_raised_to_whoever_watches(held, over_writer) -> None:
    def observe(*_: object) -> None:
        raise ZeroDivisionError

    [copy] = held(1)

    async def watched(writer: BatchWriter) -> None:
        writer.begin(copy)
        with pytest.raises(ZeroDivisionError):
            await writer.watch()

    over_writer(watched, connections=1, observe=observe)


def test_who_waits_for_a_group_that_cannot_be_written_is_told_so(held, over_writer) -> None:
    def observe(*_: object) -> None:
        raise ZeroDivisionError

    [copy] = held(1)

    async def flushed_meanwhile(writer: BatchWriter) -> None:
        writer.begin(copy)
        with pytest.raises(ZeroDivisionError):
            await writer.flush()
        with pytest.raises(ZeroDivisionError):
            await writer.watch()

    over_writer(flushed_meanwhile, connections=1, observe=observe)


@pytest.mark.usefixtures("durable")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_once_a_disk_is_known_to_be_slow_no_connection_waits_while_a_group_is_written(
    held, over_writer, sessions
) -> None:
    known, written = held(2)
    slow = _Stuck(0.05)

    async def is_answered_meanwhile(writer: BatchWriter) -> bool:
        await writer.begin(known)
        slow.is_stuck = True
        mark = writer.begin(written)
        while not slow.syncing.is_set():
            await asyncio.sleep(0)
        is_answered = mark.done()
        slow.freed.set()
        return is_answered or not await mark

    # What is open already lies on a quick disk.
    sessions.engine.dispose()
    with disk.over(slow):
        assert over_writer(is_answered_meanwhile, connections=2) is False


class _Stuck(disk.Disk):
    """A disk whose syncs take so many seconds, and that ends none, once it is stuck, until it is freed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.is_stuck, self.syncing, self.freed = False, threading.Event(), threading.Event()

    def sync(self, path: Path, content: Callable[[], bytes], really: Callable[[], int], /) -> int:
        if self.is_stuck:
            self.syncing.set()
            self.freed.wait(PATIENCE)
        time.sleep(self._seconds)
        return super().sync(path, content, really)
