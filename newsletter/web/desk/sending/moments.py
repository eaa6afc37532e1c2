"""Moments in forms: as a field shows them, or handed on exactly from one of our pages to the next."""

from datetime import UTC, datetime, timedelta

from newsletter.editorial.schedule import weekly_slots
from newsletter.errors import Invalid


def parse_instant(text: str) -> datetime:
    """The instant that one of our own pages put into its form; Invalid for anything else."""
    instant = _parse(text)
    if instant is None or instant.tzinfo is None:
        raise Invalid("The date and time were lost on the way. Go back to the issue and choose them again.")
    return instant.astimezone(UTC)


def for_input(moment: datetime, time_zone: str) -> str:
    """A moment as a field shows it: by the 24-hour clock, which a browser's own field may not keep to."""
    return f"{weekly_slots.on_clocks(moment, time_zone):%Y-%m-%d %H:%M}"


def clock_shift(before: datetime, after: datetime, time_zone: str) -> timedelta:
    """By how much the clocks of a zone are moved between two moments."""
    clocks = weekly_slots.zone(time_zone)
    return (after.astimezone(clocks).utcoffset() or timedelta()) - (
        before.astimezone(clocks).utcoffset() or timedelta()
    )


def _parse(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
