"""Occurrences: the times of all weekly slots of a publication in order, and which of them fall on days off."""

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
    """One time of a weekly slot."""

    at: datetime
    slot: Slot
    off: str
    """The reason why the slot is off then; empty if it is not."""


def occurrences(publication: Publication, after: datetime) -> Iterator[Occurrence]:
    """Every occurrence after a time, earliest first, in UTC and each once, including those on days off."""
    series = [_series(slot, publication.weeks_off, after) for slot in publication.slots]
    # Two slots in different zones may fall on the same time, which is off only if both of them are.
    together = merge(*series, key=lambda occurrence: (occurrence.at, occurrence.off))
    for _, same in groupby(together, key=attrgetter("at")):
        yield next(same)


def moments(publication: Publication, after: datetime) -> Iterator[datetime]:
    """The times after `after` at which an issue may go out."""
    return (occurrence.at for occurrence in occurrences(publication, after) if not occurrence.off)


def counting_between(publication: Publication, after: datetime, until: datetime) -> Iterator[Occurrence]:
    """The occurrences after `after` and up to `until` that are not off and not older than their slot."""
    within = takewhile(lambda occurrence: occurrence.at <= until, occurrences(publication, after))
    return (occurrence for occurrence in within if not occurrence.off and occurrence.at > occurrence.slot.since)


def off_reason(weeks_off: Iterable[WeekOff], day: date) -> str:
    """The reason why that day is off; empty if it is not."""
    return next((week.reason for week in weeks_off if week.holds(day)), "")


def _series(slot: Slot, weeks_off: Iterable[WeekOff], after: datetime) -> Iterator[Occurrence]:
    for at in slots_after(WeeklySlot.from_slot(slot), after):
        yield Occurrence(at, slot, off_reason(weeks_off, weekly_slots.on_clocks(at, slot.time_zone).date()))
