"""Metrics of the ledger, the outbox and the worker, for operators."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import UNDER_WAY, CopyState, Letter, LetterState, OutboxMessage, OutboxState
from newsletter.delivery.reports import progress

_LATE = timedelta(minutes=1)


class Copies:
    """Counts of copies of letters under way, by state; a letter's audience is counted only once."""

    def __init__(self) -> None:
        self._audiences: dict[int, int] = {}

    def count(self, session: Session) -> dict[tuple[int, CopyState], int]:
        """The current counts, by letter and state."""
        letters = session.scalars(select(Letter.id).where(Letter.state.in_(UNDER_WAY))).all()
        known = self._audiences
        self._audiences = {each: known.get(each) or progress.copy_range(session, each).audience for each in letters}
        counts = {each: progress.letter_progress(session, each, self._audiences[each]).counts for each in letters}
        return {(each, state): getattr(counts[each], state) for each in letters for state in CopyState}


def waiting_for_hour(session: Session, now: datetime) -> dict[int, int]:
    """How many copies of each letter under way wait for their reader's delivery hour."""
    letters = session.scalars(select(Letter.id).where(Letter.state.in_(UNDER_WAY))).all()
    return {each: progress.waiting_for_hour(session, each, now).count for each in letters}


def outbox_pending(session: Session) -> int:
    """How many single letters are waiting."""
    return session.scalar(select(func.count()).where(OutboxMessage.state == OutboxState.PENDING)) or 0


def overdue(session: Session, now: datetime) -> int:
    """How many scheduled letters are more than a minute late; above 0 if no worker runs."""
    late = select(func.count()).where(Letter.state == LetterState.WAITING, Letter.due_at < now - _LATE)
    return session.scalar(late) or 0
