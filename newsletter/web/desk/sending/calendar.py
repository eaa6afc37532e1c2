"""The calendar: the coming weekly slots and what fills them, the queue, and issues that are ready."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from flask import request

from newsletter.editorial.issues import listing
from newsletter.editorial.models import Issue
from newsletter.editorial.schedule import queue, weekly_slots
from newsletter.web.context import now, services
from newsletter.web.desk import frame, lookup
from newsletter.web.desk.sending import moments, month_view
from newsletter.workflows import build_letter
from newsletter.workflows.build_letter import Blocker
from newsletter.workflows.calendar import CalendarEntry

_WEEKS = 8
_AT_ONCE = 20
"""The number of unscheduled issues that are shown; the list of issues has them all."""


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """A slot, or a run of slots in a week off; with the change of clocks before it."""

    entries: Sequence[CalendarEntry]
    shift_direction: str
    """`forward` or `back`; empty if the clocks do not change."""

    @property
    def entry(self) -> CalendarEntry:
        """The first slot of the run."""
        return self.entries[0]

    @property
    def is_off(self) -> bool:
        """Whether the slots are off, so that nothing goes out."""
        return bool(self.entry.off) and not self.entry.issue


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """An issue in the queue, and what its place means."""

    issue: Issue
    entry: CalendarEntry | None
    """The slot that it would fill; None if it would be passed over, or there is no slot."""
    blocker: Blocker | None
    """Why it would be passed over."""


def calendar() -> str:
    """The next eight slots, other scheduled issues, the queue, and what is not scheduled; with `?month=` that month."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        if month := request.args.get("month", ""):
            return month_view.month_page(store, publication, month)
        waiting = store.scalars(queue.listing(publication.id)).all()
        entries = frame.calendar_of(store, publication).ahead(max(_WEEKS, len(waiting)))
        return frame.page(
            store,
            "calendar.html",
            "calendar",
            publication,
            publication_shown=publication,
            lines=list(_lines(entries, now(), publication.time_zone)),
            places=list(_places(waiting, entries)),
            this_month=month_view.month_name(weekly_slots.on_clocks(now(), publication.time_zone)),
            seen=",".join(str(issue.id) for issue in waiting),
            unplaced=listing.unscheduled(store, publication.id, _AT_ONCE),
            at_once=_AT_ONCE,
            version_of=lookup.version,
            pressed=request.args.get("pressed", ""),
        )


def _lines(entries: Sequence[CalendarEntry], since: datetime, time_zone: str) -> Iterator[CalendarRow]:
    for _, same in groupby(entries, key=_kind):
        row = list(same)
        yield CalendarRow(row, moments.shift_direction(since, row[0].at, time_zone))
        since = row[-1].at


def _kind(entry: CalendarEntry) -> object:
    """The key that merges adjacent rows: the reason why they are off. Other rows are never merged."""
    return entry.off if entry.off and not entry.issue else entry.at


def _places(waiting: Sequence[Issue], entries: Sequence[CalendarEntry]) -> Iterator[QueuePlace]:
    filled = {entry.issue.id: entry for entry in entries if entry.issue}
    for issue in waiting:
        entry = filled.get(issue.id)
        yield QueuePlace(issue, entry, None if entry else build_letter.blocker(issue, services().links))
