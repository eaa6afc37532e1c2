"""Moments in forms: typed on the clocks of a time zone, or handed on exactly."""

from datetime import UTC, datetime, timedelta

from newsletter.editorial import cadence
from newsletter.errors import Invalid


def typed(text: str, time_zone: str) -> datetime:
    """The instant of `2026-11-24T09:00` on those clocks; Invalid, saying what to choose, if there is none.

    Of an hour that comes twice the first one is meant, as for the weekly slot.
    """
    local = _parse(text.strip())
    if local is None or local.tzinfo is not None:
        raise Invalid("Give a day and a time, like 2026-11-24T09:00.")
    try:
        instant = local.replace(tzinfo=cadence.zone(time_zone)).astimezone(UTC)
    except OverflowError:
        raise Invalid("That year is too far away; check the date.") from None
    if (shown := _on_clocks(instant, time_zone)) != local:
        raise Invalid(_missing(local, shown, time_zone))
    return instant


def handed_on(text: str) -> datetime:
    """The instant that one of our own pages put into its form; Invalid for anything else."""
    instant = _parse(text)
    if instant is None or instant.tzinfo is None:
        raise Invalid("The moment got lost on the way. Go back to the issue and choose it again.")
    return instant.astimezone(UTC)


def for_input(moment: datetime, time_zone: str) -> str:
    """A moment as a date-and-time field shows it."""
    return f"{_on_clocks(moment, time_zone):%Y-%m-%dT%H:%M}"


def clocks_change(before: datetime, after: datetime, time_zone: str) -> timedelta:
    """By how much the clocks of a zone are moved between two moments."""
    clocks = cadence.zone(time_zone)
    return (after.astimezone(clocks).utcoffset() or timedelta()) - (
        before.astimezone(clocks).utcoffset() or timedelta()
    )


def _parse(text: str) -> datetime | None:
    try:
        # A bare date would pass as midnight, which nobody means.
        return datetime.fromisoformat(text) if len(text) > len("2026-11-24") else None
    except ValueError:
        return None


def _on_clocks(instant: datetime, time_zone: str) -> datetime:
    return instant.astimezone(cadence.zone(time_zone)).replace(tzinfo=None)


def _missing(local: datetime, shown: datetime, time_zone: str) -> str:
    day = cadence.describe(local.replace(tzinfo=UTC), "UTC").partition(" at ")[0]
    return (
        f"On {day} the clocks in {time_zone} go forward and skip {local:%H:%M}. Choose {shown:%H:%M}, or another time."
    )
