"""Preferences: what readers can change about themselves with the link in every letter."""

from datetime import datetime, timedelta

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import consent, status_transitions, subscribers, unsubscribe
from newsletter.audience.address import clean_name
from newsletter.audience.consent import Proof
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.db import UNSYNCED
from newsletter.delivery import ledger
from newsletter.errors import Conflict, Invalid

MAX_WEEKS = 12
_GROUP = 1_000

# Written out, because neither database matches a parameter to a partial index.
_PAUSED = text("subscriptions.status = 'paused'")


def open_preferences_link(session: Session, audience: AudienceServices, token: str) -> Subscription:
    """The subscription of a preferences link; changes nothing. Invalid if forged, NotFound if erased."""
    return subscribers.get(session, audience.links.open_preferences(token))


def rename(
    session: Session, audience: AudienceServices, token: str, name: str, client: str | None, now: datetime
) -> Subscription:
    """Change the reader's name; Invalid if it cannot be one."""
    subscription, cleaned = open_preferences_link(session, audience, token), clean_name(name)
    if subscription.subscriber.name != cleaned:
        subscription.subscriber.name = cleaned
        consent.record(session, subscription, Act.RENAMED, Channel.LINK, now, _from(audience, client))
    return subscription


def pause(
    session: Session, audience: AudienceServices, token: str, weeks: int, client: str | None, now: datetime
) -> Subscription:
    """Send no letters for 1 to 12 weeks, waiting copies included; Invalid for another number of weeks."""
    if not 1 <= weeks <= MAX_WEEKS:
        raise Invalid(f"Please choose a break of 1 to {MAX_WEEKS} weeks")
    subscription = open_preferences_link(session, audience, token)
    publications.wait_for_fan_out(session, subscription.publication_id)
    if not status_transitions.pause(session, subscription, now + timedelta(weeks=weeks)):
        raise _not_a_reader()
    proof = Proof(consent.origin_of(audience, client), note=f"{weeks} weeks")
    consent.record(session, subscription, Act.PAUSED, Channel.LINK, now, proof)
    ledger.skip_pending(session, subscription.id, "paused", now)
    return subscription


def resume(session: Session, audience: AudienceServices, token: str, client: str | None, now: datetime) -> Subscription:
    """End a pause early; no effect for an active reader."""
    subscription = open_preferences_link(session, audience, token)
    if status_transitions.resume(session, subscription):
        consent.record(session, subscription, Act.RESUMED, Channel.LINK, now, _from(audience, client))
    if subscription.status is not Status.ACTIVE:
        raise _not_a_reader()
    return subscription


def unsubscribe_by_preferences(
    session: Session, audience: AudienceServices, token: str, client: str | None, now: datetime
) -> Subscription:
    """Unsubscribe the holder of a preferences link; a second request has no further effect."""
    subscription = open_preferences_link(session, audience, token)
    return unsubscribe.unsubscribe(session, audience, subscription, Channel.LINK, client, now)


def end_due_pauses(session: Session, now: datetime) -> int:
    """End the pauses that are over, up to 1,000 at a time; how many, so 0 means that none is left."""
    over = select(Subscription.id).where(_PAUSED, Subscription.paused_until <= now)
    # Two workers lock different rows, so neither waits and no reader is resumed twice.
    some = over.limit(_GROUP).with_for_update(skip_locked=True).cte("over")
    awake = update(Subscription).where(Subscription.id.in_(select(some.c.id)))
    awake = awake.values(status=Status.ACTIVE, paused_until=None).returning(Subscription.id)
    woken = session.scalars(awake, execution_options=UNSYNCED).all()
    if woken:
        session.execute(
            insert(ConsentEvent),
            [
                {"subscription_id": subscription_id, "act": Act.RESUMED, "channel": Channel.CLOCK, "at": now}
                for subscription_id in woken
            ],
        )
    return len(woken)


def _from(audience: AudienceServices, client: str | None) -> Proof:
    return Proof(consent.origin_of(audience, client))


def _not_a_reader() -> Conflict:
    return Conflict("You are not subscribed at the moment. Please sign up again.")
