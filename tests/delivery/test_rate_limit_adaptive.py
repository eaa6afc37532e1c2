"""A server that asks for less gets less: a pause, then one connection, then one more at a time."""

from readerships import addresses, by_group, gmail, limited_groups, others
from sqlalchemy import update
from structlog.testing import capture_logs

from newsletter.addresses.provider_groups import Quota
from newsletter.delivery import ledger
from newsletter.delivery.ledger import outcomes
from newsletter.delivery.models import Copy, CopyState
from newsletter.delivery.rate_limit import claim_limiter
from newsletter.delivery.rate_limit.claim_limiter import ClaimLimiter
from newsletter.delivery.rate_limit.limiter import GROWS_EVERY, PAUSE
from newsletter.delivery.rate_limit.limits import SERVER, Limits


def test_a_rate_answer_pauses_its_group_and_no_other(running, take, sessions, clock, copies) -> None:
    letter = running([*gmail(5), *others(3)])
    pacer, other = ClaimLimiter(Limits(), "one"), ClaimLimiter(Limits(), "two")
    batch = take(pacer, 1)
    with sessions.begin() as session, capture_logs() as logs:
        pacer.slow_down(session, "gmail", clock())
        ledger.record(session.connection(), "one", [outcomes.released(batch.copies[0])], clock())
        pacer.slow_down(session, "gmail", clock())
    assert [entry["group"] for entry in logs] == ["gmail"]
    for who in (pacer, other):
        assert not any(address.endswith("gmail.com") for address in addresses(take(who)))
    rows = [row for row in copies(letter).values() if row.address.endswith("gmail.com")]
    assert {row.attempts for row in rows} == {0}
    assert min(row.not_before for row in rows) == clock() + PAUSE
    assert pacer.connections(clock()) == 10
    clock.pass_by(minutes=10)
    assert by_group(take(other)) == {"gmail": 1}
    clock.pass_by(seconds=0.5)
    assert len(take(other).copies) == 1


def test_a_rate_answer_voids_what_the_group_had_reserved(running, take, sessions, clock) -> None:
    running(gmail(2_000))
    pacer = ClaimLimiter(limited_groups(gmail=Quota(per_second=10)), "w")
    while take(pacer, 500).more:
        pass
    with sessions.begin() as session:
        pacer.slow_down(session, "gmail", clock())
    sent = 0
    for seconds in [30] * 20 + [1] * 120:  # the pause of ten minutes in great steps
        sent += len(take(pacer, 500).copies)
        clock.pass_by(seconds=seconds)
    assert 2 * 60 * 2 - 2 <= sent <= 2 * 60 * 2 + 2  # two a second after the pause, as over one connection


def test_a_slowed_server_pauses_then_grows_by_one_connection_at_a_time(running, take, sessions, clock, now) -> None:
    running(others(40))
    pacer, other = ClaimLimiter(Limits(connections=3), "one"), ClaimLimiter(Limits(connections=3), "two")
    assert len(take(other, 1).copies) == 1
    with sessions.begin() as session:
        pacer.slow_down(session, SERVER, clock())
    clock.pass_by(seconds=3)
    seen = []
    for _ in range(5):
        seen.append((len(take(other, 2).copies), other.connections(clock())))
        clock.now = max(clock() + GROWS_EVERY, now + PAUSE)
    assert seen == [(0, 0), (2, 1), (2, 2), (2, 3), (2, 3)]


def test_told_off_again_while_it_grows_it_begins_again(sessions, clock) -> None:
    pacer = ClaimLimiter(Limits(connections=5), "w")
    with sessions.begin() as session:
        pacer.slow_down(session, SERVER, clock())
        clock.pass_by(minutes=25)
        assert pacer.connections(clock()) == 4
        pacer.slow_down(session, SERVER, clock())
    assert pacer.connections(clock()) == 0
    clock.pass_by(minutes=10)
    assert pacer.connections(clock()) == 1


def test_what_holds_the_server_is_told(sessions, now) -> None:
    with sessions.begin() as session:
        assert claim_limiter.held_until(session, Limits(), now) is None
        ClaimLimiter(Limits(), "w").slow_down(session, SERVER, now)
    with sessions.reading() as session:
        hold = claim_limiter.held_until(session, Limits(), now)
    assert hold is not None
    assert (hold.until, "asked for less" in hold.why) == (now + PAUSE, True)


def test_queued_copies_can_be_held_back_when_their_group_is_told_off(running, take, sessions, clock) -> None:
    running(gmail(5))
    pacer = ClaimLimiter(Limits(), "w")
    batch = take(pacer)
    with sessions.begin() as session:
        pacer.slow_down(session, "gmail", clock())
        assert pacer.hold_back(session, batch.copies, clock()) == []
    assert take(pacer).copies == []


def test_a_reader_who_left_meanwhile_is_not_put_back_but_skipped(running, take, sessions, clock, copies) -> None:
    letter = running(gmail(2))
    pacer = ClaimLimiter(Limits(), "w")
    batch = take(pacer)
    with sessions.begin() as session:
        ledger.skip_pending(session, 1, "unsubscribed", clock())
        pacer.slow_down(session, "gmail", clock())
        pacer.hold_back(session, batch.copies, clock())
    rows = copies(letter)
    assert [(rows[who].state, rows[who].ended_at) for who in gmail(2)] == [
        (CopyState.SKIPPED, clock()),
        (CopyState.PENDING, None),
    ]


def test_a_copy_that_another_worker_took_over_is_not_put_back(running, take, sessions, clock, copies) -> None:
    letter = running(gmail(1))
    pacer = ClaimLimiter(Limits(), "w")
    batch = take(pacer)
    with sessions.begin() as session:
        session.execute(update(Copy).values(worker="other"))
        pacer.slow_down(session, "gmail", clock())
        pacer.hold_back(session, batch.copies, clock())
    assert copies(letter)["g0@gmail.com"].state is CopyState.SENDING
