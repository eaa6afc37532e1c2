"""What becomes of a reader's copies when they leave, are suppressed or are erased."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, Select, Table, case, func, literal, null, or_, select, update
from sqlalchemy.orm import Session

from newsletter.delivery.ledger.outcomes import ABOUT_US
from newsletter.delivery.models import PENDING, SENDING, UNDER_WAY, Copy, CopyNote, CopyState, Letter, LetterState

REOPEN_WITHIN = timedelta(days=1)
"""How long after a letter has finished a copy of it may still turn out to be pending."""

_ANY_LETTER = select(Letter.id)
_ROWS = cast("Table", Copy.__table__)
_STATE = {state: literal(state, _ROWS.c.state.type) for state in CopyState}


def skip_pending(session: Session, subscription_id: int, reason: str, now: datetime) -> int:
    """Skip all copies to this reader that are not sent yet; returns how many were skipped."""
    return skip_all_pending(session, [subscription_id], reason, now)


def skip_all_pending(session: Session, subscription_ids: Collection[int], reason: str, now: datetime) -> int:
    """The same for many readers, in as many statements as for one."""
    # Each letter by its id, else PostgreSQL looks into every partition. Finished ones because of `doubts.reopen`.
    may_reopen = (Letter.state == LetterState.FINISHED) & (Letter.finished_at > now - REOPEN_WITHIN)
    some = select(Letter.id, Letter.state).where(or_(Letter.state.in_(UNDER_WAY), may_reopen))
    states = dict(session.execute(some).all())
    under_way = [letter_id for letter_id, state in states.items() if state in UNDER_WAY]
    # Else the breaker could let a copy wait again whose reader has left since it was refused.
    refused = update(_ROWS).where(_for(under_way, subscription_ids), _ROWS.c.state == _STATE[CopyState.REFUSED])
    session.connection().execute(refused.where(_ROWS.c.reason == ABOUT_US).values(reason=reason))
    return _skip(session, _for(list(states), subscription_ids), reason, now)


def anonymize(session: Session, subscription_ids: Collection[int], now: datetime) -> None:
    """Erase these readers' names and addresses from their copies; the copies stay, and count as before."""
    skip_all_pending(session, subscription_ids, "erased", now)
    theirs = _for(_ANY_LETTER, subscription_ids)
    blanked = update(_ROWS).where(theirs).values(address="", name="", source=None, reply=None).returning(_ROWS.c.id)
    ids = session.connection().execute(blanked).scalars().all()
    # What a provider reported later may quote the address.
    session.connection().execute(update(CopyNote).where(CopyNote.copy_id.in_(ids)).values(detail=None))


def _for(letters: Select[int] | Collection[int], subscription_ids: Collection[int]) -> ColumnElement[bool]:
    # The index that finds a reader's copies begins with the letter.
    return _ROWS.c.letter_id.in_(letters) & _ROWS.c.subscription_id.in_(subscription_ids)


def _skip(session: Session, whose: ColumnElement[bool], reason: str, now: datetime) -> int:
    # One statement for both states, or a copy that is claimed or given back between two would slip through.
    # A copy that is being sent cannot be called back; its reason keeps it out of the queue if it is given back.
    is_sending = _ROWS.c.state == _STATE[CopyState.SENDING]
    state = case((is_sending, _STATE[CopyState.SENDING]), else_=_STATE[CopyState.SKIPPED])
    ended_at = case((is_sending, null()), else_=literal(now, _ROWS.c.ended_at.type))
    unsent = update(_ROWS).where(whose, or_(PENDING, SENDING))
    connection = session.connection()
    changed = connection.execute(unsent.values(state=state, reason=reason, ended_at=ended_at)).rowcount
    # These rows are locked until we commit, so the copies that are still being sent are those only marked.
    marked = connection.scalar(select(func.count()).select_from(_ROWS).where(whose, SENDING)) or 0
    return changed - marked
