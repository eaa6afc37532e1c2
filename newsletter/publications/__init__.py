"""Publications: their settings, weekly slots and own wordings."""

from newsletter.publications.models import (
    CommentPolicy,
    Publication,
    Slot,
    WeekOff,
    all_publications,
    block_unsubscribes,
    by_slug,
    find,
    first,
    wait_for_fan_out,
)
from newsletter.publications.snapshots import find_snapshot

__all__ = [
    "CommentPolicy",
    "Publication",
    "Slot",
    "WeekOff",
    "all_publications",
    "block_unsubscribes",
    "by_slug",
    "find",
    "find_snapshot",
    "first",
    "wait_for_fan_out",
]
