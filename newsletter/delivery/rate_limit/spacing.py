"""Spacing: spreads what one worker may send evenly over time."""

import time
from collections.abc import Callable

# A sleep always ends late, so up to this much lost time may be made up for.
_SLACK = 0.1


class Spacing:
    """Hands out evenly spaced send times; a rate of 0 means no limit."""

    def __init__(self, rate: float = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._clock = clock
        self._next = clock()

    @property
    def is_free(self) -> bool:
        """Whether a moment is free now, without waiting."""
        return self._next <= self._clock()

    def space(self, wait: float, gap: float) -> None:
        """From now on, the next moment is in `wait` seconds, and then there is one every `gap` seconds (`Batch`)."""
        self._gap = gap
        self._next = self._clock() + wait

    def reserve(self) -> float:
        """Take the next free moment; returns the seconds until then."""
        now = self._clock()
        moment = max(self._next, now - _SLACK)
        self._next = moment + self._gap
        return max(0.0, moment - now)
