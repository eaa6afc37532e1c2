"""Letters that bring an issue to new readers later than to the others, whose copies are added a few at a time."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, Table, and_, or_, select, update
from sqlalchemy.orm import Session

from newsletter.delivery.ledger import doubts, new_copies, partitions
from newsletter.delivery.ledger.new_copies import Readers
from newsletter.delivery.models import IS_ISSUE, PENDING, UNDER_WAY, Copy, CopyState, Letter, LetterState
from newsletter.errors import NotFound

# A copy may wait for a day for its reader's hour, and for two more if it is deferred.
_RECENT = timedelta(days=4)
_A_DAY = timedelta(days=1)

_ROWS = cast("Table", Copy.__table__)


def with_repeats(session: Session, letter_id: int) -> list[int]:
    """The ids of a letter and of those that repeat its issue."""
    repeating = session.scalars(select(Letter.id).where(Letter.repeats_id == letter_id).order_by(Letter.id))
    return [letter_id, *repeating]


def find_repeat(session: Session, original_id: int, letter_id: int) -> Letter:
    """The letter of that id, if it repeats the issue of the original one; else NotFound."""
    letter = session.get(Letter, letter_id)
    if letter is None or letter.repeats_id != original_id:
        raise NotFound("There is no such letter in the welcome series.")
    return letter


def with_issue_since(
    session: Session, publication_id: int, subscription_ids: Collection[int], since: datetime
) -> set[int]:
    """Those of these subscriptions that got an issue since then, or are still to get one; repeats do not count."""
    issues = select(Letter.id).where(Letter.publication_id == publication_id, Letter.started_at.is_not(None))
    recent = session.scalars(
        issues.where(*IS_ISSUE, or_(Letter.state.in_(UNDER_WAY), Letter.started_at > since - _RECENT))
    )
    to_come = Copy.state.in_((CopyState.PENDING, CopyState.SENDING))
    got = and_(Copy.state.in_((CopyState.SENT, CopyState.IN_DOUBT)), Copy.ended_at >= since)
    theirs = select(Copy.subscription_id).where(Copy.letter_id.in_(recent.all()), or_(to_come, got))
    return set(session.scalars(theirs.where(Copy.subscription_id.in_(subscription_ids))))


def add_copies(
    session: Session, letter_id: int, readers: Readers, now: datetime, wished_at: ColumnElement[datetime] | None
) -> list[int]:
    """Add copies as `new_copies.adding`, and set a finished letter back to running; the subscriptions that got one."""
    state = doubts.lock_state(session, letter_id)
    connection = session.connection()
    copies = partitions.table_of(connection.dialect, letter_id)
    added = new_copies.adding(copies, letter_id, readers, now, wished_at)
    ids = list(connection.execute(added.returning(copies.c.subscription_id)).scalars())
    if ids and state is LetterState.FINISHED:
        letter = session.get_one(Letter, letter_id)
        letter.state, letter.finished_at = LetterState.RUNNING, None
        session.flush()
    return ids


def delay_copies(session: Session, publication_id: int, now: datetime) -> None:
    """Let the copies of repeats that wait go a day later, because an issue starts now."""
    repeating = select(Letter.id).where(Letter.publication_id == publication_id, Letter.repeats_id.is_not(None))
    under_way = session.scalars(repeating.where(Letter.state.in_(UNDER_WAY))).all()
    # Kept as a reader's wished hour is, for a copy that was never tried would else not be believed to wait.
    until = {"not_before": now + _A_DAY, "wished_at": now + _A_DAY, "reservation": None}
    waiting = update(_ROWS).where(_ROWS.c.letter_id.in_(under_way), PENDING, _ROWS.c.not_before < now + _A_DAY)
    session.connection().execute(waiting.values(until))
