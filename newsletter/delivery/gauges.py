"""Gauges: what an operator watches of the ledger, the outbox and the clock."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import UNDER_WAY, Copy, CopyState, Letter, LetterState, Post, PostState

_LATE = timedelta(minutes=1)


def copies(session: Session) -> dict[tuple[int, CopyState], int]:
    """How many copies of each letter that is under way stand where."""
    under_way = select(Letter.id).where(Letter.state.in_(UNDER_WAY))
    grouped = select(Copy.letter_id, Copy.state, func.count()).where(Copy.letter_id.in_(under_way))
    found = session.execute(grouped.group_by(Copy.letter_id, Copy.state))
    return {(letter_id, state): count for letter_id, state, count in found}


def outbox_pending(session: Session) -> int:
    """How many single letters still wait."""
    return session.scalar(select(func.count()).where(Post.state == PostState.PENDING)) or 0


def overdue(session: Session, now: datetime) -> int:
    """How many letters still wait a minute after their hour: none, where a clock runs."""
    late = select(func.count()).where(Letter.state == LetterState.WAITING, Letter.due_at < now - _LATE)
    return session.scalar(late) or 0
