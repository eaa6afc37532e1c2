"""The outbox: single letters that a person waits for, written in the same transaction as their cause.

At least once: after a lease ran out, the letter is sent again, under the same Message-ID. Every move of a claimed
letter is a compare-and-set on its state and its worker, so a sender that comes late changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Dialect,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import Session, aliased

from newsletter.addresses import mailboxes
from newsletter.db import UNSYNCED
from newsletter.delivery import receipts
from newsletter.delivery.bounces import suppression
from newsletter.delivery.message.content import PURPOSES, Purpose
from newsletter.delivery.models import OutboxMessage, OutboxState
from newsletter.prepared import Prepared, moment
from newsletter.publications import Publication

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=5)
"""How long a lease lasts, from the claim or the renewal; longer than sending one letter takes."""

# Servers give up after four or five days (RFC 5321, 4.5.4.1), so no report comes about a letter that was deleted.
_RETENTION = timedelta(days=30)
_PRUNED_AT_ONCE = 500
_OPEN = timedelta(days=7)
_A_DAY = timedelta(days=1)
_ANSWERS = [kind for kind, purpose in PURPOSES.items() if purpose is Purpose.ANSWER]
FORWARDED = "reader_mail"
"""The kind of a person's mail that is forwarded to the team; `reply_to` says who wrote it."""
_TEAM = [kind for kind, purpose in PURPOSES.items() if purpose is Purpose.TEAM]
# Blanked once a letter has ended: none of it is needed again, the links in it are live, and a reply address may be that
# of a person who asked something.
_BLANK = {"html": "", "text": "", "message": None, "unsubscribe_url": None, "reply_to": None}

# Written out, because neither database matches a parameter to a partial index.
_PENDING = text("outbox.state = 'pending'")
_SENDING = text("outbox.state = 'sending'")


@dataclass(frozen=True, slots=True)
class Composed:
    """The content of a single letter, with all merge fields filled in."""

    kind: str
    """Which of the single letters it is, such as `confirm`; see `PURPOSES`."""
    subject: str
    html: str
    text: str
    template: str = ""
    """Subject and text with their merge fields left in, which all letters of one version have in common."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a single letter goes to, and what it carries of theirs."""

    address: str
    name: str = ""
    unsubscribe_url: str | None = None
    subscription_id: int | None = None
    """The subscription that it is about, if it is about one."""
    template: str | None = None
    """The version of its text, if it asks for consent."""


def post(
    session: Session,
    publication: Publication,
    to: Addressee,
    composed: Composed,
    now: datetime,
    *,
    reply_to: str | None = None,
) -> int:
    """Put a letter into the outbox; it can be sent once the caller's transaction commits. Its id.

    Replies go to the publication, unless `reply_to` names somebody else.
    """
    connection = session.connection()
    at = moment(connection.dialect, now)
    letter = {
        "kind": composed.kind,
        "sender_name": publication.sender_name,
        "sender_address": publication.sender_address,
        "reply_to": reply_to or publication.reply_to,
        "address": to.address,
        "key": mailboxes.mailbox_key(to.address),
        "name": to.name,
        "subject": composed.subject,
        "html": composed.html,
        "text": composed.text,
        "unsubscribe_url": to.unsubscribe_url,
        "created_at": at,
        "not_before": at,
        "subscription_id": to.subscription_id,
        "template": to.template,
    }
    ((post_id,),) = _adding(connection.dialect, tuple(letter)).run(connection, letter)
    return int(post_id)


@lru_cache(maxsize=8)
def _adding(dialect: Dialect, names: tuple[str, ...]) -> Prepared:
    fresh: dict[str, Any] = {"state": literal_column(f"'{OutboxState.PENDING}'"), "attempts": literal_column("0")}
    added = insert(OutboxMessage).values({name: bindparam(name) for name in names} | fresh)
    return Prepared(added.returning(OutboxMessage.id), dialect)


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
    return _without_suppressed(session, worker, sorted(claimed, key=lambda letter: (letter.not_before, letter.id)), now)


def may_be_sent(session: Session, worker: str, post_id: int, now: datetime) -> bool:
    """Whether this worker's lease lasts a while yet, and the address is not suppressed; if False, `renew` decides."""
    mine = select(OutboxMessage.key).where(
        OutboxMessage.id == post_id, OutboxMessage.state == OutboxState.SENDING, OutboxMessage.worker == worker
    )
    key = session.scalar(mine.where(OutboxMessage.lease_until > now + LEASE / 2))
    return key is not None and not suppression.causes_by_key(session, {key})


def renew(session: Session, worker: str, post_id: int, now: datetime) -> bool:
    """Renew the lease right before sending; False if another worker has it, or it must not be sent any more.

    The address may have been suppressed since the claim.
    """
    if not _write(session, worker, post_id, lease_until=now + LEASE):
        return False
    return bool(_without_suppressed(session, worker, [session.get_one(OutboxMessage, post_id)], now))


def sent(session: Session, worker: str, post_id: int, reply: str, now: datetime) -> bool:
    """Record that the server accepted a letter; False if it is not this worker's."""
    return _end(session, worker, post_id, OutboxState.SENT, reply, now)


def failed(session: Session, worker: str, post_id: int, reply: str, now: datetime) -> bool:
    """Record that a letter failed for good; False if it is not this worker's."""
    return _end(session, worker, post_id, OutboxState.FAILED, reply, now)


def came_back(session: Session, post_id: int, report: str) -> None:
    """Record that a letter which a server had accepted came back: it has failed after all."""
    accepted = update(OutboxMessage).where(OutboxMessage.id == post_id, OutboxMessage.state == OutboxState.SENT)
    session.execute(accepted.values(state=OutboxState.FAILED, reply=report), execution_options=UNSYNCED)


def put_off(session: Session, worker: str, post_id: int, reply: str, not_before: datetime) -> bool:
    """Put a letter off until `not_before` and count the try; False if it is not this worker's."""
    later = {"not_before": not_before, "attempts": OutboxMessage.attempts + 1}
    return _move(session, worker, post_id, state=OutboxState.PENDING, reply=reply, **later)


def give_back(session: Session, worker: str, post_id: int, not_before: datetime | None = None) -> bool:
    """Give back a letter that was not tried; no attempt is charged. False if it is not this worker's.

    With `not_before` it stands behind those that have waited longer.
    """
    later = {"not_before": not_before} if not_before else {}
    return _move(session, worker, post_id, state=OutboxState.PENDING, **later)


def open_failures(session: Session, now: datetime, most: int) -> Sequence[OutboxMessage]:
    """The letters that failed within a week and may need a person, the newest first, `most` of them.

    Beside them those that wait because the server refuses us (`put_off`), which somebody may mend.
    Not those that another letter of their kind to the same address has followed. Nor those that asked whether an
    address is right, and got the answer: there is no such mailbox (RFC 3463, X.1.1).
    """
    newest_first = func.coalesce(OutboxMessage.ended_at, OutboxMessage.created_at).desc(), OutboxMessage.id.desc()
    return session.scalars(_open_failures(now).order_by(*newest_first).limit(most)).all()


def count_open_failures(session: Session, now: datetime) -> int:
    """How many these are."""
    return session.scalar(select(func.count()).select_from(_open_failures(now).subquery())) or 0


def recover(session: Session, now: datetime) -> int:
    """Put back the letters whose lease ran out; returns how many."""
    return _recover(session, OutboxMessage.lease_until < now)


def recover_from(session: Session, worker: str) -> int:
    """Put back all that one worker holds, which has ended or fallen silent; returns how many."""
    return _recover(session, OutboxMessage.worker == worker)


def _open_failures(now: datetime) -> Select[OutboxMessage]:
    later = aliased(OutboxMessage)
    followed = exists().where(
        later.key == OutboxMessage.key, later.kind == OutboxMessage.kind, later.id > OutboxMessage.id
    )
    asking = [kind for kind, purpose in PURPOSES.items() if purpose is Purpose.CONFIRM]
    answered = OutboxMessage.kind.in_(asking) & func.coalesce(OutboxMessage.reply, "").contains(" 5.1.1")
    has_failed = (OutboxMessage.state == OutboxState.FAILED) & (OutboxMessage.ended_at > now - _OPEN)
    # Only a refusal that is about us leaves a letter waiting with such a reply.
    is_refused = _PENDING & OutboxMessage.reply.startswith("5")
    return select(OutboxMessage).where((has_failed & ~answered) | is_refused, ~followed)


def _recover(session: Session, whose: ColumnElement[bool]) -> int:
    lost = update(OutboxMessage).where(_SENDING, whose)
    back = lost.values(state=OutboxState.PENDING, worker=None, lease_until=None).returning(OutboxMessage.id)
    return len(session.scalars(back, execution_options=UNSYNCED).all())


def erase_letters(session: Session, keys: Collection[str], subscription_ids: Collection[int] = ()) -> None:
    """Erase every letter to the addresses with these keys, and to any address about these subscriptions.

    What waits for an editor still goes out: who is erased as a reader stays in the team.
    """
    is_gone = OutboxMessage.ended_at.is_not(None) | OutboxMessage.kind.not_in(_TEAM)
    for theirs in (OutboxMessage.key.in_(keys), OutboxMessage.subscription_id.in_(subscription_ids)):
        session.execute(delete(OutboxMessage).where(theirs, is_gone), execution_options=UNSYNCED)


def skip_waiting(session: Session, ended: Collection[tuple[str, int]], reason: str, now: datetime) -> None:
    """Skip what waits for these readers about a subscription that has ended, each given as address key and id.

    Answers to requests go out.
    """
    theirs = update(OutboxMessage).where(
        # By itself as well, because SQLite looks no pairs up in an index.
        OutboxMessage.key.in_([key for key, _ in ended]),
        tuple_(OutboxMessage.key, OutboxMessage.subscription_id).in_(ended),
        OutboxMessage.state == OutboxState.PENDING,
        OutboxMessage.kind.not_in(_ANSWERS),
    )
    skipped = {"state": OutboxState.SKIPPED, "reason": reason, "ended_at": now, **_BLANK}
    session.execute(theirs.values(skipped), execution_options=UNSYNCED)


def withdraw_letters(session: Session, post_ids: Collection[int]) -> None:
    """Delete these letters; one that is being sent right now may still arrive."""
    session.execute(delete(OutboxMessage).where(OutboxMessage.id.in_(post_ids)), execution_options=UNSYNCED)


def withdraw_forwarded(session: Session, keys: Collection[str]) -> None:
    """Delete the mails from these addresses that wait to be forwarded to the team."""
    waiting = select(OutboxMessage.id, OutboxMessage.reply_to)
    waiting = waiting.where(OutboxMessage.kind == FORWARDED, OutboxMessage.ended_at.is_(None))
    found = session.execute(waiting).all()
    withdraw_letters(session, [post_id for post_id, sender in found if mailboxes.mailbox_key(sender or "") in keys])


def prune(session: Session, now: datetime) -> int:
    """Delete one batch of the letters that ended 30 days ago or earlier; returns how many, 0 when none is left."""
    old = (
        select(OutboxMessage.id)
        .where(OutboxMessage.ended_at <= now - _RETENTION)
        .order_by(OutboxMessage.ended_at)
        .limit(_PRUNED_AT_ONCE)
    )
    ids = old.with_for_update(skip_locked=True).cte("old")
    deletion = delete(OutboxMessage).where(OutboxMessage.id.in_(select(ids.c.id))).returning(OutboxMessage.id)
    return len(session.scalars(deletion, execution_options=UNSYNCED).all())


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
    """Whether another letter of this kind went to that address within a day, or is on its way."""
    others = select(OutboxMessage.id).where(
        OutboxMessage.key == letter.key, OutboxMessage.kind == letter.kind, OutboxMessage.id != letter.id
    )
    # One that has failed may have gone out and come back.
    has_ended = OutboxMessage.state.in_((OutboxState.SENT, OutboxState.FAILED))
    was_sent = has_ended & (OutboxMessage.ended_at > now - _A_DAY)
    # Of several at once, only the first is sent.
    is_on_its_way = (OutboxMessage.state == OutboxState.SENDING) & (OutboxMessage.id < letter.id)
    return session.scalar(others.where(was_sent | is_on_its_way).limit(1)) is not None


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
    return session.scalar(written, execution_options=UNSYNCED) is not None
