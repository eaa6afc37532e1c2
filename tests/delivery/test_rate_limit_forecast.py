"""A forecast says the same as what then happens, and says it at once."""

import time
from datetime import timedelta

import pytest

from newsletter.addresses.provider_groups import ProviderGroups, Quota
from newsletter.delivery.rate_limit import forecast, limiter
from newsletter.delivery.rate_limit.limiter import GROWS_EVERY, PAUSE, LimiterState
from newsletter.delivery.rate_limit.limits import SERVER, Limits
from newsletter.delivery.rate_limit.warmup import PLAN, Warmup

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def test_without_limits_only_the_servers_speed_tells(now) -> None:
    found = forecast.predict({"gmail": 1_000}, Limits(), now, speed=100)
    assert (found.finish, found.slowest, found.beyond) == (now + 10 * SECOND, None, False)
    assert forecast.predict({}, Limits(), now).finish == now


def test_the_slowest_group_tells(now) -> None:
    limits = Limits(
        Quota(per_second=100), groups=ProviderGroups({"gmail": Quota(per_second=2), "*": Quota(per_second=10)})
    )
    found = forecast.predict({"gmail": 601, "clinic.example": 50}, limits, now)
    assert (found.finish, found.slowest) == (now + 300 * SECOND, "gmail")


def test_the_server_as_a_whole_can_be_what_holds_up(now) -> None:
    found = forecast.predict({"gmail": 300, "yahoo": 301}, Limits(Quota(per_second=1)), now)
    assert (found.finish, found.slowest) == (now + 600 * SECOND, SERVER)


def test_a_warm_up_is_told_in_days(now) -> None:
    found = forecast.predict({"gmail": sum(PLAN[:7])}, Limits(warmup=Warmup(now.date())), now)
    assert found.finish == now + 6 * DAY
    found = forecast.predict({"gmail": sum(PLAN[:7]) + 1}, Limits(warmup=Warmup(now.date())), now)
    assert found.finish == now + 7 * DAY


def test_what_stands_already_is_counted(now) -> None:
    limits = Limits(Quota(per_hour=100))
    _, half = limiter.reserve(LimiterState(SERVER, now), limits.rule(SERVER), 50, now, now)
    assert forecast.predict({"a.example": 100}, limits, now, {SERVER: half}).finish == now + HOUR
    slowed = limiter.after_rate_reply(LimiterState("gmail", now), now)
    found = forecast.predict({"gmail": 601}, Limits(), now, {"gmail": slowed})
    assert (found.finish, found.slowest) == (now + PAUSE + GROWS_EVERY, "gmail")


@pytest.mark.parametrize(
    "limits",
    [
        Limits(Quota(14, 10_000, 100_000)),
        Limits(Quota(per_day=5_000)),
        Limits(Quota(per_day=1)),
        Limits(Quota(per_second=0.001)),
        Limits(groups=ProviderGroups({"gmail": Quota(20, 10_000), "*": Quota(per_hour=1)})),
    ],
)
def test_a_million_copies_are_forecast_at_once(limits: Limits, now) -> None:
    waiting = {"gmail": 500_000} | {f"clinic{number}.example": 5 for number in range(100_000)}
    began = time.process_time()
    found = forecast.predict(waiting, limits, now)
    assert time.process_time() - began < 10
    assert found.beyond == (found.finish == now + forecast.FAR)


def test_what_takes_longer_than_a_year_is_only_called_later(now) -> None:
    found = forecast.predict({"gmail": 10_000}, Limits(Quota(per_day=1)), now)
    assert (found.finish, found.beyond, found.slowest) == (now + forecast.FAR, True, SERVER)


@pytest.mark.parametrize(
    ("limits", "pause"),
    [
        (Limits(Quota(2, 300)), False),
        (Limits(Quota(per_hour=120), connections=4), False),
        (Limits(Quota(per_day=400)), False),
        (Limits(connections=3), True),
    ],
)
def test_what_a_worker_then_does_takes_as_long_as_forecast(limits: Limits, pause: bool, now) -> None:
    key = "gmail" if pause else SERVER
    own = limiter.after_rate_reply(LimiterState(key, now), now) if pause else LimiterState(key, now)
    found = forecast.predict({"gmail": 1_000}, limits, now, {key: own})
    left, at = 1_000, now
    while left:
        taken, own = limiter.reserve(own, limits.rule(key), left, at, at)
        left -= sum(stretch.count for stretch in taken)
        at = own.opening(limits.rule(key), at) if left else at
    assert abs(at - found.finish) <= max(2 * SECOND, (found.finish - now) / 24)
