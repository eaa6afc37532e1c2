"""Moments in form fields and in hidden fields, and the changes of clocks between two of them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from newsletter.editorial.schedule import weekly_slots
from newsletter.errors import Invalid
from newsletter.i18n import formats, time_zones

_SECOND = timedelta(seconds=1)


def parse_instant(text: str) -> datetime:
    """The instant in a hidden field of our own page; Invalid for anything else."""
    instant = _parse(text)
    if instant is None or instant.tzinfo is None or instant.year not in time_zones.YEARS:
        raise Invalid("The date and time were lost on the way. Go back to the issue and choose them again.")
    return instant.astimezone(UTC)


def for_input(moment: datetime, time_zone: str) -> str:
    """A moment as a form field shows it: with a 24-hour clock, unlike some browsers' own fields."""
    return f"{weekly_slots.on_clocks(moment, time_zone):%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True)
class ClockChange:
    """That the clocks of a time zone go `forward` or `back`."""

    time_zone: str
    direction: str
    at: datetime
    """The first moment on the new clocks."""

    @property
    def last(self) -> datetime:
        """The last moment on the old clocks, which show the hour of the change right after it."""
        return self.at - timedelta(microseconds=1)

    @property
    def hours(self) -> tuple[str, str]:
        """What the clocks show at the change: `02:00 CET` becomes `03:00 CEST`."""
        old = self.at.astimezone(UTC) + _offset(self.last, self.time_zone)
        before = f"{formats.clock(old)} {time_zones.clock_name(self.last, self.time_zone)}"
        after = weekly_slots.on_clocks(self.at, self.time_zone)
        return before, f"{formats.clock(after)} {time_zones.clock_name(self.at, self.time_zone)}"


def clock_change(before: datetime, after: datetime, time_zone: str) -> ClockChange | None:
    """The change of a zone's clocks between two moments; None if they show the same offset."""
    old, new = _offset(before, time_zone), _offset(after, time_zone)
    if old == new:
        return None
    early, late = before, after
    while late - early > _SECOND:
        middle = early + (late - early) / 2
        early, late = (middle, late) if _offset(middle, time_zone) == old else (early, middle)
    # Clocks change on a full minute.
    at = late.astimezone(UTC).replace(second=0, microsecond=0)
    return ClockChange(time_zone, "forward" if new > old else "back", at)


def _offset(instant: datetime, time_zone: str) -> timedelta:
    return instant.astimezone(weekly_slots.zone(time_zone)).utcoffset() or timedelta()


def _parse(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
