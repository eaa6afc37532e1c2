"""An outage of the mail server: waited out longer and longer, told of once at its start and once at its end."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from newsletter.delivery import retry

# Seconds: a person waits for the letters.
_LONGEST = 30.0

log = structlog.get_logger(__name__)


class Outage:
    """Whether the server is to be left alone now, and since when."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._failures = 0
        self._since = self._failed_at = self._until = clock()

    @property
    def sat_out(self) -> bool:
        """Whether it is too early to trouble the server again."""
        # Before the last failure is no time to wait in: the clock was put back.
        return self._failures > 0 and self._failed_at <= self._clock() < self._until

    def go_on(self, reason: str, letters: int) -> None:
        """The server could not be used, once or once more."""
        self._failures += 1
        now = self._failed_at = self._clock()
        if self._failures == 1:
            self._since = now
            log.warning("the mail server cannot be used; letters wait", reason=reason, letters=letters)
        wait = retry.outage(self._failures, random.random(), _LONGEST)  # noqa: S311  (spreads load, keeps no secret)
        self._until = now + timedelta(seconds=wait)

    def end(self) -> None:
        """The server could be used."""
        if self._failures:
            seconds = round((self._clock() - self._since).total_seconds())
            log.info("the mail server can be used again", seconds=seconds)
        self._failures = 0
