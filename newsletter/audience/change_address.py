"""Change of address: requested by a fresh link, confirmed at the new address, and undone if the old one objects."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import consent, emails, erasures, preferences, signup_limits, subscribers, unsubscribe
from newsletter.audience.address import Address
from newsletter.audience.consent import Proof
from newsletter.audience.models import Act, Channel, ConsentEvent, Subscriber, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.delivery.bounces import events, suppression
from newsletter.delivery.ledger import readdress
from newsletter.delivery.models import OutboxMessage
from newsletter.delivery.transactional import outbox
from newsletter.errors import Conflict, Invalid
from newsletter.i18n.messages import lazy_gettext

log = structlog.get_logger(__name__)

_FROM = "from "
_GROUP = 200
# Servers give up after five days, so no report comes later.
_UNANSWERED = timedelta(days=7)
_TAKEN = lazy_gettext(
    "This address is already on our list, so it cannot replace the other one. If no emails from us come to it, sign up "
    "with it; then unsubscribe the other one by the link in any email that comes there."
)


class AddressChange(NamedTuple):
    """A change that a link offers, to `target`; `is_back` if it objects to an earlier one."""

    subscription: Subscription
    target: Address
    is_back: bool
    is_done: bool


def ask(
    session: Session, audience: AudienceServices, token: str, email: str, client: str | None, now: datetime
) -> None:
    """Mail the link that confirms a new address to it, under the limits of sign-ups, whoever else reads with it.

    Invalid for a malformed address, NotFresh for an old link, TooManyRequests for a client over its limit.
    """
    subscription, address = preferences.open_manage_link(session, audience, token, now), Address.parse(email)
    if address.email == subscription.subscriber.email:
        raise Invalid(lazy_gettext("Your emails already come to this address"))
    if signup_limits.count_and_check(session, audience, address, client, now):
        log.warning("change of address capped", address=address.masked)
        return
    url = audience.links.change_address(subscription.id, _times_moved(session, subscription.id), address.email, now)
    emails.confirm_address(session, audience, subscription, address.email, url, now)


def open_change(session: Session, audience: AudienceServices, token: str, now: datetime) -> AddressChange:
    """The change that a link offers. Invalid if forged, Expired if too old, NotFound if the reader was erased.

    Conflict if the address has been changed since the link was made.
    """
    link = audience.links.open_change_address(token, now)
    times_moved = _times_moved(session, link.subscription_id)
    subscription, target = subscribers.get(session, link.subscription_id), Address.parse(link.target)
    is_done = subscription.subscriber.email == target.email
    if not is_done and times_moved != link.times_moved:
        raise Conflict(
            lazy_gettext("Your address has been changed since this link was made, so the link no longer works.")
        )
    return AddressChange(subscription, target, link.is_back, is_done)


def change_address(
    session: Session, audience: AudienceServices, token: str, client: str | None, now: datetime
) -> AddressChange:
    """Carry the change out, and tell the old address unless it was its owner who objected; no effect if it is done.

    Errors as for `open_change`, and Conflict if the new address is another reader's.
    """
    link = audience.links.open_change_address(token, now)
    _lock(session, subscribers.get(session, link.subscription_id))
    change = open_change(session, audience, token, now)
    if change.is_done:
        return change
    reader, target = change.subscription.subscriber, change.target
    former = reader.email
    _set_address(session, reader, target)
    proof = Proof(consent.origin_of(audience, client), note=f"{_FROM}{former}")
    for one in reader.subscriptions:
        consent.record(session, one, Act.MOVED, Channel.LINK, now, proof)
    readdress.readdress_pending(session, [one.id for one in reader.subscriptions], target.email)
    suppression.lift(session, target.key, suppression.CONFIRMING_LIFTS)
    erasures.remove_erasure(session, audience.links.seal, target.key)
    unsubscribe.revive_all_of_address(session, target.key, now, Channel.LINK, proof._replace(note="a new address"))
    if not change.is_back:
        _tell(session, audience, change.subscription, former, now)
    return change._replace(is_done=True)


def former_addresses(session: Session, reader: Subscriber) -> Sequence[Address]:
    """The addresses that a reader had before, unless somebody else reads with one now."""
    ids = [one.id for one in reader.subscriptions]
    moved = select(ConsentEvent.note).where(ConsentEvent.subscription_id.in_(ids), ConsentEvent.act == Act.MOVED)
    found = {_former(note) for note in session.scalars(moved)}
    keys = [address.key for address in found]
    taken = set(session.scalars(select(Subscriber.key).where(Subscriber.key.in_(keys))))
    return sorted((one for one in found if one.key not in taken), key=lambda one: one.email)


def former_keys(session: Session) -> frozenset[str]:
    """The keys of all addresses that readers of any publication have changed for another."""
    moved = select(ConsentEvent.note).where(ConsentEvent.act == Act.MOVED, ConsentEvent.note.is_not(None))
    return frozenset(_former(note).key for note in session.scalars(moved))


def prune_unanswered(session: Session, now: datetime) -> int:
    """Erase some new addresses that nobody confirmed within a week, with what was heard of them; how many.

    They are nobody's here, so nobody could have them erased. A suppression stays in any case.
    """
    unanswered = select(OutboxMessage.id, OutboxMessage.key).where(
        OutboxMessage.kind == emails.ADDRESS_CONFIRM,
        OutboxMessage.ended_at <= now - _UNANSWERED,
        ~exists().where(Subscriber.key == OutboxMessage.key),
    )
    found = dict(session.execute(unanswered.limit(_GROUP)).all())
    if found:
        events.erase_events(session, set(found.values()), [])
        outbox.withdraw_letters(session, found)
    return len(found)


def _former(note: str | None) -> Address:
    return Address.parse((note or "").removeprefix(_FROM))


def _lock(session: Session, subscription: Subscription) -> None:
    """Let no issue be fanned out, and nobody else change the address, until this transaction ends."""
    reader = subscription.subscriber
    for one in reader.subscriptions:
        publications.wait_for_fan_out(session, one.publication_id)
    session.refresh(reader, ["email", "key"], with_for_update={"of": Subscriber})


def _set_address(session: Session, reader: Subscriber, target: Address) -> None:
    others = select(Subscriber.id).where(Subscriber.key == target.key, Subscriber.id != reader.id)
    if session.scalar(others) is not None:
        raise Conflict(_TAKEN)
    try:
        with session.begin_nested():
            reader.email, reader.key = target.email, target.key
            session.flush()
    except IntegrityError:
        raise Conflict(_TAKEN) from None


def _tell(session: Session, audience: AudienceServices, subscription: Subscription, former: str, now: datetime) -> None:
    times = _times_moved(session, subscription.id)
    url = audience.links.change_address(subscription.id, times, former, now, is_back=True)
    emails.address_changed(session, audience, subscription, former, url, now)


def _times_moved(session: Session, subscription_id: int) -> int:
    theirs = select(func.count()).where(ConsentEvent.subscription_id == subscription_id)
    return session.scalar(theirs.where(ConsentEvent.act == Act.MOVED)) or 0
