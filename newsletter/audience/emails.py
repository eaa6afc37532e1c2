"""The single letters that the audience causes: confirm, welcome, goodbye."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.audience import consent
from newsletter.audience.models import Subscription
from newsletter.audience.services import AudienceServices
from newsletter.delivery.transactional import outbox
from newsletter.publications import Publication


def confirm(
    session: Session,
    practice: AudienceServices,
    publication: Publication,
    subscription_id: int,
    email: str,
    now: datetime,
) -> None:
    """Ask the owner of an address whether they asked."""
    # Without the name: a stranger may have typed it, and what a stranger typed is not mailed to anybody.
    fields = {"name": "", "email": email, "confirm_url": practice.links.confirm(subscription_id, now)}
    composed = practice.compose("confirm", publication, fields)
    letter = outbox.post(session, publication, "confirm", email, "", composed, now)
    letter.subscription_id, letter.template = subscription_id, consent.keep_words(session, composed.template).sha256


def welcome(session: Session, practice: AudienceServices, subscription: Subscription, now: datetime) -> None:
    """Say what to expect, and how to leave."""
    links = practice.links
    fields = {
        "archive_url": links.archive(publication=subscription.publication.named),
        "preferences_url": links.preferences(subscription.id),
        "unsubscribe_url": links.unsubscribe(subscription.id),
    }
    _post(session, practice, subscription, "welcome", fields, now)


def goodbye(session: Session, practice: AudienceServices, subscription: Subscription, now: datetime) -> None:
    """The receipt for leaving, with the way back."""
    fields = {"subscribe_url": practice.links.subscribe(subscription.publication.slug)}
    _post(session, practice, subscription, "goodbye", fields, now)


def _post(
    session: Session,
    practice: AudienceServices,
    subscription: Subscription,
    kind: str,
    fields: Mapping[str, str],
    now: datetime,
) -> None:
    reader, publication = subscription.subscriber, subscription.publication
    composed = practice.compose(kind, publication, {"name": reader.name, "email": reader.email, **fields})
    outbox.post(session, publication, kind, reader.email, reader.name, composed, now, fields.get("unsubscribe_url"))
