"""The agenda: which issue fills which of the moments to come.

A weekly slot is filled by the issue that is scheduled for it, else by the next ready one of the queue.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Letter, LetterState
from newsletter.editorial import queue, rhythm
from newsletter.editorial.models import Issue
from newsletter.editorial.rhythm import Occasion
from newsletter.publications import Publication

_UNDER_WAY = (LetterState.HELD, LetterState.PAUSED, LetterState.RUNNING)


@dataclass(frozen=True, slots=True)
class Entry:
    """A moment at which an issue goes out, or could."""

    at: datetime
    time_zone: str
    """The slot's own, or the publication's outside the weekly slots."""
    issue: Issue | None
    """None where a weekly slot is still empty."""
    is_slot: bool
    off: str = ""
    """Why the slot does not count, if it does not."""

    @property
    def is_queued(self) -> bool:
        """Whether its issue is not frozen for it, but would be when the hour comes."""
        return self.issue is not None and queue.is_ready(self.issue)


def ahead(session: Session, publication: Publication, now: datetime, slots: int) -> list[Entry]:
    """The next weekly slots with the weeks off in between, and all that is scheduled besides, soonest first."""
    waiting = {issue.letter.due_at: issue for issue in session.scalars(_scheduled(publication)) if issue.letter}
    queued = filter(queue.is_ready, session.scalars(queue.listing(publication.id)))
    entries = [_entry(occasion, waiting.pop(occasion.at, None), queued) for occasion in _next(publication, now, slots)]
    besides = [Entry(at, publication.time_zone, issue, is_slot=False) for at, issue in waiting.items()]
    return sorted(entries + besides, key=lambda entry: entry.at)


def following(session: Session, publication: Publication, now: datetime) -> Entry | None:
    """The next moment at which an issue goes out or could; None while there is none."""
    return next((entry for entry in ahead(session, publication, now, 1) if entry.issue or not entry.off), None)


def place(session: Session, issue: Issue, now: datetime) -> datetime | None:
    """The slot that is an issue's for the asking: what its place in the queue gives it, or the first behind the queue.

    None while there is no such slot.
    """
    queued = [one for one in session.scalars(queue.listing(issue.publication_id)) if queue.is_ready(one)]
    before = queued.index(issue) if issue in queued else len(queued)
    taken = set(session.scalars(_scheduled(issue.publication).with_only_columns(Letter.due_at)))
    free = (at for at in rhythm.moments(issue.publication, now) if at not in taken)
    return next(islice(free, before, None), None)


def under_way(publication: Publication) -> Select[Issue]:
    """Issues that are being sent, or that stopped on the way and wait for a person; the longest due first."""
    return _with_letter(publication).where(Letter.state.in_(_UNDER_WAY)).order_by(Letter.due_at, Issue.id)


def _scheduled(publication: Publication) -> Select[Issue]:
    return _with_letter(publication).where(Letter.state == LetterState.WAITING)


def _with_letter(publication: Publication) -> Select[Issue]:
    return select(Issue).join(Issue.letter).where(Issue.publication_id == publication.id)


def _next(publication: Publication, now: datetime, slots: int) -> Iterator[Occasion]:
    for occasion in rhythm.occasions(publication, now):
        yield occasion
        slots -= not occasion.off
        if not slots:
            return


def _entry(occasion: Occasion, scheduled: Issue | None, queued: Iterator[Issue]) -> Entry:
    issue = scheduled or (None if occasion.off else next(queued, None))
    return Entry(occasion.at, occasion.slot.time_zone, issue, is_slot=True, off=occasion.off)
