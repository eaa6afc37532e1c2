"""Copies in doubt: the final dot may have left, nobody answered, and a person decides (RFC 1047).

    in_doubt ──send again──▶ pending (same Message-ID)
       └──close──▶ in_doubt; its reason says what was decided

Every move is a compare-and-set on an open doubt, so two people who decide at once decide once, and a
worker that runs meanwhile sees a copy that waits like any other.
"""

import email
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast

import structlog
from sqlalchemy import ColumnElement, Select, Table, Update, func, select, update
from sqlalchemy.orm import Session, undefer_group

from newsletter.db import UNSYNCED
from newsletter.delivery.ledger import REOPEN_WITHIN, ClaimedCopy, resent
from newsletter.delivery.message import compose
from newsletter.delivery.models import PENDING, REPORTED, Copy, CopyState, Letter, LetterState
from newsletter.links import Links

log = structlog.get_logger(__name__)

_ROWS = cast("Table", Copy.__table__)
_OPEN = (_ROWS.c.state == CopyState.IN_DOUBT, _ROWS.c.reason.is_(None))
_NOBODY = ClaimedCopy(id=0, letter_id=0, subscription_id=0, address="reader@example.org", name="", attempts=0)


def undecided(letter_id: int) -> Select[Copy]:
    """A letter's copies in doubt that nobody has decided about, oldest first."""
    return select(Copy).where(Copy.letter_id == letter_id, REPORTED, *_OPEN).order_by(Copy.id)


def decided(letter_id: int) -> Select[Copy]:
    """A letter's copies that stay in doubt as somebody has decided, oldest first."""
    closed = select(Copy).where(Copy.letter_id == letter_id, REPORTED, _ROWS.c.state == CopyState.IN_DOUBT)
    return closed.where(_ROWS.c.reason.is_not(None)).order_by(Copy.id)


def count_open(session: Session, letter_id: int) -> int:
    """How many of a letter's copies are in doubt and undecided."""
    return session.scalar(select(func.count()).where(Copy.letter_id == letter_id, REPORTED, *_OPEN)) or 0


def count_open_by_letter(session: Session, publication_id: int) -> dict[int, int]:
    """The publication's letters that have copies in doubt and undecided, and how many; the oldest letter first."""
    ours = select(Letter.id).where(Letter.publication_id == publication_id)
    counted = select(Copy.letter_id, func.count()).where(Copy.letter_id.in_(ours), REPORTED, *_OPEN)
    return dict(session.execute(counted.group_by(Copy.letter_id).order_by(Copy.letter_id)).all())


def message_ids(session: Session, links: Links, letter_id: int, ids: Collection[int]) -> dict[int, str]:
    """The Message-ID of each of these copies: what to look for in the mail server's log."""
    letter = session.get_one(Letter, letter_id, options=[undefer_group("parts")])
    template = compose.compile(letter.content, links)
    messages = {copy_id: template.message(_NOBODY._replace(id=copy_id), letter.due_at) for copy_id in ids}
    return {copy_id: str(email.message_from_bytes(message)["Message-ID"]) for copy_id, message in messages.items()}


def lock_state(session: Session, letter_id: int) -> LetterState:
    """Lock the letter until the transaction ends; returns its state."""
    return session.execute(select(Letter.state).where(Letter.id == letter_id).with_for_update()).scalar_one()


def send_again(session: Session, letter_id: int, ids: Collection[int], now: datetime) -> Sequence[int]:
    """Put these copies back to pending, under the same Message-ID; returns the ids of those that were still undecided.

    A finished letter goes back to running.
    """
    waits = {"state": CopyState.PENDING, "not_before": now}
    cleared = dict.fromkeys(("worker", "lease_until", "begun_at", "ended_at", "reservation"))
    moved = _moved(session, letter_id, ids, update(_ROWS).values(**waits, **cleared))
    resent.record_resent(session.connection(), dict.fromkeys(moved, "a person had it sent again"), now)
    _reopen(session, Letter.id == letter_id)
    for copy_id in moved:
        log.info("copy in doubt: a person has it sent again", copy=copy_id)
    return moved


def record_decision(
    session: Session, letter_id: int, ids: Collection[int], decision: str, now: datetime
) -> Sequence[int]:
    """Record what was decided about these copies, and when; they stay in doubt. Returns the ids that were undecided."""
    closed = update(_ROWS).values(reason=f"settled: {decision}"[:40], ended_at=now)
    moved = _moved(session, letter_id, ids, closed)
    for copy_id in moved:
        log.info("copy in doubt: settled", copy=copy_id, decision=decision)
    return moved


def reopen(session: Session, now: datetime) -> list[int]:
    """Set letters that finished within `REOPEN_WITHIN` back to running if a copy is pending; returns their ids.

    A copy is left pending if somebody has it sent again at the very moment at which its letter is finished.
    """
    return _reopen(session, Letter.finished_at > now - REOPEN_WITHIN)


def _reopen(session: Session, which: ColumnElement[bool]) -> list[int]:
    waiting = select(Copy.id).where(Copy.letter_id == Letter.id, PENDING)
    back = update(Letter).where(which, Letter.state == LetterState.FINISHED, waiting.exists())
    back = back.values(state=LetterState.RUNNING, finished_at=None)
    return sorted(session.scalars(back.returning(Letter.id), execution_options=UNSYNCED))


def _moved(session: Session, letter_id: int, ids: Collection[int], move: Update) -> Sequence[int]:
    mine = move.where(_ROWS.c.letter_id == letter_id, _ROWS.c.id.in_(ids), *_OPEN).returning(_ROWS.c.id)
    return sorted(session.connection().execute(mine).scalars())
