"""Weekly slots: a time of the week in a time zone, and the UTC times it stands for across clock changes.

A local time that the clocks skip is taken at the offset before the gap (02:30 becomes 03:30), and of a time that
occurs twice the first counts: RFC 5545, 3.3.5. So every week has exactly one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from itertools import takewhile
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from newsletter.errors import Invalid
from newsletter.i18n import formats
from newsletter.publications import Slot

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEK = 7
_A_YEAR = timedelta(days=366)


class NoMoment(Invalid):
    """The text cannot be read as a date and a time."""


@dataclass(frozen=True, slots=True)
class WeeklySlot:
    """A time of the week (0 is Monday) in a time zone; Invalid if there is no such time."""

    weekday: int
    at: time
    time_zone: str

    def __post_init__(self) -> None:
        if self.weekday not in range(_WEEK):
            raise Invalid(f"weekday {self.weekday} does not exist; 0 is Monday and 6 is Sunday")
        if self.at.tzinfo is not None:
            raise Invalid(f"{self.at} carries a time zone of its own; the slot's is {self.time_zone}")
        zone(self.time_zone)

    @classmethod
    def from_slot(cls, slot: Slot) -> Self:
        """The weekly slot of a stored slot."""
        return cls(slot.weekday, slot.at, slot.time_zone)


def slots_after(slot: WeeklySlot, moment: datetime) -> Iterator[datetime]:
    """The slot's times after `moment` (aware), in UTC, earliest first, one a week up to the year 9999."""
    clocks = zone(slot.time_zone)
    # A day skipped at the date line moves a slot to the next day, so start a week early.
    today = moment.astimezone(clocks).date().toordinal() - _WEEK
    first = today + (slot.weekday - today + 1) % _WEEK
    for ordinal in range(first, date.max.toordinal(), _WEEK):
        local = datetime.combine(date.fromordinal(ordinal), slot.at.replace(fold=0), clocks)
        if local.astimezone(UTC) > moment:
            yield local.astimezone(UTC)


def skipped(slot: WeeklySlot, after: datetime) -> datetime | None:
    """The first occurrence within a year whose local time the clocks skip; None if there is none."""
    for at in takewhile(lambda at: at < after + _A_YEAR, slots_after(slot, after)):
        if on_clocks(at, slot.time_zone).time() != slot.at.replace(fold=0):
            return at
    return None


def parse_local(text: str, time_zone: str) -> datetime:
    """The UTC time of `2026-11-24T09:00` in that time zone; an offset in the text overrides the zone.

    Of a local time that occurs twice the first is meant, as for weekly slots. Invalid, naming alternatives, for a time
    that the clocks skip; NoMoment if there is no date with a time.
    """
    moment = _parse(text.strip())
    try:
        instant = (moment if moment.tzinfo else moment.replace(tzinfo=zone(time_zone))).astimezone(UTC)
        local = on_clocks(instant, time_zone)
    except OverflowError:
        raise Invalid("That year is too far away; check the date.") from None
    if moment.tzinfo is None and local != moment:
        skip = f"the clocks in {time_zone} go forward and skip {formats.clock(moment)}"
        raise Invalid(f"On {formats.calendar_day(moment)} {skip}. Choose {formats.clock(local)}, or another time.")
    return instant


def repeated(slot: WeeklySlot, after: datetime) -> datetime | None:
    """The first occurrence within a year whose local time occurs twice; None if there is none."""
    coming = takewhile(lambda at: at < after + _A_YEAR, slots_after(slot, after))
    return next((at for at in coming if second_occurrence(at, slot.time_zone)), None)


def second_occurrence(instant: datetime, time_zone: str) -> datetime | None:
    """The second occurrence of the same local time; None unless this is the first of two."""
    local = instant.astimezone(zone(time_zone))
    later = local.replace(fold=1).astimezone(UTC)
    return later if not local.fold and later != instant else None


def on_clocks(instant: datetime, time_zone: str) -> datetime:
    """The local time of an instant in that zone, naive."""
    return instant.astimezone(zone(time_zone)).replace(tzinfo=None)


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name; Invalid suggests the nearest name."""
    try:
        return ZoneInfo(name)
    # A folder, a path and an invalid name each raise a different error.
    except (KeyError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), 1)
        hint = f"; did you mean {near[0]}?" if near else "; write it like Europe/Warsaw"
        raise Invalid(f'there is no time zone "{name}"{hint}') from None


def _parse(text: str) -> datetime:
    try:
        # A date without a time would be read as midnight, which nobody means.
        if len(text) > len("2026-11-24"):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise NoMoment("Give a day and a time, like 2026-11-24 09:00.")
