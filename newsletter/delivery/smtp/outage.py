"""Outages of a mail server: since when and why it is unreachable, and when to try it again."""

import os
import random
import re
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from newsletter.clock import Clock
from newsletter.delivery.smtp import retry

# Seconds: a person waits for the letters.
_LONGEST = 30.0

_BY_NUMBER = re.compile(r"\[Errno (\d+)\]")

log = structlog.get_logger(__name__)


class UnreachableServer(NamedTuple):
    """A mail server that accepts no mail now: its name, since when, and why."""

    server: str
    """Host and port."""
    since: datetime
    why: str
    """The server's reply, or the operating system's error."""


class ServerStatus:
    """Whether one mail server could be used at the last try; shown beside the worker's heartbeat."""

    def __init__(self, server: str, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self.away: UnreachableServer | None = None

    def mark_down(self, why: str) -> None:
        """Record that the server could not be used; the start of the outage stays."""
        since = self.away.since if self.away else self._clock()
        self.away = UnreachableServer(self._server, since, _words(why.removeprefix(f"{self._server}: ")))

    def mark_up(self) -> None:
        """Record that the server could be used, or that nothing waits for it any more."""
        self.away = None


class OutageBackoff:
    """Back-off while the server cannot be used; logged once at the start of an outage and once at its end."""

    def __init__(self, status: ServerStatus, clock: Clock) -> None:
        self._status = status
        self._clock = clock
        self._failures = 0
        self._since = self._failed_at = self._until = clock()

    @property
    def is_waiting(self) -> bool:
        """Whether it is too early to try the server again."""
        # A time before the last failure means that the clock was set back: then nothing waits.
        return self._failures > 0 and self._failed_at <= self._clock() < self._until

    def record_failure(self, reason: str, letters: int) -> None:
        """Record that the server could not be used; the next wait is longer."""
        self._status.mark_down(reason)
        self._failures += 1
        now = self._failed_at = self._clock()
        if self._failures == 1:
            self._since = now
            log.warning("the mail server cannot be used; letters wait", reason=reason, letters=letters)
        wait = retry.outage_wait(self._failures, random.random(), _LONGEST)  # noqa: S311  (spreads load, keeps no secret)
        self._until = now + timedelta(seconds=wait)

    def record_success(self) -> None:
        """Record that the server could be used, which ends the outage."""
        self._status.mark_up()
        if self._failures:
            seconds = round((self._clock() - self._since).total_seconds())
            log.info("the mail server can be used again", seconds=seconds)
        self._failures = 0


def _words(why: str) -> str:
    """A system error's own text, without the IP addresses that Python adds to it."""
    found = _BY_NUMBER.search(why)
    return os.strerror(int(found[1])).lower() if found else why
