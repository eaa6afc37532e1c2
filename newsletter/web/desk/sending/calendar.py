"""The calendar: the coming weekly slots and what fills them, the queue, and issues that are ready."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from flask import request

from newsletter.editorial.schedule import weekly_slots
from newsletter.web.context import now, services
from newsletter.web.desk import frame
from newsletter.web.desk.sending import moments, month_view, queue_view
from newsletter.web.desk.sending.moments import ClockChange
from newsletter.workflows.calendar import CalendarEntry


@dataclass(frozen=True, slots=True)
class _CalendarRow:
    """A slot, or a run of slots in a week off; with the change of clocks before it."""

    entries: Sequence[CalendarEntry]
    change: ClockChange | None
    """The change of the slot's clocks since the row before it; None if there is none."""

    @property
    def entry(self) -> CalendarEntry:
        """The first slot of the run."""
        return self.entries[0]

    @property
    def is_off(self) -> bool:
        """Whether the slots are off, so that nothing goes out."""
        return bool(self.entry.off) and not self.entry.issue


def calendar() -> str:
    """The next eight slots, other scheduled issues, the queue, and what is not scheduled; with `?month=` that month."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        if month := request.args.get("month", ""):
            return month_view.month_page(store, publication, month)
        queued = queue_view.of_publication(store, publication)
        this_month = month_view.month_name(weekly_slots.on_clocks(now(), publication.time_zone))
        rows = list(_rows(queued.entries, now()))
        return queue_view.page(
            store, "calendar.html", publication, queued, "calendar", rows=rows, this_month=this_month
        )


def _rows(entries: Sequence[CalendarEntry], since: datetime) -> Iterator[_CalendarRow]:
    latest: dict[str, datetime] = {}
    for _, same in groupby(entries, key=_kind):
        row = list(same)
        first = row[0]
        yield _CalendarRow(row, moments.clock_change(latest.get(first.time_zone, since), first.at, first.time_zone))
        latest |= {entry.time_zone: entry.at for entry in row}


def _kind(entry: CalendarEntry) -> object:
    """The key that merges adjacent rows: the reason why they are off. Other rows are never merged."""
    return entry.off if entry.off and not entry.issue else entry.at
