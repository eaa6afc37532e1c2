from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from newsletter.web.desk import timed_cache
from newsletter.web.desk.timed_cache import TimedCache
from tests.sample_services import Clock


@pytest.fixture
def asked() -> list[int]:
    """How often the store was asked."""
    return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(datetime.now(UTC))
    monkeypatch.setattr(timed_cache, "time", SimpleNamespace(monotonic=lambda: clock().timestamp()))
    return clock


@pytest.fixture
def slow(asked: list[int], clock: Clock) -> Callable[[float], Callable[[], int]]:
    """A question that takes the store so many seconds."""

    def make(seconds: float) -> Callable[[], int]:
        def ask() -> int:
            clock.turn(seconds=seconds)
            asked.append(1)
            return len(asked)

        return ask

    return make


def test_an_answer_that_took_long_is_told_again_for_twenty_times_as_long(slow, clock: Clock) -> None:
    answer: TimedCache[int] = TimedCache(quick=0.01)
    ask = slow(0.05)
    assert [answer.get(ask) for _ in range(5)] == [1] * 5
    assert answer.get(ask, fresh=True) == 2
    clock.turn(seconds=0.9)
    assert answer.get(ask) == 2
    clock.turn(seconds=0.1)
    assert answer.get(ask) == 3


def test_an_answer_that_comes_at_once_is_never_an_old_one(slow) -> None:
    answer: TimedCache[int] = TimedCache(quick=0.5)
    assert [answer.get(slow(0)) for _ in range(3)] == [1, 2, 3]


def test_an_answer_is_good_for_as_long_as_is_asked_for_at_least(slow) -> None:
    answer: TimedCache[int] = TimedCache(60)
    assert [answer.get(slow(0)) for _ in range(3)] == [1, 1, 1]
