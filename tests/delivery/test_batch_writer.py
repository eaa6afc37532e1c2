"""The batch writer by itself: what shares a transaction, and what is written when some of it fails."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from peers import readers
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from newsletter.delivery import ledger
from newsletter.delivery.bulk.batch_writer import BatchWriter
from newsletter.delivery.ledger import ClaimedCopy, outcomes
from newsletter.delivery.smtp.replies import Reply
from tests import disk


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

    def run(work: Callable[[BatchWriter], Awaitable[object]], connections: int = 4, observe=lambda *_: None) -> object:
        async def within() -> object:
            writer = BatchWriter(sessions, "w", clock, connections, observe)
            try:
                return await asyncio.wait_for(work(writer), timeout=60)
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


def test_an_error_of_other_work_costs_no_mark_and_no_result(held, over_writer, copies) -> None:
    begun, ended = held(2)

    async def with_an_error(writer: BatchWriter) -> bool:
        mark = writer.begin(begun)
        writer.record(outcomes.sent(ended, Reply(250, ("2.0.0 Taken",))))
        with pytest.raises(ZeroDivisionError):
            await writer.write(lambda _: 1 // 0)
        return await mark

    assert over_writer(with_an_error)
    assert copies(ended.letter_id)[ended.address].state == "sent"


def test_once_the_database_is_back_all_goes_on(held, over_writer) -> None:
    copies = held(2)
    away = [OperationalError("COMMIT", None, Exception("away"))]

    def observe(*_: object) -> None:
        if away:
            raise away.pop()

    async def one_after_the_other(writer: BatchWriter) -> list[bool]:
        return [await writer.begin(copy) for copy in copies]

    assert over_writer(one_after_the_other, observe=observe) == [True, True]


def test_work_that_nobody_waits_for_any_more_is_not_done(held, over_writer) -> None:
    [copy] = held(1)
    done = []

    async def cancelled(writer: BatchWriter) -> None:
        first = asyncio.create_task(writer.flush())
        await asyncio.sleep(0)
        second = asyncio.create_task(writer.write(lambda _: done.append("in vain")))
        await asyncio.sleep(0)
        second.cancel()
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


@pytest.mark.usefixtures("durable")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_once_a_disk_is_known_to_be_slow_no_connection_waits_while_a_group_is_written(
    held, over_writer, sessions
) -> None:
    known, written = held(2)

    async def turns_meanwhile(writer: BatchWriter) -> int:
        turns = 0
        await writer.begin(known)
        mark = writer.begin(written)
        while not mark.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    # What is open already lies on a quick disk.
    sessions.engine.dispose()
    with disk.over(disk.Slow(0.05)):
        assert over_writer(turns_meanwhile, connections=2) > 10
