"""Warm-up: a new sender begins small, and grows for six weeks, as mailbox providers ask for.

Google's guidelines for senders say to begin with a low volume, to raise it slowly, and to back off when a
provider defers. No standard gives numbers: plans that senders publish begin with 50 to 200 a day, and rise
by a fifth (the careful ones) up to doubling. This one begins with 200 and rises by a fifth a day, to about
350,000 on its last day.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

DAYS = 42
_FIRST = 200
_GROWTH = 1.2


def _rounded(number: float) -> int:
    """The number rounded to two significant figures."""
    magnitude = 10 ** (len(str(int(number))) - 2)
    return int(number // magnitude * magnitude)


PLAN = tuple(_rounded(_FIRST * _GROWTH**day) for day in range(DAYS))
"""The most copies a day, for each day of the plan."""


@dataclass(frozen=True, slots=True)
class Warmup:
    """The warm-up plan from its first day on; days are in UTC."""

    start: date

    def day(self, at: datetime) -> int:
        """The day of the plan, from 1, which it also is before the start; more than DAYS when it is over."""
        return max(1, (at.astimezone(UTC).date() - self.start).days + 1)

    def limit(self, at: datetime) -> int | None:
        """The most copies within a day that begins then; None when the plan is over."""
        day = self.day(at)
        return PLAN[day - 1] if day <= DAYS else None
