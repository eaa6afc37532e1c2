"""A publication's rhythm: the moments of all its weekly slots, one after the other, and which of them are off."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from heapq import merge
from itertools import groupby, takewhile
from operator import attrgetter

from newsletter.editorial.schedule import weekly_slots
from newsletter.editorial.schedule.weekly_slots import WeeklySlot, slots_after
from newsletter.publications import Publication, Slot, WeekOff


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A moment that a weekly slot names."""

    at: datetime
    slot: Slot
    off: str
    """Why nothing goes out then, although a slot is there; empty where it counts."""


def occurrences(publication: Publication, after: datetime) -> Iterator[Occurrence]:
    """Every moment after that one, earliest first, in UTC and once each, those in weeks off among them."""
    series = [_series(slot, publication.weeks_off, after) for slot in publication.slots]
    # Two slots may name one moment in two zones; it is off only where both of them are.
    together = merge(*series, key=lambda occasion: (occasion.at, occasion.off))
    for _, same in groupby(together, key=attrgetter("at")):
        yield next(same)


def moments(publication: Publication, after: datetime) -> Iterator[datetime]:
    """The moments after that one at which an issue may go out."""
    return (occasion.at for occasion in occurrences(publication, after) if not occasion.off)


def counting_between(publication: Publication, after: datetime, until: datetime) -> Iterator[Occurrence]:
    """What counts after one moment and up to another, both of them after its slot was made."""
    within = takewhile(lambda occasion: occasion.at <= until, occurrences(publication, after))
    return (occasion for occasion in within if not occasion.off and occasion.at > occasion.slot.since)


def off_reason(weeks_off: Iterable[WeekOff], day: date) -> str:
    """Why that day is off; empty if it is not."""
    return next((week.reason for week in weeks_off if week.holds(day)), "")


def _series(slot: Slot, weeks_off: Iterable[WeekOff], after: datetime) -> Iterator[Occurrence]:
    for at in slots_after(WeeklySlot.of(slot), after):
        yield Occurrence(at, slot, off_reason(weeks_off, weekly_slots.on_clocks(at, slot.time_zone).date()))
