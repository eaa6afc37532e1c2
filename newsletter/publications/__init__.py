"""Who speaks: publications, their weekly slots, and the words that each chooses itself."""

from newsletter.publications.models import (
    Publication,
    Slot,
    WeekOff,
    all_publications,
    block_unsubscribes,
    by_slug,
    find,
    first,
    text_direction,
    wait_for_fan_out,
)

__all__ = [
    "Publication",
    "Slot",
    "WeekOff",
    "all_publications",
    "block_unsubscribes",
    "by_slug",
    "find",
    "first",
    "text_direction",
    "wait_for_fan_out",
]
