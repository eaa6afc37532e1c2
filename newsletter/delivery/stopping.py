"""Stopping a letter: it is cancelled at once, and then its copies are skipped, group by group.

Once it is cancelled, no copy of it is claimed or begun. The groups are skipped in a transaction each, first by the
person's own process and then by the worker, so that no other writer waits for a million rows; the worker also goes
on after an interruption.
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
    """Skip the first group of a letter that was just cancelled; returns how many copies will be skipped in all."""
    waiting = session.scalar(select(func.count()).where(Copy.letter_id == letter_id, PENDING)) or 0
    skip_group(session, letter_id, now)
    return waiting


def skip_next_group(sessions: Sessions, letter_id: int, now: datetime) -> bool:
    """Skip the next group; returns False when no copy is left to skip. Commits by itself."""
    with sessions.in_turn() as session:
        # Locked, because a person may at this moment send it to those who missed it, whose copies must stay pending.
        state = select(Letter.state).where(Letter.id == letter_id).with_for_update()
        is_cancelled = session.scalar(state) is LetterState.CANCELLED
        return is_cancelled and skip_group(session, letter_id, now) > 0


def skip_group(session: Session, letter_id: int, now: datetime) -> int:
    """Skip up to 5,000 pending copies; returns how many, 0 when none is left.

    Copies that are being sent are marked, so that they are skipped if they are given back.
    """
    own = _ROWS.c.letter_id == letter_id
    connection = session.connection()
    connection.execute(update(_ROWS).where(own, SENDING, _ROWS.c.reason.is_(None)).values(reason=CANCELLED))
    waiting = select(_ROWS.c.id).where(own, PENDING).order_by(_ROWS.c.not_before, _ROWS.c.id).limit(_GROUP)
    some = waiting.with_for_update(skip_locked=True).cte("some")
    skipped = update(_ROWS).where(own, _ROWS.c.id.in_(select(some.c.id)))
    skipped = skipped.values(state=CopyState.SKIPPED, reason=CANCELLED, ended_at=now)
    return len(connection.execute(skipped.returning(_ROWS.c.id)).all())


def unfinished(session: Session) -> Sequence[int]:
    """The ids of the cancelled letters that still have pending copies to skip."""
    cancelled = select(Letter.id).where(Letter.state == LetterState.CANCELLED)
    return [letter_id for letter_id in stats.without_stats(session, cancelled) if _waits(session, letter_id)]


def is_unfinished(session: Session, letter: Letter) -> bool:
    """Whether a letter was cancelled and still has pending copies to skip."""
    return letter.state is LetterState.CANCELLED and _waits(session, letter.id)


def _waits(session: Session, letter_id: int) -> bool:
    waiting = select(Copy.id).where(Copy.letter_id == letter_id, PENDING)
    return session.scalar(waiting.order_by(Copy.not_before, Copy.id).limit(1)) is not None
