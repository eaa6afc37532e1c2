"""Sign-up: a form, a letter, a button. Only the button's POST makes a reader.

Whatever the address, the form's answer is the same: nobody learns from it who reads.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload
from sqlalchemy.orm.attributes import set_committed_value

from newsletter.audience import caps, consent, erased, letters, moves, roster
from newsletter.audience.address import Address, clean_name
from newsletter.audience.models import Act, Status, Subscriber, Subscription, Way
from newsletter.audience.practice import Practice
from newsletter.db import insert
from newsletter.delivery import suppression
from newsletter.errors import Conflict, NotFound
from newsletter.links import Expired
from newsletter.publications import Publication

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came by the form, as it came, and the words that stood there."""

    email: str
    name: str
    client: str | None
    wording: str


def subscribe(session: Session, practice: Practice, publication: Publication, asked: Asked, now: datetime) -> None:
    """Send the address a confirm letter, unless it reads already, had enough, or is suppressed for good.

    Invalid for a malformed address or name, TooMany for a client past its cap; silent otherwise.
    """
    address, name = Address.parse(asked.email), clean_name(asked.name)
    if not caps.allow(session, practice, address, asked.client, now):
        log.warning("sign-up capped", address=address.masked, publication=publication.slug)
        return
    subscription = _tie(session, publication, address, name, now)
    if subscription.status in moves.GETTING:
        return
    origin = consent.origin_of(practice, asked.client)
    consent.record(session, subscription, Act.ASKED, Way.FORM, now, origin, asked.wording)
    _ask(session, practice, subscription, now)


def look(session: Session, practice: Practice, token: str, now: datetime) -> Subscription:
    """Whose link this is; changes nothing. Expired if too old, Invalid if forged, NotFound if erased."""
    subscription_id, made = practice.links.open_confirm(token, now)
    subscription = roster.get(session, subscription_id)
    if subscription.status is Status.PENDING and _left_since(subscription, made):
        raise Expired("this link is from before you left; ask for a fresh one")
    return subscription


def confirm(
    session: Session, practice: Practice, token: str, client: str | None, wording: str, now: datetime
) -> Subscription:
    """Make a pending reader active and welcome them, once; Conflict for one who has left since."""
    subscription = look(session, practice, token, now)
    if moves.confirm(session, subscription, now):
        origin = consent.origin_of(practice, client)
        consent.record(session, subscription, Act.CONFIRMED, Way.LINK, now, origin, wording)
        letters.welcome(session, practice, subscription, now)
        suppression.lift(session, subscription.subscriber.key, suppression.CONFIRMING_LIFTS)
        erased.forget(session, practice.links.seal, subscription.subscriber.key)
    if subscription.status not in moves.GETTING:
        raise Conflict("This link no longer works, because you left after it was sent. Please sign up again.")
    return subscription


def resend(session: Session, practice: Practice, token: str, client: str | None, now: datetime) -> None:
    """Send a fresh confirm letter to the address of an old link, under the same caps; Invalid if forged."""
    subscription = _still_here(session, practice.links.open_stale_confirm(token))
    if subscription is None or subscription.status is not Status.PENDING:
        return
    address = Address.parse(subscription.subscriber.email)
    if caps.allow(session, practice, address, client, now):
        origin = consent.origin_of(practice, client)
        consent.record(session, subscription, Act.ASKED, Way.LINK, now, origin)
        _ask(session, practice, subscription, now)


def _tie(session: Session, publication: Publication, address: Address, name: str, now: datetime) -> Subscription:
    reader = _reader(session, address, name, now)
    tie = select(Subscription).options(lazyload(Subscription.subscriber), lazyload(Subscription.publication))
    tie = tie.where(Subscription.subscriber_id == reader.id, Subscription.publication_id == publication.id)
    subscription = session.scalar(tie)
    if subscription is None:
        values = {"subscriber_id": reader.id, "publication_id": publication.id, "created_at": now}
        made = insert(session, Subscription).values(values).on_conflict_do_nothing().returning(Subscription)
        subscription = session.scalar(made) or session.scalars(tie).one()
    # Both are at hand, and need not be asked for again.
    set_committed_value(subscription, "subscriber", reader)
    set_committed_value(subscription, "publication", publication)
    return subscription


def _reader(session: Session, address: Address, name: str, now: datetime) -> Subscriber:
    person = select(Subscriber).where(Subscriber.key == address.key)
    if (known := session.scalar(person)) is not None:
        # The form cannot know who types: a name that its owner may have seen stays, an unproven one gives way.
        if name and all(one.status is Status.PENDING and one.left_at is None for one in known.subscriptions):
            known.name = name
        return known
    values = {"email": address.email, "key": address.key, "name": name, "created_at": now}
    made = insert(session, Subscriber).values(values).on_conflict_do_nothing().returning(Subscriber)
    return session.scalar(made) or session.scalars(person).one()


def _ask(session: Session, practice: Practice, subscription: Subscription, now: datetime) -> None:
    reader = subscription.subscriber
    causes = {one.cause for one in suppression.of(session, reader.key)}
    # That they asked is on record. A bounce they take back by confirming; the rest the desk does, and no form.
    if causes - suppression.CONFIRMING_LIFTS:
        log.info("sign-up of a suppressed address", subscription=subscription.id)
        return
    if subscription.status in moves.GONE:
        moves.ask_again(session, subscription)
    if subscription.status is Status.PENDING:
        letters.confirm(session, practice, subscription.publication, subscription.id, reader.email, now)


def _still_here(session: Session, subscription_id: int) -> Subscription | None:
    try:
        return roster.get(session, subscription_id)
    except NotFound:
        return None


def _left_since(subscription: Subscription, made: datetime) -> bool:
    # A link knows its minute, not its second; within one minute the newer request is believed.
    return subscription.left_at is not None and subscription.left_at >= made + timedelta(minutes=1)
