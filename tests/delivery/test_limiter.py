"""The arithmetic of shared limits: whatever is asked for and whenever, no span holds more than its limit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.addresses.provider_groups import Quota
from newsletter.delivery.rate_limit import limiter
from newsletter.delivery.rate_limit.limiter import (
    DAY,
    GROWS_EVERY,
    HOUR,
    PAUSE,
    LimiterState,
    LimitRule,
    SendTimes,
    SentRun,
)
from newsletter.delivery.rate_limit.warmup import DAYS, PLAN, Warmup

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

QUOTAS = st.builds(
    Quota,
    per_second=st.none() | st.floats(0.05, 50),
    per_hour=st.none() | st.integers(1, 60),
    per_day=st.none() | st.integers(1, 300),
)
# What workers do one after another: so long after the one before, they want so many, this far ahead.
ASKED = st.lists(
    st.tuples(
        st.timedeltas(timedelta(0), timedelta(hours=5)) | st.timedeltas(timedelta(0), timedelta(minutes=5)),
        st.integers(1, 80),
        st.sampled_from([timedelta(0), timedelta(seconds=2), timedelta(hours=1)]),
    ),
    max_size=40,
)


def taken(stretches: Sequence[SendTimes]) -> list[datetime]:
    return [moment for stretch in stretches for moment in stretch.moments()]


def most_within(moments: Sequence[datetime], span: timedelta) -> int:
    """The most of these moments that lie in one half-open span of that length, wherever it begins."""
    most, first = 0, 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - span:
            first += 1
        most = max(most, last - first + 1)
    return most


def require_within(quota: Quota, moments: Sequence[datetime]) -> None:
    assert list(moments) == sorted(moments)
    if quota.per_second:
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        assert all(gap >= timedelta(seconds=1 / quota.per_second) - timedelta(microseconds=1) for gap in gaps)
    if quota.per_hour:
        assert most_within(moments, HOUR) <= quota.per_hour
    if quota.per_day:
        assert most_within(moments, DAY) <= quota.per_day


@given(quota=QUOTAS, asked=ASKED)
@example(
    quota=Quota(per_hour=10),
    asked=[
        (timedelta(minutes=50), 1, timedelta(0)),
        (timedelta(minutes=59), 9, timedelta(0)),
        (timedelta(minutes=2), 10, timedelta(0)),
    ],
)
def test_no_span_holds_more_than_its_limit(quota, asked) -> None:
    rule, own, now, moments = LimitRule(quota), LimiterState("", NOON), NOON, []
    for wait, wanted, ahead in asked:
        now += wait
        stretches, own = limiter.reserve(own, rule, wanted, now, now + ahead)
        got = taken(stretches)
        assert len(got) <= wanted
        assert all(now <= moment <= now + ahead for moment in got)
        moments += got
    require_within(quota, moments)


@given(quota=QUOTAS, asked=ASKED, back=st.lists(st.integers(0, 80), min_size=40, max_size=40))
def test_what_comes_back_unsent_is_let_out_again_and_still_no_day_holds_more(quota, asked, back) -> None:
    rule, own, now, sent = LimitRule(quota), LimiterState("", NOON), NOON, []
    for (wait, wanted, _), unsent in zip(asked, back, strict=False):
        now += wait
        stretches, own = limiter.reserve(own, rule, wanted, now, now)
        got = taken(stretches)
        kept = got[: max(0, len(got) - unsent)]
        own = limiter.after_refund(own, len(got) - len(kept), now)
        sent += kept
    require_within(quota, sent)


def test_a_refund_gives_the_day_back() -> None:
    rule = LimitRule(Quota(per_day=10))
    _, own = limiter.reserve(LimiterState("", NOON), rule, 10, NOON, NOON)
    own = limiter.after_refund(own, 4, NOON)
    assert own.room(rule, NOON) == 4
    assert limiter.after_refund(own, 100, NOON).room(rule, NOON) == 10


def test_a_rate_is_even_spacing() -> None:
    stretches, own = limiter.reserve(LimiterState("", NOON), LimitRule(Quota(per_second=4)), 100, NOON, NOON + SECOND)
    assert taken(stretches) == [NOON + timedelta(seconds=0.25) * place for place in range(5)]
    assert own.next_at == NOON + timedelta(seconds=1.25)


def test_a_free_pace_saves_nothing_up() -> None:
    rule = LimitRule(Quota(per_second=4))
    _, own = limiter.reserve(LimiterState("", NOON), rule, 1, NOON, NOON)
    stretches, _ = limiter.reserve(own, rule, 100, NOON + HOUR, NOON + HOUR)
    assert taken(stretches) == [NOON + HOUR]


def test_an_hourly_limit_goes_out_at_once_and_again_an_hour_later() -> None:
    rule = LimitRule(Quota(per_second=10, per_hour=500))
    stretches, own = limiter.reserve(LimiterState("", NOON), rule, 1_500, NOON, NOON + 3 * HOUR)
    moments = taken(stretches)
    assert len(moments) == 1_500
    assert moments[499] == NOON + timedelta(seconds=49.9)
    assert moments[500] == moments[499] + HOUR
    assert own.full(rule, own.next_at) == HOUR


def test_a_steady_stream_loses_a_24th_of_an_hourly_limit_at_most() -> None:
    rule = LimitRule(Quota(per_second=0.3, per_hour=1_000))
    stretches, _ = limiter.reserve(LimiterState("", NOON), rule, 10**6, NOON, NOON + 100 * HOUR)
    assert len(taken(stretches)) >= 100_000 * 24 / 25


def test_what_is_kept_of_the_past_does_not_grow() -> None:
    rule, own = LimitRule(Quota(per_hour=10_000, per_day=100_000)), LimiterState("", NOON)
    for minute in range(3_000):
        _, own = limiter.reserve(own, rule, 7, at := NOON + timedelta(minutes=minute), at)
    assert {window: len(runs) <= 26 for window, runs in own.spent.items()} == {HOUR: True, DAY: True}


def test_a_warm_up_holds_the_rest_for_the_same_hour_of_the_next_days() -> None:
    nine = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    rule = LimitRule(Quota(per_second=14), Warmup(nine.date()))
    stretches, _ = limiter.reserve(LimiterState("", nine), rule, 1_000, nine, nine + timedelta(days=30))
    by_day: dict[date, list[datetime]] = {}
    for moment in taken(stretches):
        by_day.setdefault(moment.date(), []).append(moment)
    assert [len(moments) for moments in by_day.values()] == [200, 240, 280, 280]
    # Each day begins where the one before ended, so all of them fall into the first minutes after nine.
    assert all((moments[-1].hour, moments[-1].minute) in {(9, 0), (9, 1)} for moments in by_day.values())


def test_a_warm_up_that_rises_at_midnight_lets_nobody_be_woken() -> None:
    rule = LimitRule(warmup=Warmup(NOON.date()))
    _, own = limiter.reserve(LimiterState("", NOON), rule, 200, NOON, NOON)
    assert [own.room(rule, NOON + timedelta(hours=hours)) for hours in (1, 12, 23, 24)] == [0, 0, 0, 240]


def test_a_warm_up_ends_after_six_weeks() -> None:
    plan = Warmup(date(2026, 11, 24))
    limits = [plan.limit(datetime(2026, 11, 24, 9, 0, tzinfo=UTC) + day * DAY) for day in range(-1, DAYS + 1)]
    assert limits == [200, *PLAN, None]
    assert list(PLAN) == sorted(set(PLAN))
    assert 300_000 < PLAN[-1] < 400_000
    assert all(later / earlier < 1.28 for earlier, later in pairwise(PLAN))


def test_a_daily_limit_holds_beside_the_warm_up() -> None:
    rule = LimitRule(Quota(per_day=250), Warmup(NOON.date() - 10 * DAY))
    assert rule.limit(DAY, NOON) == 250
    assert rule.limit(DAY, NOON - 20 * DAY) == 200


@pytest.mark.parametrize(
    ("minutes", "allowed"), [(-1, 0), (0, 1), (4.9, 1), (5, 2), (10, 3), (44.9, 9), (45, 10), (600, 10)]
)
def test_after_the_pause_connections_grow_by_one(minutes: float, allowed: int) -> None:
    assert limiter.allowed_connections(NOON, NOON + timedelta(minutes=minutes), 10) == allowed
    assert limiter.allowed_connections(None, NOON, 10) == 10


def test_a_slowed_group_pauses_creeps_and_is_free_again() -> None:
    rule = LimitRule(connections=3)
    own = limiter.after_rate_reply(LimiterState("gmail", NOON), NOON)
    stretches, _ = limiter.reserve(own, rule, 5_000, NOON, NOON + HOUR)
    moments = taken(stretches)
    begins = NOON + PAUSE
    assert moments[0] == begins
    first = [moment for moment in moments if moment < begins + GROWS_EVERY]
    second = [moment for moment in moments if begins + GROWS_EVERY <= moment < begins + 2 * GROWS_EVERY]
    assert (len(first), len(second)) == (600, 1_200)
    assert set(moments[1_800:]) == {begins + 2 * GROWS_EVERY}
    assert len(moments) == 5_000


def test_a_slowed_group_keeps_to_its_own_limit_too() -> None:
    own = limiter.after_rate_reply(LimiterState("gmail", NOON), NOON)
    rule = LimitRule(Quota(per_second=0.5), connections=3)
    stretches, _ = limiter.reserve(own, rule, 10, NOON, NOON + HOUR)
    assert {later - earlier for earlier, later in pairwise(taken(stretches))} == {timedelta(seconds=2)}


def test_a_rate_answer_voids_what_was_reserved_before() -> None:
    rule = LimitRule(Quota(per_second=1), connections=3)
    _, own = limiter.reserve(LimiterState("gmail", NOON), rule, 3_000, NOON, NOON + HOUR)
    slowed = limiter.after_rate_reply(own, NOON)
    assert slowed.series == own.series + 1
    stretches, _ = limiter.reserve(slowed, rule, 1, NOON, NOON + HOUR)
    assert taken(stretches) == [NOON + PAUSE]


@given(quota=QUOTAS, asked=ASKED, jump=st.timedeltas(timedelta(0), timedelta(days=3)), at=st.integers(0, 39))
def test_a_clock_that_jumps_back_neither_doubles_nor_stops(quota, asked, jump, at) -> None:
    rule, own, clock, real, sent = LimitRule(quota), LimiterState("", NOON), NOON, NOON, []
    for place, (wait, wanted, _) in enumerate(asked):
        clock, real = clock + wait - jump * (place == at), real + wait
        own = limiter.corrected(own, rule, clock, timedelta(0))
        stretches, own = limiter.reserve(own, rule, wanted, clock, clock)
        sent += [real + (moment - clock) for moment in taken(stretches)]
    require_within(replace(quota, per_second=None), sent)
    own = limiter.corrected(own, rule, clock, timedelta(0))
    longest = max([rule.gap, *rule.windows], default=timedelta(0))
    assert own.opening(rule, clock) <= clock + longest + timedelta(minutes=1) + rule.gap


def test_a_jump_voids_the_moments_reserved_before_it() -> None:
    rule = LimitRule(Quota(per_second=1))
    _, own = limiter.reserve(LimiterState("gmail", NOON), rule, 100, NOON, NOON + HOUR)
    assert limiter.corrected(own, rule, NOON, HOUR) == own
    mended = limiter.corrected(own, rule, NOON - DAY, HOUR)
    assert (mended.next_at, mended.series) == (NOON - DAY, own.series + 1)


def test_a_pause_that_a_jump_put_far_ahead_lasts_ten_minutes() -> None:
    own = limiter.after_rate_reply(LimiterState("", NOON), NOON)
    mended = limiter.corrected(own, LimitRule(), NOON - DAY, timedelta(seconds=2))
    assert mended.opening(LimitRule(), NOON - DAY) <= NOON - DAY + PAUSE


def test_runs_are_counted_until_the_last_of_them_is_a_window_old() -> None:
    own = replace(LimiterState("", NOON), spent={HOUR: (SentRun(NOON, 3),)})
    rule = LimitRule(Quota(per_hour=5))
    assert own.room(rule, NOON + HOUR - SECOND) == 2
    assert own.room(rule, NOON + HOUR) == 5


def test_the_plan_is_told_in_the_documents() -> None:
    told = (Path(__file__).parents[2] / "docs" / "send-real-mail.md").read_text(encoding="utf-8")
    weeks = [" · ".join(f"{limit:,}" for limit in PLAN[first : first + 7]) for first in range(0, DAYS, 7)]
    assert all(f"| {number} | {week} |" in told for number, week in enumerate(weeks, 1))
