"""Stopping a letter: it is cancelled at once, and then its copies are skipped, group by group.

    cancelled ── from here on no copy of it is claimed or begun
    skip_some ── one transaction a group, by whoever stopped it and by the worker

So nobody who wants to write waits for a million rows. Cut short at any point, the worker goes on.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Table, func, select, update
from sqlalchemy.orm import Session

from newsletter.db import Sessions
from newsletter.delivery.ledger.outcomes import CANCELLED
from newsletter.delivery.models import PENDING, SENDING, Copy, CopyState, Letter, LetterState
from newsletter.delivery.reports import stats

_GROUP = 5_000
_ROWS = cast("Table", Copy.__table__)


def skip_first_group(session: Session, letter_id: int, now: datetime) -> int:
    """Skip the first group of a letter that was just cancelled; how many of its copies will be skipped in all."""
    waiting = session.scalar(select(func.count()).where(Copy.letter_id == letter_id, PENDING)) or 0
    skip_group(session, letter_id, now)
    return waiting


def skip_next_group(sessions: Sessions, letter_id: int, now: datetime) -> bool:
    """Skip the next group; False when nothing of the letter is left to skip. Commits by itself."""
    with sessions.in_turn() as session:
        # Held, because somebody may have it sent to those who missed it, and their copies wait for good.
        state = select(Letter.state).where(Letter.id == letter_id).with_for_update()
        is_cancelled = session.scalar(state) is LetterState.CANCELLED
        return is_cancelled and skip_group(session, letter_id, now) > 0


def skip_group(session: Session, letter_id: int, now: datetime) -> int:
    """Skip some of the copies that wait; how many, 0 when none is left. What is being sent does not come back."""
    own = _ROWS.c.letter_id == letter_id
    connection = session.connection()
    connection.execute(update(_ROWS).where(own, SENDING, _ROWS.c.reason.is_(None)).values(reason=CANCELLED))
    waiting = select(_ROWS.c.id).where(own, PENDING).order_by(_ROWS.c.not_before, _ROWS.c.id).limit(_GROUP)
    some = waiting.with_for_update(skip_locked=True).cte("some")
    skipped = update(_ROWS).where(own, _ROWS.c.id.in_(select(some.c.id)))
    skipped = skipped.values(state=CopyState.SKIPPED, reason=CANCELLED, ended_at=now)
    return len(connection.execute(skipped.returning(_ROWS.c.id)).all())


def unfinished(session: Session) -> Sequence[int]:
    """The letters that were cancelled and have copies left to skip, or on their way back."""
    cancelled = select(Letter.id).where(Letter.state == LetterState.CANCELLED)
    return [letter_id for letter_id in stats.without_stats(session, cancelled) if _waits(session, letter_id)]


def is_unfinished(session: Session, letter: Letter) -> bool:
    """Whether a letter is one of those."""
    return letter.state is LetterState.CANCELLED and _waits(session, letter.id)


def _waits(session: Session, letter_id: int) -> bool:
    waiting = select(Copy.id).where(Copy.letter_id == letter_id, PENDING)
    return session.scalar(waiting.order_by(Copy.not_before, Copy.id).limit(1)) is not None
