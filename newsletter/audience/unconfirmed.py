"""Sign-ups that nobody confirms: one reminder, if it is wanted, and their end after some days.

Both read first which ones are due, lock those, and read again: on PostgreSQL, somebody may have asked again meanwhile.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import consent_chain, emails, search_index
from newsletter.audience.models import Act, ConsentEvent, Status, Subscriber, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.db import UNSYNCED
from newsletter.delivery import receipts
from newsletter.delivery.bounces import events
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.report import Kind
from newsletter.delivery.models import OutboxMessage, OutboxState, Receipt
from newsletter.delivery.transactional import outbox

_GROUP = 200
_ENDS = {Act.LEFT: Status.UNSUBSCRIBED, Act.BOUNCED: Status.BOUNCED, Act.COMPLAINED: Status.COMPLAINED}
_A_DAY = timedelta(days=1)
# A confirm letter that came later than this has been forgotten, and a reminder would be a surprise.
_REMINDED_UNTIL = timedelta(days=3)
_ONE_IN = timedelta(days=30)
_SPEAKS_AGAINST = (Kind.BOUNCE, Kind.DELAY, Kind.COMPLAINT, Kind.UNSUBSCRIBE)

log = structlog.get_logger(__name__)


def prune(session: Session, now: datetime, keep: timedelta) -> int:
    """End some sign-ups that nobody confirmed within `keep` of their last letter; how many, 0 when none is left.

    A reader who had been subscribed before gets their earlier status back; all other addresses are deleted.
    """
    due = _locked(session, _unconfirmed(session, now - keep))
    subscribed_before = {one.id for one in due if one.left_at is not None}
    _restore(session, subscribed_before)
    _delete(session, [one for one in due if one.id not in subscribed_before])
    if due:
        log.info("unconfirmed sign-ups ended", deleted=len(due) - len(subscribed_before), left=len(subscribed_before))
    return len(due)


def remind(session: Session, services: AudienceServices, now: datetime) -> int:
    """Queue one reminder for some who got their confirm letter a day ago; how many, 0 when none is left."""
    due = {one.subscriber_id: one for one in _locked(session, _to_be_reminded(session, now))}
    for one in due.values():
        emails.remind(session, services, one, now)
    return len(due)


def _unconfirmed(session: Session, since: datetime) -> list[ColumnElement[bool]]:
    mine = ConsentEvent.subscription_id == Subscription.id
    theirs = Receipt.subscription_id == Subscription.id
    waits = (OutboxMessage.key == Subscriber.key) & OutboxMessage.ended_at.is_(None)
    return [
        *_pending(session),
        Subscription.created_at <= since,
        ~exists().where(mine, ConsentEvent.at > since),
        ~exists().where(theirs, Receipt.at > since),
        ~exists().where(waits),
    ]


def _to_be_reminded(session: Session, now: datetime) -> list[ColumnElement[bool]]:
    mine, theirs = ConsentEvent.subscription_id == Subscription.id, Receipt.subscription_id == Subscription.id
    arrived = Receipt.at.between(now - _REMINDED_UNTIL, now - _A_DAY), Receipt.state == OutboxState.SENT
    posted = OutboxMessage.key == Subscriber.key
    reminded = posted, OutboxMessage.kind == emails.REMINDER, OutboxMessage.created_at > now - _ONE_IN
    heard = BounceEvent.key == Subscriber.key, BounceEvent.kind.in_(_SPEAKS_AGAINST)
    return [
        *_pending(session),
        # Not those who were imported: they asked elsewhere, and have had one letter that they did not expect.
        exists().where(mine, ConsentEvent.act == Act.ASKED, ConsentEvent.at > now - _REMINDED_UNTIL - _A_DAY),
        ~exists().where(mine, ConsentEvent.at > now - _A_DAY),
        exists().where(theirs, *arrived),
        ~exists().where(theirs, Receipt.at > now - _A_DAY),
        ~exists().where(posted, OutboxMessage.ended_at.is_(None)),
        # In all publications together: somebody who was signed up everywhere by another person gets no second flood.
        ~exists().where(*reminded),
        ~exists().where(*heard, BounceEvent.at > now - _REMINDED_UNTIL - _A_DAY),
    ]


def _pending(session: Session) -> list[ColumnElement[bool]]:
    # The index of readers by status begins with the publication.
    every = [publication.id for publication in session.scalars(publications.all_publications())]
    return [Subscription.publication_id.in_(every), Subscription.status == Status.PENDING]


def _locked(session: Session, which: Collection[ColumnElement[bool]]) -> Sequence[Subscription]:
    """Some that match, under lock with their person; those that somebody writes to at this moment are left out."""
    found = select(Subscription.id).join(Subscriber).where(*which).order_by(Subscription.id).limit(_GROUP)
    locked = session.scalars(found.with_for_update(of=[Subscriber, Subscription], skip_locked=True)).all()
    still = select(Subscription).join(Subscription.subscriber).where(Subscription.id.in_(locked), *which)
    return session.scalars(still.order_by(Subscription.id)).all() if locked else []


def _restore(session: Session, subscription_ids: Collection[int]) -> None:
    ends = select(ConsentEvent.subscription_id, ConsentEvent.act).order_by(ConsentEvent.id)
    ends = ends.where(ConsentEvent.subscription_id.in_(subscription_ids), ConsentEvent.act.in_(_ENDS))
    last = dict(session.execute(ends).all()) if subscription_ids else {}
    for subscription_id in subscription_ids:
        status = _ENDS[last.get(subscription_id, Act.LEFT)]
        mine = update(Subscription).where(Subscription.id == subscription_id, Subscription.status == Status.PENDING)
        session.execute(mine.values(status=status), execution_options=UNSYNCED)


def _delete(session: Session, subscriptions: Collection[Subscription]) -> None:
    ids, readers = [one.id for one in subscriptions], {one.subscriber_id: one.subscriber.key for one in subscriptions}
    if not ids:
        return
    consent_chain.erase(session, ids)
    receipts.erase_receipts(session, ids)
    session.execute(delete(Subscription).where(Subscription.id.in_(ids)), execution_options=UNSYNCED)
    subscribed = select(Subscription.subscriber_id).where(Subscription.subscriber_id.in_(readers))
    for reader_id in session.scalars(subscribed):
        readers.pop(reader_id, None)
    # The ledger of bounces is kept by address; a suppression stays in any case.
    events.erase_events(session, list(readers.values()), ids)
    outbox.erase_letters(session, readers.values())
    search_index.drop_readers(session, readers)
    session.execute(delete(Subscriber).where(Subscriber.id.in_(readers)), execution_options=UNSYNCED)
