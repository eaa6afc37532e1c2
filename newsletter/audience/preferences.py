"""Preferences: what readers can change about themselves with the link in every letter."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Row, insert, select, text, update
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import (
    consent,
    emails,
    signup,
    signup_limits,
    status_transitions,
    statuses,
    subscribers,
    unsubscribe,
)
from newsletter.audience.address import Address
from newsletter.audience.consent import Proof
from newsletter.audience.emails import ReaderAddress
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscriber, Subscription
from newsletter.audience.refusals import FormKind, Reason
from newsletter.audience.services import AudienceServices
from newsletter.characters import clean_name
from newsletter.db import UNSYNCED
from newsletter.delivery import ledger
from newsletter.errors import Conflict, Invalid, Refused
from newsletter.i18n import messages
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication

log = structlog.get_logger(__name__)

LONGEST_PAUSE = timedelta(days=366)
_GROUP = 1_000

# Written out, because neither database matches a parameter to a partial index.
_PAUSED = text("subscriptions.status = 'paused'")


class NotFresh(Refused):
    """Personal data needs a link that was sent to the reader's address within the hour."""


def open_preferences_link(
    session: Session, audience: AudienceServices, token: str, now: datetime
) -> tuple[Subscription, bool]:
    """The subscription of a preferences link, and whether the link also opens personal data; changes nothing.

    Invalid if forged, NotFound if erased.
    """
    subscription_id, is_fresh = audience.links.open_preferences(token, now)
    return subscribers.get(session, subscription_id), is_fresh


def open_manage_link(session: Session, audience: AudienceServices, token: str, now: datetime) -> Subscription:
    """The subscription of a link that opens personal data; NotFresh if it does not, because letters get forwarded."""
    subscription, is_fresh = open_preferences_link(session, audience, token, now)
    if not is_fresh:
        raise NotFresh(lazy_gettext("This needs a link from the last hour. Ask for one below; it comes by email."))
    return subscription


def send_link(
    session: Session,
    audience: AudienceServices,
    publication: Publication,
    email: str,
    client: str | None,
    now: datetime,
) -> Reason | None:
    """Mail a reader the link to their personal data, under limits as of sign-ups; nothing to anybody else.

    The reason if the address is over its limit, to be counted, never to be shown. For it and for other addresses the
    same work is done and undone, so that neither answer nor timing tells who is a reader.
    Invalid for a malformed address, TooManyRequests for a client over its limit.
    """
    address = Address.parse(email)
    reason = signup_limits.count_and_check(session, audience, address, client, now, FormKind.LINK)
    if reason:
        log.warning("link capped", address=address.masked, publication=publication.slug)
    found = _reader_of(session, publication, address)
    with signup.same_work(session, commit=found is not None and reason is None):
        emails.link(session, audience, ReaderAddress(publication, *(found or (0, address.email))), now)
    return reason


def rename(
    session: Session, audience: AudienceServices, token: str, name: str, client: str | None, now: datetime
) -> Subscription:
    """Change the reader's name; Invalid if it cannot be one."""
    subscription, cleaned = open_manage_link(session, audience, token, now), clean_name(name)
    if subscription.subscriber.name != cleaned:
        subscription.subscriber.name = cleaned
        consent.record(session, subscription, Act.RENAMED, Channel.LINK, now, _from(audience, client))
    return subscription


def choose_language(
    session: Session, audience: AudienceServices, token: str, language: str, client: str | None, now: datetime
) -> None:
    """Write to a reader in that language from now on, or in that of each publication if it is empty.

    Invalid if there is no catalogue for it.
    """
    subscription, _ = open_preferences_link(session, audience, token, now)
    if language and language not in messages.languages():
        raise Invalid(lazy_gettext("Please choose one of the languages in the list"))
    if (language or None) != subscription.subscriber.language:
        subscription.subscriber.language = language or None
        note = f"language: {language or 'of each newsletter'}"
        consent.record_choice(session, audience, subscription, note, client, now)


def pause(
    session: Session,
    audience: AudienceServices,
    subscription: Subscription,
    until: date,
    client: str | None,
    now: datetime,
) -> None:
    """Send no letters before this day, waiting copies included; Invalid if it is not within a year from tomorrow."""
    publication = subscription.publication
    first, last = pause_bounds(publication, now)
    if not first <= until <= last:
        raise Invalid(lazy_gettext("Please choose a date from tomorrow on, and at most a year away"))
    publications.wait_for_fan_out(session, publication.id)
    if not status_transitions.pause(session, subscription, end_of_pause(publication, until)):
        raise _not_a_reader()
    proof = Proof(consent.origin_of(audience, client), note=f"until {until.isoformat()}")
    consent.record(session, subscription, Act.PAUSED, Channel.LINK, now, proof)
    ledger.skip_pending(session, subscription.id, "paused", now)


def local_day(publication: Publication, now: datetime) -> date:
    """The day that it is where the publication is."""
    return now.astimezone(ZoneInfo(publication.time_zone)).date()


def pause_bounds(publication: Publication, now: datetime) -> tuple[date, date]:
    """The first and the last day on which a pause that starts now may end."""
    today = local_day(publication, now)
    return today + timedelta(days=1), today + LONGEST_PAUSE


def end_of_pause(publication: Publication, until: date) -> datetime:
    """When this day begins where the publication is; if the clock skips midnight there, the moment it does so."""
    return datetime.combine(until, time.min, ZoneInfo(publication.time_zone)).astimezone(UTC)


def resume(session: Session, audience: AudienceServices, token: str, client: str | None, now: datetime) -> Subscription:
    """End a pause early; no effect for an active reader."""
    subscription, _ = open_preferences_link(session, audience, token, now)
    if status_transitions.resume(session, subscription):
        consent.record(session, subscription, Act.RESUMED, Channel.LINK, now, _from(audience, client))
    if subscription.status is not Status.ACTIVE:
        raise _not_a_reader()
    return subscription


def unsubscribe_by_preferences(
    session: Session, audience: AudienceServices, token: str, client: str | None, now: datetime
) -> Subscription:
    """Unsubscribe the holder of a preferences link; a second request has no further effect."""
    subscription, _ = open_preferences_link(session, audience, token, now)
    return unsubscribe.unsubscribe(session, audience, subscription, Channel.LINK, _from(audience, client), now)


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


def _reader_of(session: Session, publication: Publication, address: Address) -> Row[int, str, str | None] | None:
    # A reader who never confirmed did not ask for mail. One who complained asks for their data now.
    proven = Subscription.confirmed_at.is_not(None) | Subscription.source.is_not(None)
    found = select(Subscription.id, Subscriber.email, Subscriber.language)
    found = found.join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    found = found.where(Subscriber.key == address.key, Subscription.publication_id == publication.id)
    return session.execute(found.where(proven)).one_or_none()


def _from(audience: AudienceServices, client: str | None) -> Proof:
    return Proof(consent.origin_of(audience, client))


def require_reader(subscription: Subscription) -> None:
    """Raise Conflict unless the reader is subscribed, taking a break or not."""
    if subscription.status not in statuses.SUBSCRIBED:
        raise _not_a_reader()


def _not_a_reader() -> Conflict:
    return Conflict(lazy_gettext("You are not subscribed at the moment. Please sign up again."))
