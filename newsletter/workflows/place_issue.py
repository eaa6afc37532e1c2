"""Place an issue: give it a weekly slot, or move it from one slot to another.

An issue that is placed is scheduled: its email is frozen, it leaves the queue, and the slot is its own. The queue fills
the slots around it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.orm import Session

from newsletter.delivery.models import Letter
from newsletter.editorial.models import Issue
from newsletter.editorial.schedule import queue
from newsletter.errors import Conflict, Invalid
from newsletter.i18n import formats, time_zones
from newsletter.workflows import build_letter, publish
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.calendar import Calendar, CalendarEntry

_QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an issue was before it was placed, so that it can go back there."""

    at: datetime | None = None
    """When it was to go out; None if it was not scheduled."""
    is_queued: bool = False
    before: int | None = None
    """The id of the issue that followed it in the queue; None if it was the last."""

    @classmethod
    def find(cls, session: Session, issue: Issue) -> Self:
        """Where an issue is now."""
        if issue.letter is not None and build_letter.is_waiting(issue):
            return cls(at=issue.letter.due_at)
        order = queue.order(session, issue.publication_id)
        if issue.id not in order:
            return cls()
        following = order[order.index(issue.id) + 1 :]
        return cls(is_queued=True, before=following[0] if following else None)

    @classmethod
    def parse(cls, field: str) -> Self:
        """The origin that a form's field carries; Invalid for anything else."""
        name, _, number = field.partition(" ")
        if not field:
            return cls()
        if name == _QUEUE and (not number or (number.isascii() and number.isdigit() and len(number) < 10)):
            return cls(is_queued=True, before=int(number) if number else None)
        try:
            at = datetime.fromisoformat(field)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None or at.year not in time_zones.YEARS:
            raise Invalid("The form does not say where the issue was, so nothing was done. Move it on the calendar.")
        return cls(at=at)

    @property
    def field(self) -> str:
        """The value of a form's field."""
        if self.at:
            return self.at.isoformat()
        return f"{_QUEUE} {self.before or ''}".strip() if self.is_queued else ""


def slot_mark(entry: CalendarEntry) -> str:
    """Identifies what a page showed of a slot, for forms that put an issue there."""
    return f"{entry.issue.id if entry.issue else 0}{'q' if entry.is_queued else ''}"


def can_take(entry: CalendarEntry) -> bool:
    """Whether an issue can be put there: a slot to come that is not off and that no issue is scheduled for."""
    is_free = entry.issue is None or entry.is_queued
    return entry.is_slot and is_free and not entry.off and not entry.is_due


def require_open_slot(calendar: Calendar, at: datetime) -> CalendarEntry:
    """The slot at a time if an issue can be put there; Conflict, saying why not, otherwise."""
    entry = calendar.slot(at)
    when = formats.moment(at, entry.time_zone if entry else calendar.publication.time_zone)
    if at <= calendar.now:
        raise Conflict(f"{when} has passed. Choose a slot that is still to come.")
    if entry is None:
        raise Conflict(f"{calendar.publication.name} has no slot on {when}. Choose another one.")
    if entry.issue and not entry.is_queued:
        raise Conflict(f"“{entry.issue.title}” is already scheduled for {when}. Move it first, or choose another slot.")
    if entry.off:
        raise Conflict(f"The slot on {when} is in a week off ({entry.off}). Choose another one.")
    return entry


def place(
    session: Session, letters: LetterSettings, issue: Issue, calendar: Calendar, at: datetime, seen: str
) -> Letter:
    """Schedule an issue for a slot, or move it there frozen as it is; Conflict unless the slot is as `seen`."""
    entry = require_open_slot(calendar, at)
    if slot_mark(entry) != seen:
        raise Conflict(
            f"What the queue sends on {formats.moment(at, entry.time_zone)} has changed since this page was opened. "
            "Nothing was done. Look at it again, then decide."
        )
    if build_letter.is_waiting(issue):
        return publish.reschedule(session, letters, issue, at, calendar.now)
    return publish.schedule(session, letters, issue, at, calendar.now)


def put_back(session: Session, letters: LetterSettings, issue: Issue, origin: Origin, now: datetime) -> None:
    """Undo that an issue was placed; Conflict or Invalid if it has begun, or cannot go back there."""
    if origin.at:
        publish.reschedule(session, letters, issue, origin.at, now)
        return
    publish.unschedule(session, issue, now)
    if origin.is_queued:
        queue.add(session, issue, now)
        order = queue.order(session, issue.publication_id)
        queue.reorder(session, issue.publication_id, order, queue.moved(order, issue.id, origin.before))
