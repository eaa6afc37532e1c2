"""The outbox: single letters that a person waits for, written in the same transaction as their cause.

At least once: a lease that ran out is sent again, under the same Message-ID. Every move of a claimed
letter is a compare-and-set on its state and its worker, so a sender that comes late changes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, select, text, update
from sqlalchemy.orm import Session

from newsletter.delivery import receipts
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import OutboxMessage, OutboxState
from newsletter.publications import Publication

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=5)
"""How long a letter is one worker's own, from its claim or from its renewal; longer than any one letter takes."""

# No server tries for so long (RFC 5321, 4.5.4.1: four or five days), so no report comes later about what is deleted.
_KEPT = timedelta(days=30)
_PRUNED_AT_ONCE = 500
_A_DAY = timedelta(days=1)
# Once a letter has ended nobody reads its words again, and the links in them are live.
_BLANK = {"html": "", "text": "", "message": None, "unsubscribe_url": None}

# Written out, because neither database matches a parameter to a partial index.
_PENDING = text("outbox.state = 'pending'")
_SENDING = text("outbox.state = 'sending'")


@dataclass(frozen=True, slots=True)
class Composed:
    """A single letter's words, ready for its one reader: nothing is merged into them any more."""

    subject: str
    html: str
    text: str
    template: str = ""
    """What all letters of one version have in common: subject and text with their merge fields left in."""


def post(
    session: Session,
    publication: Publication,
    kind: str,
    address: str,
    name: str,
    composed: Composed,
    now: datetime,
    unsubscribe_url: str | None = None,
) -> OutboxMessage:
    """Put a letter into the outbox; it leaves when the caller's transaction commits."""
    letter = OutboxMessage(
        kind=kind,
        sender_name=publication.sender_name,
        sender_address=publication.sender_address,
        reply_to=publication.reply_to,
        address=address,
        name=name,
        subject=composed.subject,
        html=composed.html,
        text=composed.text,
        unsubscribe_url=unsubscribe_url,
        state=OutboxState.PENDING,
        attempts=0,
        created_at=now,
        not_before=now,
    )
    session.add(letter)
    return letter


def claim(session: Session, worker: str, limit: int, now: datetime) -> list[OutboxMessage]:
    """Lease up to `limit` letters that are due, the longest waiting first; no two workers get the same.

    What must not go to a suppressed address is skipped instead (`suppression.refusal`), so fewer may come out.
    """
    due = (
        select(OutboxMessage.id)
        .where(_PENDING, OutboxMessage.not_before <= now)
        .order_by(OutboxMessage.not_before, OutboxMessage.id)
        .limit(limit)
    )
    ids = due.with_for_update(skip_locked=True).cte("due")
    lease = update(OutboxMessage).where(OutboxMessage.id.in_(select(ids.c.id)))
    lease = lease.values(state=OutboxState.SENDING, worker=worker, lease_until=now + LEASE).returning(OutboxMessage)
    claimed = session.scalars(lease, execution_options={"synchronize_session": False, "populate_existing": True})
    return _without_suppressed(session, worker, sorted(claimed, key=lambda letter: letter.id), now)


def may_be_sent(session: Session, worker: str, post_id: int, now: datetime) -> bool:
    """Whether it is this worker's for a while yet, and its address not suppressed; only looks. If not, ask `renew`."""
    mine = select(OutboxMessage.key).where(
        OutboxMessage.id == post_id, OutboxMessage.state == OutboxState.SENDING, OutboxMessage.worker == worker
    )
    key = session.scalar(mine.where(OutboxMessage.lease_until > now + LEASE / 2))
    return key is not None and not suppression.causes_by_key(session, {key})


def renew(session: Session, worker: str, post_id: int, now: datetime) -> bool:
    """Lease it anew, right before it is sent; False if it is this worker's no more, or must not go any more.

    Its address may have been suppressed since it was claimed with others.
    """
    if not _write(session, worker, post_id, lease_until=now + LEASE):
        return False
    return bool(_without_suppressed(session, worker, [session.get_one(OutboxMessage, post_id)], now))


def sent(session: Session, worker: str, post_id: int, reply: str, now: datetime) -> bool:
    """The server took it."""
    return _end(session, worker, post_id, OutboxState.SENT, reply, now)


def failed(session: Session, worker: str, post_id: int, reply: str, now: datetime) -> bool:
    """It will not be tried again."""
    return _end(session, worker, post_id, OutboxState.FAILED, reply, now)


def put_off(session: Session, worker: str, post_id: int, reply: str, not_before: datetime) -> bool:
    """It is tried again at that moment; this try counts."""
    later = {"not_before": not_before, "attempts": OutboxMessage.attempts + 1}
    return _move(session, worker, post_id, state=OutboxState.PENDING, reply=reply, **later)


def give_back(session: Session, worker: str, post_id: int) -> bool:
    """It was not tried, through no fault of its own, and waits as before."""
    return _move(session, worker, post_id, state=OutboxState.PENDING)


def recover(session: Session, now: datetime) -> int:
    """Put back what a worker claimed and never answered for; how many."""
    return _recover(session, OutboxMessage.lease_until < now)


def recover_from(session: Session, worker: str) -> int:
    """The same with all that one worker still holds, which has ended or fallen silent."""
    return _recover(session, OutboxMessage.worker == worker)


def _recover(session: Session, whose: ColumnElement[bool]) -> int:
    lost = update(OutboxMessage).where(_SENDING, whose)
    back = lost.values(state=OutboxState.PENDING, worker=None, lease_until=None).returning(OutboxMessage.id)
    return len(session.scalars(back, execution_options={"synchronize_session": False}).all())


def erase_letters(session: Session, keys: Collection[str]) -> None:
    """Erase every letter to the addresses with these keys, sent or not."""
    theirs = delete(OutboxMessage).where(OutboxMessage.key.in_(keys))
    session.execute(theirs, execution_options={"synchronize_session": False})


def prune(session: Session, now: datetime) -> int:
    """Delete some of the letters that ended 30 days ago or earlier; how many, 0 when none is left."""
    old = (
        select(OutboxMessage.id)
        .where(OutboxMessage.ended_at <= now - _KEPT)
        .order_by(OutboxMessage.ended_at)
        .limit(_PRUNED_AT_ONCE)
    )
    ids = old.with_for_update(skip_locked=True).cte("old")
    gone = delete(OutboxMessage).where(OutboxMessage.id.in_(select(ids.c.id))).returning(OutboxMessage.id)
    return len(session.scalars(gone, execution_options={"synchronize_session": False}).all())


def _without_suppressed(
    session: Session, worker: str, claimed: list[OutboxMessage], now: datetime
) -> list[OutboxMessage]:
    causes = suppression.causes_by_key(session, {letter.key for letter in claimed}) if claimed else {}
    if not causes:
        return claimed
    return [letter for letter in claimed if not _skip(session, worker, letter, causes.get(letter.key, {}), now)]


def _skip(session: Session, worker: str, letter: OutboxMessage, causes: suppression.Causes, now: datetime) -> bool:
    had_one = bool(causes) and _had_one(session, letter, now)
    reason = suppression.refusal_reason(letter.kind, causes, letter.created_at, had_one=had_one)
    if reason:
        log.info("letter skipped", post=letter.id, kind=letter.kind, reason=reason)
        _move(session, worker, letter.id, state=OutboxState.SKIPPED, reason=reason, ended_at=now, **_BLANK)
    return bool(reason)


def _had_one(session: Session, letter: OutboxMessage, now: datetime) -> bool:
    """Whether another of its kind went to that address within a day, or is on its way."""
    others = select(OutboxMessage.id).where(
        OutboxMessage.key == letter.key, OutboxMessage.kind == letter.kind, OutboxMessage.id != letter.id
    )
    went = (OutboxMessage.state == OutboxState.SENT) & (OutboxMessage.ended_at > now - _A_DAY)
    # Of several at once the first goes.
    goes = (OutboxMessage.state == OutboxState.SENDING) & (OutboxMessage.id < letter.id)
    return session.scalar(others.where(went | goes).limit(1)) is not None


def _end(session: Session, worker: str, post_id: int, state: OutboxState, reply: str, now: datetime) -> bool:
    if not _move(session, worker, post_id, state=state, reply=reply, ended_at=now, **_BLANK):
        return False
    receipts.record_receipt(session, post_id, state, reply, now)
    return True


def _move(session: Session, worker: str, post_id: int, **values: Any) -> bool:
    return _write(session, worker, post_id, worker=None, lease_until=None, **values)


def _write(session: Session, owner: str, post_id: int, **values: Any) -> bool:
    mine = update(OutboxMessage).where(
        OutboxMessage.id == post_id, OutboxMessage.state == OutboxState.SENDING, OutboxMessage.worker == owner
    )
    written = mine.values(**values).returning(OutboxMessage.id)
    return session.scalar(written, execution_options={"synchronize_session": False}) is not None
