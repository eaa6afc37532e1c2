"""The spacing within one worker: it spaces what a claim was allowed."""

import pytest

from newsletter.delivery.rate_limit.spacing import Spacing


def waits(spacing: Spacing, count: int) -> list[float]:
    return [round(spacing.reserve(), 3) for _ in range(count)]


def test_a_claims_copies_are_spaced_as_the_shared_pace_says() -> None:
    spacing = Spacing(clock=lambda: 100.0)
    spacing.space(1.5, 0.1)
    assert not spacing.is_free
    assert waits(spacing, 3) == [1.5, 1.6, 1.7]


def test_the_next_claim_brings_a_spacing_of_its_own() -> None:
    moment = 0.0
    spacing = Spacing(clock=lambda: moment)
    spacing.space(0.0, 0.5)
    assert waits(spacing, 2) == [0.0, 0.5]
    moment = 1.0
    spacing.space(0.0, 0.0)
    assert spacing.is_free
    assert waits(spacing, 3) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("overslept", [0.05, 0.1, 5.0])
def test_no_more_than_a_tenth_of_a_second_is_made_up_for(overslept: float) -> None:
    moment = 0.0
    spacing = Spacing(clock=lambda: moment)
    spacing.space(0.0, 0.02)
    moment = overslept
    assert sum(spacing.reserve() <= 0.0001 for _ in range(100)) <= min(overslept, 0.1) / 0.02 + 1.01
