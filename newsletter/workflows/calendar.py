"""The agenda: which issue fills which of the moments to come.

A weekly slot is filled by the issue that is scheduled for it, else by the first of the queue that may go out. What
that is, `Line.take` alone decides: at the slot's hour (`filling`), and wherever it is foretold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice, takewhile

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Letter, LetterState
from newsletter.delivery.workers import send_permission
from newsletter.editorial.models import Issue, SlotStep
from newsletter.editorial.schedule import occurrences, queue, slot_claims
from newsletter.editorial.schedule.occurrences import Occurrence
from newsletter.links import Links
from newsletter.publications import Publication
from newsletter.workflows import build_letter
from newsletter.workflows.build_letter import Blocker

_UNDER_WAY = (LetterState.HELD, LetterState.PAUSED, LetterState.RUNNING)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An issue of the queue that a slot does not take although it comes first, and why."""

    issue: Issue
    hindrance: Blocker


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A moment at which an issue goes out, or could."""

    at: datetime
    time_zone: str
    """The slot's own, or the publication's outside the weekly slots."""
    issue: Issue | None
    """None where a weekly slot is still empty."""
    is_slot: bool
    off: str = ""
    """Why the slot does not count, if it does not."""
    is_queued: bool = False
    """Whether its issue is not frozen for it, but would be when the hour comes."""
    passed: Sequence[PassedOver] = ()
    """What comes before its issue in the queue and would be passed over; of an empty slot, all of the queue."""
    held: Blocker | None = None
    """Why its issue, which is scheduled, would not start at the hour."""
    is_due: bool = False
    """Whether its hour has come already, and only the worker has not."""


class SlotAllocator:
    """A publication's queue as its slots take from it, one after the other."""

    def __init__(self, session: Session, links: Links, publication_id: int) -> None:
        self._links = links
        self._waiting = [(place.Issue, place.queued_at) for place in session.execute(queue.places(publication_id))]
        self._hindrances: dict[int, Blocker | None] = {}

    def take(self, at: datetime) -> tuple[Issue | None, Sequence[PassedOver]]:
        """What a slot at that moment takes, the first that may go out, and what it passes over to get there.

        What was queued after the hour was promised another one.
        """
        passed = []
        for issue, queued_at in self._waiting:
            if queued_at > at:
                continue
            if hindrance := self.hindrance(issue):
                passed.append(PassedOver(issue, hindrance))
                continue
            self._waiting.remove((issue, queued_at))
            return issue, passed
        return None, passed

    def hindrance(self, issue: Issue) -> Blocker | None:
        """Why an issue of it would be passed over; None if it would not."""
        if issue.id not in self._hindrances:
            self._hindrances[issue.id] = build_letter.blocker(issue, self._links)
        return self._hindrances[issue.id]


@dataclass(frozen=True)
class Calendar:
    """What is foretold of a publication at one moment."""

    session: Session
    links: Links
    publication: Publication
    now: datetime
    grace: timedelta = timedelta()
    """For how long an hour that nobody has dealt with is still made up for."""

    def ahead(self, slots: int) -> list[CalendarEntry]:
        """The next weekly slots with the weeks off in between, and all that is scheduled besides, soonest first."""
        waiting, line = dict(self._scheduled), SlotAllocator(self.session, self.links, self.publication.id)
        occasions = [*self._due, *self._next(slots)]
        entries = [self._entry(occasion, waiting.pop(occasion.at, None), line) for occasion in occasions]
        return sorted([*entries, *self._besides(waiting)], key=lambda entry: entry.at)

    def following(self) -> CalendarEntry | None:
        """The next moment at which an issue goes out or could; None while there is none."""
        return next((entry for entry in self.ahead(1) if entry.issue or not entry.off), None)

    def place(self, issue: Issue) -> datetime | None:
        """The slot that is an issue's for the asking: what its place in the queue gives it, or the first behind it.

        Those before it that would be passed over take none. None while there is no such slot.
        """
        line, before = SlotAllocator(self.session, self.links, self.publication.id), 0
        for one in self.session.scalars(queue.listing(self.publication.id)):
            if one.id == issue.id:
                break
            before += line.hindrance(one) is None
        free = (at for at in occurrences.moments(self.publication, self.now) if at not in self._scheduled)
        return next(islice(free, max(0, before - len(self._due)), None), None)

    @cached_property
    def _scheduled(self) -> dict[datetime, Issue]:
        waiting = _with_letter(self.publication).where(Letter.state == LetterState.WAITING)
        return {issue.letter.due_at: issue for issue in self.session.scalars(waiting) if issue.letter}

    @cached_property
    def _due(self) -> list[Occurrence]:
        """The hours that have come, that nobody has dealt with yet, and that the queue can still fill."""
        armed_at = send_permission.read_permission(self.session).armed_at
        if armed_at is None:
            return []
        after = max(armed_at, self.now - self.grace)
        come = unhandled_slots(self.session, self.publication, after, self.now)
        # One that was scheduled for it and has begun leaves nothing to fill; the worker has only not noted it yet.
        return [
            one for one in come if one.at in self._scheduled or not is_taken(self.session, self.publication, one.at)
        ]

    def _next(self, slots: int) -> Iterator[Occurrence]:
        for occasion in occurrences.occurrences(self.publication, self.now):
            yield occasion
            slots -= not occasion.off
            if not slots:
                return

    def _entry(self, occasion: Occurrence, scheduled: Issue | None, line: SlotAllocator) -> CalendarEntry:
        at, time_zone, is_due = occasion.at, occasion.slot.time_zone, occasion.at <= self.now
        if scheduled:
            held = build_letter.blocker(scheduled, self.links)
            return CalendarEntry(at, time_zone, scheduled, is_slot=True, off=occasion.off, held=held, is_due=is_due)
        if occasion.off:
            return CalendarEntry(at, time_zone, None, is_slot=True, off=occasion.off)
        issue, passed = line.take(at)
        is_queued = issue is not None
        return CalendarEntry(at, time_zone, issue, is_slot=True, is_queued=is_queued, passed=passed, is_due=is_due)

    def _besides(self, scheduled: dict[datetime, Issue]) -> Iterator[CalendarEntry]:
        """What is scheduled beyond those slots, or outside all of them."""
        last = max(scheduled, default=self.now)
        beyond = takewhile(lambda occasion: occasion.at <= last, occurrences.occurrences(self.publication, self.now))
        slots = {occasion.at: occasion for occasion in beyond}
        for at, issue in scheduled.items():
            slot, held, is_due = slots.get(at), build_letter.blocker(issue, self.links), at <= self.now
            if slot:
                yield CalendarEntry(at, slot.slot.time_zone, issue, is_slot=True, off=slot.off, held=held)
            else:
                yield CalendarEntry(at, self.publication.time_zone, issue, is_slot=False, held=held, is_due=is_due)


def unhandled_slots(session: Session, publication: Publication, after: datetime, now: datetime) -> list[Occurrence]:
    """The slots whose hour came after that moment and that nobody has dealt with yet, the longest due first."""
    come = occurrences.counting_between(publication, after, now)
    return [one for one in come if not slot_claims.is_claimed(session, publication.id, one.at, SlotStep.HOUR)]


def is_taken(session: Session, publication: Publication, at: datetime) -> bool:
    """Whether an issue was scheduled for this hour, and has not gone out before it."""
    own = select(Letter.id).where(Letter.publication_id == publication.id, Letter.due_at == at)
    unsent = Letter.started_at.is_(None) & (Letter.state != LetterState.CANCELLED)
    return session.scalar(own.where(or_(unsent, Letter.started_at >= at)).limit(1)) is not None


def under_way(publication: Publication) -> Select[Issue]:
    """Issues that are being sent, or that stopped on the way and wait for a person; the longest due first."""
    return _with_letter(publication).where(Letter.state.in_(_UNDER_WAY)).order_by(Letter.due_at, Issue.id)


def _with_letter(publication: Publication) -> Select[Issue]:
    return select(Issue).join(Issue.letter).where(Issue.publication_id == publication.id)
