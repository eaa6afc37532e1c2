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
from newsletter.workflows import place_issue
from newsletter.workflows.calendar import CalendarEntry


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


def calendar() -> str:
    """The next eight slots, other scheduled issues, the queue, and what is not scheduled; with `?month=` that month."""
    with services().sessions.reading() as store:
        publication = frame.current_publication(store)
        if month := request.args.get("month", ""):
            return month_view.month_page(store, publication, month)
        waiting = queue_view.of_publication(store, publication)
        return frame.page(
            store,
            "calendar.html",
            "calendar",
            publication,
            publication_shown=publication,
            lines=list(_lines(waiting.entries, now(), publication.time_zone)),
            queued=waiting,
            this_month=month_view.month_name(weekly_slots.on_clocks(now(), publication.time_zone)),
            can_take=place_issue.can_take,
            mark_of=place_issue.slot_mark,
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
