"""Unsubscribing: immediate, with one click, no questions asked, and reversible for a day."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Row, delete, func, select, text
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import consent, emails, status_transitions, statuses, subscribers
from newsletter.audience.consent import NO_PROOF, Proof
from newsletter.audience.models import Act, BulkActRow, Channel, ConsentEvent, Status, Subscriber, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.delivery import ledger
from newsletter.delivery.transactional import outbox
from newsletter.errors import Conflict
from newsletter.i18n.messages import lazy_gettext
from newsletter.pagination import Order, Page, PageRequest

UNDO = timedelta(hours=24)
MAX_REASON = 500

ACTS = {Status.UNSUBSCRIBED: Act.LEFT, Status.BOUNCED: Act.BOUNCED, Status.COMPLAINED: Act.COMPLAINED}
"""The consent act that records each end of a subscription."""

_NEWEST_FIRST: Order[Row[ConsentEvent, Subscription]] = Order((ConsentEvent.id,), lambda row: row[0].id)

# Written out, because neither database matches a parameter to a partial index.
_LEFT = text("consent_events.act = 'left'")


class Leaver(NamedTuple):
    """A subscription that ends, the key of its reader's address, and the evidence of it."""

    id: int
    key: str
    proof: Proof


def open_unsubscribe_link(session: Session, services: AudienceServices, token: str) -> Subscription:
    """The subscription of an unsubscribe link; changes nothing. Invalid if forged, NotFound if erased."""
    return subscribers.get(session, services.links.open_unsubscribe(token)[0])


def unsubscribe_by_link(
    session: Session, services: AudienceServices, token: str, channel: Channel, client: str | None, now: datetime
) -> Subscription:
    """Unsubscribe the holder of a link; a second request has no effect. Invalid if forged, NotFound if erased."""
    subscription_id, letter_id = services.links.open_unsubscribe(token)
    proof = Proof(consent.origin_of(services, client), letter_id=letter_id or None)
    return unsubscribe(session, services, subscribers.get(session, subscription_id), channel, proof, now)


def unsubscribe(
    session: Session,
    services: AudienceServices,
    subscription: Subscription,
    channel: Channel,
    proof: Proof,
    now: datetime,
) -> Subscription:
    """Unsubscribe a reader who asks for it, through any channel."""
    ended = end_subscription(session, subscription, Status.UNSUBSCRIBED, channel, now, proof)
    if not ended:
        # A reader whom the team unsubscribed now asks for it themselves, so the team can no longer undo it.
        session.execute(delete(BulkActRow).where(BulkActRow.subscription_id == subscription.id))
    # A reader who left on a page gets an acknowledgement; one who used the mail program wants no more mail at all.
    if ended and channel is Channel.LINK:
        emails.goodbye(session, services, subscription, now)
    return subscription


def end_subscription(
    session: Session,
    subscription: Subscription,
    status: Status,
    channel: Channel,
    now: datetime,
    proof: Proof = NO_PROOF,
) -> bool:
    """Set unsubscribed, bounced or complained, and skip mail that still waits; False if it had ended before."""
    leaver = Leaver(subscription.id, subscription.subscriber.key, proof)
    ended = end_subscriptions(session, subscription.publication_id, [leaver], status, channel, now)
    # Whether or not it took effect, the caller continues with the current status.
    subscribers.refresh(session, subscription)
    return bool(ended)


def end_subscriptions(
    session: Session,
    publication_id: int,
    leavers: Sequence[Leaver],
    status: Status,
    channel: Channel,
    now: datetime,
) -> set[int]:
    """The same for many readers of one publication, in hardly more statements; the ids of those that had not ended."""
    publications.wait_for_fan_out(session, publication_id)
    ended = status_transitions.end(session, [leaver.id for leaver in leavers], status, now)
    if theirs := [leaver for leaver in leavers if leaver.id in ended]:
        for leaver in theirs:
            consent.record(session, leaver, ACTS[status], channel, now, leaver.proof)
        ledger.skip_all_pending(session, ended, status.value, now)
        outbox.skip_waiting(session, [(leaver.key, leaver.id) for leaver in theirs], status.value, now)
    return ended


def end_all_of_address(session: Session, key: str, status: Status, now: datetime, note: str | None = None) -> int:
    """End all subscriptions of an address that bounced for good or complained; how many."""
    theirs = select(Subscription).join(Subscription.subscriber).where(Subscriber.key == key)
    return sum(
        end_subscription(session, one, status, Channel.MAIL, now, Proof(note=note))
        for one in session.scalars(theirs).all()
    )


def revive_all_of_address(session: Session, key: str, now: datetime, channel: Channel, proof: Proof) -> int:
    """Give the subscriptions of an address that turned out not to bounce their earlier status; returns how many."""
    theirs = select(Subscription).join(Subscription.subscriber).where(Subscriber.key == key)
    bounced = theirs.where(Subscription.status == Status.BOUNCED)
    revived = [one for one in session.scalars(bounced).all() if status_transitions.revive(session, one)]
    for one in revived:
        consent.record(session, one, Act.RESUMED, channel, now, proof)
    return len(revived)


def undo_unsubscribe(
    session: Session, services: AudienceServices, token: str, client: str | None, now: datetime
) -> Subscription:
    """Undo an unsubscribe within a day; Conflict later, or if the address has bounced or complained."""
    subscription = open_unsubscribe_link(session, services, token)
    if subscription.left_at is not None and now - subscription.left_at > UNDO:
        raise Conflict(lazy_gettext("You unsubscribed more than a day ago. Please sign up again."))
    if status_transitions.reactivate(session, subscription):
        proof = Proof(consent.origin_of(services, client), note="took the leaving back")
        consent.record(session, subscription, Act.RESUMED, Channel.LINK, now, proof)
    if subscription.status not in statuses.SUBSCRIBED:
        raise Conflict(lazy_gettext("This cannot be undone here. Please sign up again."))
    return subscription


def record_reason(session: Session, services: AudienceServices, token: str, reason: str, now: datetime) -> Subscription:
    """Store a reader's reason, once for each unsubscribe, cut to 500 characters; an empty one is ignored."""
    subscription = open_unsubscribe_link(session, services, token)
    # PostgreSQL cannot store a NUL, and a terminal must not obey an escape sequence.
    cleaned = " ".join("".join(each if each.isprintable() else " " for each in reason).split())[:MAX_REASON]
    if cleaned and subscription.status is Status.UNSUBSCRIBED and not has_explained(session, subscription):
        consent.record(session, subscription, Act.EXPLAINED, Channel.LINK, now, Proof(note=cleaned))
    return subscription


def has_explained(session: Session, subscription: Subscription) -> bool:
    """Whether the reader gave a reason when they left last."""
    last = select(ConsentEvent.act).where(ConsentEvent.subscription_id == subscription.id)
    return session.scalar(last.order_by(ConsentEvent.id.desc()).limit(1)) is Act.EXPLAINED


def unsubscribes_by_letter(session: Session, letter_ids: Collection[int]) -> dict[int, int]:
    """How many readers unsubscribed by the link in each of these letters; some may have come back."""
    letter = ConsentEvent.letter_id
    # An erased reader's step has no subscription any more, and still counts as one reader.
    reader = func.coalesce(ConsentEvent.subscription_id, -ConsentEvent.id)
    counted = select(letter, func.count(reader.distinct()))
    counted = counted.where(_LEFT, letter.in_(letter_ids)).group_by(letter)
    return dict.fromkeys(letter_ids, 0) | {found: count for found, count in session.execute(counted) if found}


def unsubscribes_page(
    session: Session, letter_id: int, turn: PageRequest, size: int
) -> Page[Row[ConsentEvent, Subscription]]:
    """A page of the readers who unsubscribed by the link in a letter, newest first."""
    left = select(ConsentEvent, Subscription).join(Subscription, Subscription.id == ConsentEvent.subscription_id)
    left = left.where(_LEFT, ConsentEvent.letter_id == letter_id)

    return _NEWEST_FIRST.page(lambda some: session.execute(some).all(), left, turn, size)
