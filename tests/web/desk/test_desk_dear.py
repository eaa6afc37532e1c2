import time
from collections.abc import Callable

import pytest

from newsletter.web.desk.dear import Dear


@pytest.fixture
def asked() -> list[int]:
    """How often the store was asked."""
    return []


def slow(asked: list[int], seconds: float) -> Callable[[], int]:
    def ask() -> int:
        time.sleep(seconds)
        asked.append(1)
        return len(asked)

    return ask


def test_an_answer_that_took_long_is_told_again_for_twenty_times_as_long(asked: list[int]) -> None:
    answer: Dear[int] = Dear(quick=0.01)
    ask = slow(asked, 0.05)
    assert [answer.get(ask) for _ in range(5)] == [1] * 5
    assert answer.get(ask, fresh=True) == 2
    time.sleep(1.1)
    assert answer.get(ask) == 3


def test_an_answer_that_comes_at_once_is_never_an_old_one(asked: list[int]) -> None:
    answer: Dear[int] = Dear(quick=0.5)
    assert [answer.get(slow(asked, 0)) for _ in range(3)] == [1, 2, 3]


def test_an_answer_is_good_for_as_long_as_is_asked_for_at_least(asked: list[int]) -> None:
    answer: Dear[int] = Dear(60)
    assert [answer.get(slow(asked, 0)) for _ in range(3)] == [1, 1, 1]
