"""Who speaks: publications, their weekly slots, and the words that each chooses itself."""

from newsletter.publications.models import (
    Publication,
    Slot,
    WeekOff,
    by_slug,
    depart,
    every,
    find,
    first,
    hold_departures,
    text_direction,
)

__all__ = [
    "Publication",
    "Slot",
    "WeekOff",
    "by_slug",
    "depart",
    "every",
    "find",
    "first",
    "hold_departures",
    "text_direction",
]
