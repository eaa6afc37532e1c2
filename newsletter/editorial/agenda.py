"""The agenda: which issue fills which of the moments to come."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Letter, LetterState
from newsletter.editorial.cadence import WeeklySlot, slots_after
from newsletter.editorial.models import Issue
from newsletter.publications import Publication

_UNDER_WAY = (LetterState.HELD, LetterState.PAUSED, LetterState.RUNNING)


@dataclass(frozen=True, slots=True)
class Entry:
    """A moment at which an issue goes out, or could."""

    at: datetime
    issue: Issue | None
    """None where a weekly slot is still empty."""
    is_slot: bool


def ahead(session: Session, publication: Publication, now: datetime, slots: int) -> list[Entry]:
    """The next weekly slots, and all that is scheduled besides, soonest first."""
    waiting = {issue.letter.due_at: issue for issue in session.scalars(_scheduled(publication)) if issue.letter}
    weekly = set(_slots(publication, now, slots))
    return [Entry(at, waiting.get(at), at in weekly) for at in sorted(weekly | waiting.keys())]


def under_way(publication: Publication) -> Select[Issue]:
    """Issues that are being sent, or that stopped on the way and wait for a person; the longest due first."""
    return _with_letter(publication).where(Letter.state.in_(_UNDER_WAY)).order_by(Letter.due_at, Issue.id)


def _scheduled(publication: Publication) -> Select[Issue]:
    return _with_letter(publication).where(Letter.state == LetterState.WAITING)


def _with_letter(publication: Publication) -> Select[Issue]:
    return select(Issue).join(Issue.letter).where(Issue.publication_id == publication.id)


def _slots(publication: Publication, now: datetime, count: int) -> list[datetime]:
    if publication.slot is None:
        return []
    return list(islice(slots_after(WeeklySlot.of(publication.slot), now), count))
