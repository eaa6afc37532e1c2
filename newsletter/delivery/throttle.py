"""MAIL_RATE: no more messages a second than the server was promised."""

import time
from collections.abc import Callable

# A sleep never ends on the dot, so what it overslept may be made up for; no more than this.
_SLACK = 0.1


class Throttle:
    """Hands out moments to send at, evenly spaced; a rate of 0 is no limit."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._clock = clock
        self._next = clock()

    @property
    def open(self) -> bool:
        """Whether a moment is free now, without waiting."""
        return self._next <= self._clock()

    def reserve(self) -> float:
        """Take the next free moment; the seconds until then."""
        now = self._clock()
        moment = max(self._next, now - _SLACK)
        self._next = moment + self._gap
        return max(0.0, moment - now)
