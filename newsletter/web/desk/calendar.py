"""The calendar: the weekly slots to come, what fills them, and which issues could."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.editorial import agenda, shelf
from newsletter.editorial.agenda import Entry
from newsletter.editorial.models import IssueState
from newsletter.web.desk import frame, moments
from newsletter.web.house import house, now

_WEEKS = 8
_UNPLACED = (IssueState.READY, IssueState.DRAFT)


@dataclass(frozen=True, slots=True)
class Line:
    """A moment of the calendar, and by how much the clocks were moved since the one before."""

    entry: Entry
    shift: timedelta

    @property
    def shift_direction(self) -> str:
        """`forward` or `back`; empty while the clocks stay."""
        if not self.shift:
            return ""
        return "forward" if self.shift > timedelta() else "back"


def calendar() -> str:
    """The next eight slots, whatever is scheduled besides, and the issues that have no place yet."""
    with house().sessions.reading() as store:
        publication = frame.chosen(store)
        entries = agenda.ahead(store, publication, now(), _WEEKS)
        every = store.scalars(shelf.listing(publication.id))
        return frame.page(
            store,
            "calendar.html",
            "calendar",
            publication,
            publication_shown=publication,
            lines=list(_lines(entries, now(), publication.time_zone)),
            unplaced=[issue for issue in every if shelf.state(issue) in _UNPLACED],
        )


def _lines(entries: Sequence[Entry], since: datetime, time_zone: str) -> Iterator[Line]:
    for entry in entries:
        yield Line(entry, moments.clocks_change(since, entry.at, time_zone))
        since = entry.at
