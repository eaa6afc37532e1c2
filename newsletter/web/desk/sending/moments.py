"""Moments in form fields and in hidden fields."""

from datetime import UTC, datetime, timedelta

from newsletter.editorial.schedule import weekly_slots
from newsletter.errors import Invalid

_YEARS = range(1000, 9000)
"""Beyond these, local times may be none that Python can express."""


def parse_instant(text: str) -> datetime:
    """The instant in a hidden field of our own page; Invalid for anything else."""
    instant = _parse(text)
    if instant is None or instant.tzinfo is None or instant.year not in _YEARS:
        raise Invalid("The date and time were lost on the way. Go back to the issue and choose them again.")
    return instant.astimezone(UTC)


def for_input(moment: datetime, time_zone: str) -> str:
    """A moment as a form field shows it: with a 24-hour clock, unlike some browsers' own fields."""
    return f"{weekly_slots.on_clocks(moment, time_zone):%Y-%m-%d %H:%M}"


def shift_direction(before: datetime, after: datetime, time_zone: str) -> str:
    """Whether the clocks of a time zone go `forward` or `back` between two moments; empty if they do not change."""
    earlier, later = (
        one.astimezone(weekly_slots.zone(time_zone)).utcoffset() or timedelta() for one in (before, after)
    )
    if earlier == later:
        return ""
    return "forward" if later > earlier else "back"


def _parse(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
