"""Limits on the server as a whole, which workers share through the database, on both of them."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readerships import gmail, limited_groups, others
from sqlalchemy import event, func, select, update
from structlog.testing import capture_logs

from newsletter.addresses.provider_groups import ProviderGroups, Quota
from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.models import Copy, CopyState
from newsletter.delivery.rate_limit import claim_limiter, limiter_store
from newsletter.delivery.rate_limit.claim_limiter import ClaimLimiter
from newsletter.delivery.rate_limit.limiter_store import SharedLimiter
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.rate_limit.warmup import Warmup

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def claimed_at_once(sessions: Sessions, limits: Limits, wanted: int, now: datetime) -> list[ClaimedCopy]:
    """What four workers get that claim again and again, all at the same time."""
    start = threading.Barrier(4)

    def work(name: str) -> list[ClaimedCopy]:
        pacer, got = ClaimLimiter(limits, name), []
        start.wait()
        for _ in range(30):
            with sessions.begin() as session:
                got += pacer.claim(session, wanted, now).copies
        return got

    with ThreadPoolExecutor(4) as pool:
        return [copy for got in pool.map(work, "abcd") for copy in got]


def test_without_limits_a_claim_costs_no_statement_of_ours(running, sessions, now) -> None:
    running([*gmail(3), *others(3)])
    pacer, statements = ClaimLimiter(Limits(), "w"), []
    with sessions.begin() as session:
        pacer.claim(session, 1, now)
    event.listen(sessions.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    with sessions.begin() as session:
        assert len(pacer.claim(session, 5, now + SECOND).copies) == 5
    assert not [statement for statement in statements if "paces" in statement]
    with sessions.reading() as session:
        assert session.scalar(select(func.count()).select_from(SharedLimiter)) == 0


def test_all_workers_together_keep_the_rate(running, take, clock) -> None:
    running(others(100))
    limits = Limits(Quota(per_second=10))
    first, second = (take(ClaimLimiter(limits, worker)) for worker in ("one", "two"))
    assert (len(first.copies), first.wait, first.gap) == (21, 0.0, 0.1)  # two seconds ahead, and no further
    assert second.copies == []
    clock.pass_by(seconds=1)
    batch = take(ClaimLimiter(limits, "two"))
    assert (len(batch.copies), batch.wait) == (10, pytest.approx(1.1))


def test_a_days_allowance_is_held_until_the_next_and_told_once(running, take, sessions, clock, now) -> None:
    running(others(30))
    limits = Limits(Quota(per_day=12))
    pacers = [ClaimLimiter(limits, "one"), ClaimLimiter(limits, "two")]
    with capture_logs() as logs:
        sent = [len(take(pacer, 5).copies) for pacer in [*pacers, *pacers, *pacers]]
    assert sent == [5, 5, 2, 0, 0, 0]
    [told] = [entry for entry in logs if entry["event"] == "sending is held"]
    assert told["why"] == "MAIL_DAILY: 12 within a day are out"
    with sessions.reading() as session:
        hold = claim_limiter.held_until(session, limits, clock())
    assert hold is not None
    assert now + DAY <= hold.until <= now + DAY + SECOND
    clock.now = hold.until
    assert len(take(pacers[0]).copies) == 12


def test_a_warm_up_goes_on_over_the_days_and_says_which_day_it_is(running, take, sessions, clock, now) -> None:
    running(others(800))
    limits = Limits(warmup=Warmup(now.date()))
    sent, told = [], []
    for _ in range(4):
        sent.append(len(take(ClaimLimiter(limits, "w"), 500).copies))
        with sessions.reading() as session:
            hold = claim_limiter.held_until(session, limits, clock())
        told.append(hold.why if hold else "")
        clock.pass_by(days=1, seconds=2)
    assert sent == [200, 240, 280, 80]
    assert told[0] == "warm-up, day 1 of 42: 200 within a day are out"
    assert told[2] == "warm-up, day 3 of 42: 280 within a day are out"
    assert told[3] == ""


def test_what_was_let_out_and_not_sent_is_let_out_again(running, take, sessions, clock) -> None:
    running(others(30))
    pacer, other = ClaimLimiter(Limits(Quota(per_day=10)), "w"), ClaimLimiter(Limits(Quota(per_day=10)), "other")
    batch = take(pacer)
    with sessions.begin() as session:
        ledger.release(session, "w", clock(), batch.copies[:7])
    pacer.unsent += 4
    assert len(take(pacer).copies) == 4
    assert take(pacer).copies == []
    pacer.unsent += 3
    with sessions.begin() as session:
        pacer.refund(session, clock())
    assert len(take(other).copies) == 3


def test_a_clock_that_jumped_ahead_and_back_stops_nothing(running, take, clock) -> None:
    running([*others(50), *gmail(10)])
    limits = Limits(Quota(per_second=10), groups=ProviderGroups({"gmail": Quota(per_second=1)}))
    clock.pass_by(days=1)
    assert take(ClaimLimiter(limits, "w"), 5).copies
    clock.pass_by(days=-1)
    assert len(take(ClaimLimiter(limits, "w"), 5).copies) == 5


def test_idle_paces_are_forgotten(running, take, sessions, clock) -> None:
    running(others(3))
    pacer = ClaimLimiter(limited_groups(**{"*": Quota(per_second=1)}), "w")
    take(pacer)
    with sessions.begin() as session:
        assert limiter_store.prune_idle(session, clock()) == 0
        assert limiter_store.prune_idle(session, clock() + 3 * DAY) == 4  # three groups, and the server


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hourly=st.integers(1, 30),
    asked=st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 12), st.integers(0, 2)), max_size=12),
)
def test_whatever_workers_claim_no_hour_holds_more(sessions, running, now, hourly, asked) -> None:
    with sessions.begin() as session:
        session.execute(update(Copy).values(state=CopyState.SKIPPED))
        session.execute(SharedLimiter.__table__.delete())
    running(others(150), at=now)
    limits, moment, sent = Limits(Quota(per_hour=hourly)), now, []
    pacers = [ClaimLimiter(limits, f"w{number}") for number in range(3)]
    for seconds, wanted, worker in asked:
        moment += seconds * SECOND
        with sessions.begin() as session:
            batch = pacers[worker].claim(session, wanted, moment)
        sent += [moment + (batch.wait + batch.gap * place) * SECOND for place in range(len(batch.copies))]
    for last in sent:
        assert sum(last - HOUR < one <= last for one in sent) <= hourly


@pytest.mark.parametrize("daily", [100, None])
def test_workers_that_claim_at_once_never_exceed_the_limits(running, sessions, now, daily) -> None:
    letter = running([address for pair in zip(gmail(120), others(120), strict=True) for address in pair])
    limits = Limits(
        Quota(per_day=daily), groups=ProviderGroups({"gmail": Quota(per_day=30), "reader0.example": Quota(per_day=5)})
    )
    got = claimed_at_once(sessions, limits, 7, now)
    assert len(got) == len({copy.id for copy in got}) == (daily or 120 + 30)
    assert sum(copy.address.endswith("gmail.com") for copy in got) <= 30
    with sessions.reading() as session:
        sending = select(func.count()).where(Copy.letter_id == letter, Copy.state == CopyState.SENDING)
        assert session.scalar(sending) == len(got)


def test_workers_that_want_many_groups_at_once_never_wait_for_each_other(running, sessions, now) -> None:
    running([address for number in range(8) for address in others(40)])
    limits = Limits(groups=ProviderGroups({"*": Quota(per_day=4)}))
    got = claimed_at_once(sessions, limits, 5, now)
    assert set(Counter(copy.address for copy in got).values()) == {4}
