"""The calendar: which issue will fill which of the times to come.

A weekly slot is filled by the issue scheduled for it, else by the first issue of the queue that may go out.
`SlotAllocator.take` alone decides which: at the slot's time (`fill_slots`), and in every forecast.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain, takewhile

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import paces
from newsletter.delivery.models import IS_ISSUE, Letter, LetterState
from newsletter.delivery.workers import send_permission
from newsletter.editorial.issues import digests
from newsletter.editorial.models import Issue, IssueKind, SlotStep
from newsletter.editorial.schedule import digest_slots, occurrences, queue, slot_claims
from newsletter.editorial.schedule.occurrences import Occurrence
from newsletter.links import Links
from newsletter.publications import Publication
from newsletter.workflows import issue_readiness
from newsletter.workflows.issue_readiness import Blocker

_FURTHEST = timedelta(days=400)
"""A little more than the year that the calendar shows."""
_NEWS = timedelta(days=2)
"""How long after a missed slot the editors are still informed of it."""
_TICK = timedelta(microseconds=1)
_UNDER_WAY = (LetterState.HELD, LetterState.PAUSED, LetterState.RUNNING)


@dataclass(frozen=True, slots=True)
class OpenSlot:
    """A slot whose time has come but that has not been handled yet."""

    publication_id: int
    at: datetime
    time_zone: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An issue that a slot passes over although it comes first in the queue, and why."""

    issue: Issue
    blocker: Blocker


@dataclass(frozen=True, slots=True)
class DigestForecast:
    """That a digest goes out in a slot, if an issue has come out by then."""

    digest: Issue | None
    """As it is so far; None if nothing has come out for it yet."""
    blocker: Blocker | None = None
    """Why it would not go out."""


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A time at which an issue goes out, or could."""

    at: datetime
    time_zone: str
    """The slot's time zone, or the publication's outside the weekly slots."""
    issue: Issue | None
    """None for an empty weekly slot."""
    is_slot: bool
    off: str = ""
    """The reason why the slot is off; empty if it is not."""
    is_queued: bool = False
    """Whether its issue is not frozen yet, but would be taken from the queue at that time."""
    passed: Sequence[PassedOver] = ()
    """The issues before it in the queue that would be passed over; for an empty slot, the whole queue."""
    blocker: Blocker | None = None
    """Why its scheduled issue would not start at that time."""
    is_due: bool = False
    """Whether its time has come, but no worker has handled it yet."""
    digest: DigestForecast | None = None
    """The digest that goes out beside its issue, in the first slot of a month."""


class SlotAllocator:
    """Allocates the issues of a publication's queue to slots, one slot after another."""

    def __init__(
        self,
        session: Session,
        links: Links,
        publication_id: int,
        *,
        joining: Iterable[tuple[Issue, datetime]] = (),
        until: Issue | None = None,
    ) -> None:
        """`joining` are issues that count as if they were added to the queue's end at that time.

        Only the issues before `until` in the queue are allocated, if it is given.
        """
        self._links = links
        places = session.execute(queue.places(publication_id))
        waiting = ((place.Issue, place.queued_at) for place in places)
        self._waiting = [*takewhile(lambda place: place[0] is not until, waiting), *joining]
        self._blockers: dict[int, Blocker | None] = {}

    def take(self, at: datetime) -> tuple[Issue | None, Sequence[PassedOver]]:
        """The first issue that may go out in a slot at that time, and the issues passed over before it.

        Issues queued after that time are left for later slots.
        """
        passed = []
        for issue, queued_at in self._waiting:
            if queued_at > at:
                continue
            if blocker := self._blocker(issue):
                passed.append(PassedOver(issue, blocker))
                continue
            self._waiting.remove((issue, queued_at))
            return issue, passed
        return None, passed

    def _blocker(self, issue: Issue) -> Blocker | None:
        if issue.id not in self._blockers:
            self._blockers[issue.id] = issue_readiness.blocker(issue, self._links)
        return self._blockers[issue.id]


@dataclass(frozen=True)
class Calendar:
    """The forecast of a publication's slots at one time."""

    session: Session
    links: Links
    publication: Publication
    now: datetime
    grace: timedelta
    """How late a slot that was not handled at its time may still be filled."""
    joining: Sequence[Issue] = ()
    """The issues that the forecast treats as added to the end of the queue now."""

    def ahead(self, slots: int) -> list[CalendarEntry]:
        """The next weekly slots, including those on days off, and everything else that is scheduled, soonest first."""
        return self._forecast(self._next(slots))

    def ahead_of_queue(self, slots: int) -> list[CalendarEntry]:
        """The same, with as many slots as the whole queue needs."""
        waiting = len(queue.order(self.session, self.publication.id)) + len(self.joining)
        return self.ahead(max(slots, waiting + len(self._scheduled)))

    def between(self, begin: datetime, end: datetime) -> list[CalendarEntry]:
        """What went out from `begin` until before `end`, and what goes out or could, soonest first."""
        until = takewhile(lambda slot: slot.at < end, occurrences.occurrences(self.publication, self.now))
        coming = self._forecast(until) if self.now < end else []
        entries = [*self._begun(begin, end), *(entry for entry in coming if begin <= entry.at < end)]
        return sorted(entries, key=lambda entry: entry.at)

    def queued_entry(self, issue: Issue) -> CalendarEntry | None:
        """The slot in which the queue sends an issue; None if it is not queued, or would be passed over."""
        ahead = self.ahead_of_queue(0)
        return next((entry for entry in ahead if entry.is_queued and entry.issue is issue), None)

    def slot(self, at: datetime) -> CalendarEntry | None:
        """The weekly slot at a time of the next year, with what fills it; None if there is none."""
        if at > self.now + _FURTHEST:
            return None
        return next((entry for entry in self.between(at, at + _TICK) if entry.is_slot), None)

    def following(self) -> CalendarEntry | None:
        """The next time at which an issue goes out, or could; None if there is none."""
        return next((entry for entry in self.ahead(1) if entry.issue or not entry.off), None)

    def promised(self) -> datetime | None:
        """When the next issue goes out, as readers may be told; None unless an issue holds the next slot."""
        entry = self.following() if self._armed_at else None
        is_certain = entry and entry.issue and not entry.blocker and not entry.is_due
        return entry.at if entry and is_certain else None

    def place(self, issue: Issue) -> datetime | None:
        """The slot that an issue can have: the one its queue position gives it, or the first free one after the queue.

        Issues before it that would be passed over take no slot. None if there is no such slot.
        """
        before = SlotAllocator(self.session, self.links, self.publication.id, until=issue)
        coming = occurrences.moments(self.publication, self.now)
        occasions = (at for at in chain((due.at for due in self._due), coming) if at not in self._scheduled)
        # What is taken for a slot that is due makes room in those to come.
        return next((at for at in occasions if before.take(at)[0] is None and at > self.now), None)

    def _forecast(self, slots: Iterable[Occurrence]) -> list[CalendarEntry]:
        waiting, allocator = dict(self._scheduled), self._allocator()
        occasions = [*self._due, *slots]
        entries = [self._entry(occurrence, waiting.pop(occurrence.at, None), allocator) for occurrence in occasions]
        entries = [replace(entry, digest=self._digest(entry.at)) for entry in entries]
        return sorted([*entries, *self._outside_slots(waiting)], key=lambda entry: entry.at)

    def _allocator(self) -> SlotAllocator:
        joining = ((issue, self.now) for issue in self.joining)
        return SlotAllocator(self.session, self.links, self.publication.id, joining=joining)

    @cached_property
    def _digest_times(self) -> list[datetime]:
        if not paces.is_used(self.session, self.publication):
            return []
        return digest_slots.coming(self.session, self.publication, self.now)

    def _digest(self, at: datetime) -> DigestForecast | None:
        if at not in self._digest_times:
            return None
        digest = digests.open_digest(self.session, self.publication.id) if at == self._digest_times[0] else None
        return DigestForecast(digest, issue_readiness.blocker(digest, self.links) if digest else None)

    @cached_property
    def _scheduled(self) -> dict[datetime, Issue]:
        waiting = self.session.scalars(scheduled(self.publication))
        return {issue.letter.due_at: issue for issue in waiting if issue.letter}

    def _begun(self, begin: datetime, end: datetime) -> Iterator[CalendarEntry]:
        """The issues that went out or began to, or that are held although their time has come."""
        at = func.coalesce(Letter.started_at, Letter.due_at)
        is_begun = Letter.started_at.is_not(None) | (Letter.state == LetterState.HELD)
        begun = _with_letter(self.publication).where(is_begun, at >= begin, at < end).add_columns(at)
        for issue, moment in self.session.execute(begun.order_by(at, Issue.id)):
            yield CalendarEntry(moment, self.publication.time_zone, issue, is_slot=False)

    @cached_property
    def _due(self) -> list[Occurrence]:
        """The slots whose time has come, that were not handled yet, and that the queue can still fill."""
        if self._armed_at is None:
            return []
        # A slot that is exactly as late as the grace is still filled.
        after = max(self._armed_at, self.now - self.grace - _TICK)
        due = unhandled_slots(self.session, self.publication, after, self.now)
        # If the issue scheduled for it has begun, there is nothing to fill; the slot is just not claimed yet.
        return [one for one in due if one.at in self._scheduled or not is_taken(self.session, self.publication, one.at)]

    @cached_property
    def _armed_at(self) -> datetime | None:
        return send_permission.read_permission(self.session).armed_at

    def _next(self, slots: int) -> Iterator[Occurrence]:
        for occurrence in occurrences.occurrences(self.publication, self.now):
            yield occurrence
            slots -= not occurrence.off
            if not slots:
                return

    def _entry(self, occurrence: Occurrence, scheduled: Issue | None, allocator: SlotAllocator) -> CalendarEntry:
        if scheduled:
            return self._scheduled_entry(occurrence.at, scheduled, occurrence)
        at, time_zone = occurrence.at, occurrence.slot.time_zone
        if occurrence.off:
            return CalendarEntry(at, time_zone, None, is_slot=True, off=occurrence.off)
        issue, passed = allocator.take(at)
        is_queued, is_due = issue is not None, at <= self.now
        return CalendarEntry(at, time_zone, issue, is_slot=True, is_queued=is_queued, passed=passed, is_due=is_due)

    def _scheduled_entry(self, at: datetime, issue: Issue, occurrence: Occurrence | None) -> CalendarEntry:
        return CalendarEntry(
            at,
            occurrence.slot.time_zone if occurrence else self.publication.time_zone,
            issue,
            is_slot=occurrence is not None,
            off=occurrence.off if occurrence else "",
            blocker=self._lateness(at) or issue_readiness.blocker(issue, self.links),
            is_due=at <= self.now,
        )

    def _lateness(self, at: datetime) -> Blocker | None:
        is_late = self.now - at > self.grace
        return Blocker("is too late", "No worker was running when its time came") if is_late else None

    def _outside_slots(self, scheduled: dict[datetime, Issue]) -> list[CalendarEntry]:
        """The issues scheduled after those slots, or outside all slots."""
        last = max(scheduled, default=self.now)
        coming = occurrences.occurrences(self.publication, self.now)
        by_moment = {each.at: each for each in takewhile(lambda each: each.at <= last, coming)}
        return [self._scheduled_entry(at, issue, by_moment.get(at)) for at, issue in scheduled.items()]


def open_slots(
    session: Session,
    grace: timedelta,
    now: datetime,
    unhandled: Callable[[Session, Publication, datetime, datetime], Iterable[Occurrence]],
) -> list[OpenSlot]:
    """The slots of all publications that are `unhandled`, the longest due first.

    None from before sending was allowed, nor older than the grace and the time in which editors are told of a miss.
    """
    armed_at = send_permission.read_permission(session).armed_at
    if armed_at is None:
        return []
    after = max(armed_at, now - max(grace, _NEWS))
    return [
        OpenSlot(publication.id, occurrence.at, occurrence.slot.time_zone)
        for publication in session.scalars(publications.all_publications())
        for occurrence in unhandled(session, publication, after, now)
    ]


def unhandled_slots(session: Session, publication: Publication, after: datetime, now: datetime) -> list[Occurrence]:
    """The slots due since `after` that were not handled yet, the longest due first."""
    due = occurrences.counting_between(publication, after, now)
    return [one for one in due if not slot_claims.is_claimed(session, publication.id, one.at, SlotStep.HOUR)]


def is_taken(session: Session, publication: Publication, at: datetime) -> bool:
    """Whether an issue is scheduled for this time, or began at or after it; a digest beside it does not count."""
    own = select(Letter.id).where(Letter.publication_id == publication.id, Letter.due_at == at, *IS_ISSUE)
    own = own.where(~exists().where(Issue.letter_id == Letter.id, Issue.kind == IssueKind.DIGEST))
    unsent = Letter.started_at.is_(None) & (Letter.state != LetterState.CANCELLED)
    return session.scalar(own.where(or_(unsent, Letter.started_at >= at)).limit(1)) is not None


def scheduled(publication: Publication) -> Select[Issue]:
    """Issues that wait for the time that they are scheduled for, within the weekly slots or outside them."""
    return _with_letter(publication).where(Letter.state == LetterState.WAITING)


def under_way(publication: Publication) -> Select[Issue]:
    """Issues that are being sent, or have stopped and need a person, the longest due first."""
    return _with_letter(publication).where(Letter.state.in_(_UNDER_WAY)).order_by(Letter.due_at, Issue.id)


def _with_letter(publication: Publication) -> Select[Issue]:
    return select(Issue).join(Issue.letter).where(Issue.publication_id == publication.id)
