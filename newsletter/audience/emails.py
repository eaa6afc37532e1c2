"""The transactional mails to subscribers: confirm, reminder, already, welcome, link, goodbye,
address_confirm, address_changed, probe."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.orm import Session

from newsletter.addresses.masking import mask_address
from newsletter.audience import consent
from newsletter.audience.models import Subscription
from newsletter.audience.services import AudienceServices
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee
from newsletter.publications import Publication

PROBE = "probe"
"""The kind of the mail that finds out whether an address still takes mail."""
ADDRESS_CONFIRM = "address_confirm"
"""The kind of the mail that asks the owner of a new address whether a reader's mail may come there."""
REMINDER = "reminder"
"""The kind of the mail that asks once more whether somebody signed up."""


@dataclass(frozen=True, slots=True)
class ReaderAddress:
    """Where a mail about one subscription goes, known without reading the subscription from the database."""

    publication: Publication
    subscription_id: int
    email: str
    language: str | None = None
    """As the reader chose it; None for the publication's."""

    @classmethod
    def of_subscription(cls, subscription: Subscription) -> Self:
        """The address that a reader has now."""
        reader = subscription.subscriber
        return cls(subscription.publication, subscription.id, reader.email, reader.language)


def confirm(session: Session, services: AudienceServices, to: ReaderAddress, now: datetime) -> None:
    """Queue the confirm letter (double opt-in)."""
    _ask(session, services, "confirm", to, now)


def already(session: Session, services: AudienceServices, to: ReaderAddress, now: datetime) -> None:
    """Queue the letter that tells who signs up again that they are subscribed."""
    # Without the name, as in `_ask`.
    fields = {"email": to.email, "manage_url": services.links.manage(to.subscription_id, now)}
    composed = services.compose("already", to.publication, fields, to.language)
    # It asks for no consent; its wording is stored only because that of the confirm letter is (`signup.same_work`).
    template = consent.store_wording(session, composed.template).sha256
    outbox.post(session, to.publication, Addressee(to.email, template=template), composed, now)


def remind(session: Session, services: AudienceServices, subscription: Subscription, now: datetime) -> None:
    """Queue the letter that asks once more to confirm."""
    _ask(session, services, REMINDER, ReaderAddress.of_subscription(subscription), now)


def welcome(session: Session, services: AudienceServices, subscription: Subscription, now: datetime) -> None:
    """Queue the welcome letter, with the links to the archive, the preferences and unsubscribing."""
    links = services.links
    fields = {
        "archive_url": links.archive(publication=subscription.publication.named),
        "preferences_url": links.preferences(subscription.id),
        "unsubscribe_url": links.unsubscribe(subscription.id),
    }
    _post(session, services, subscription, "welcome", fields, now)


def link(session: Session, services: AudienceServices, to: ReaderAddress, now: datetime) -> None:
    """Queue the mail with the link that opens a reader's personal data for an hour."""
    fields = {"email": to.email, "manage_url": services.links.manage(to.subscription_id, now)}
    composed = services.compose("link", to.publication, fields, to.language)
    outbox.post(session, to.publication, Addressee(to.email), composed, now)


def confirm_address(
    session: Session, services: AudienceServices, subscription: Subscription, email: str, url: str, now: datetime
) -> None:
    """Queue the mail that asks the owner of a new address whether a reader's mail may come there."""
    # Without the name, as in `_ask`.
    fields, language = {"email": email, "address_url": url}, subscription.subscriber.language
    composed = services.compose(ADDRESS_CONFIRM, subscription.publication, fields, language)
    # With the subscription, so that it is erased with the reader.
    to = Addressee(email, subscription_id=subscription.id)
    outbox.post(session, subscription.publication, to, composed, now)


def address_changed(
    session: Session, services: AudienceServices, subscription: Subscription, former: str, url: str, now: datetime
) -> None:
    """Queue the mail that tells the old address of the new one, with the link by which to object."""
    fields = {"email": former, "new_address": mask_address(subscription.subscriber.email), "address_url": url}
    composed = services.compose("address_changed", subscription.publication, fields, subscription.subscriber.language)
    outbox.post(session, subscription.publication, Addressee(former), composed, now)


def goodbye(session: Session, services: AudienceServices, subscription: Subscription, now: datetime) -> None:
    """Queue the mail that acknowledges an unsubscribe, with the link to sign up again."""
    fields = {"subscribe_url": services.links.subscribe(subscription.publication.slug)}
    _post(session, services, subscription, "goodbye", fields, now)


def probe(session: Session, services: AudienceServices, subscription: Subscription, now: datetime) -> None:
    """Queue the mail that finds out whether a reader's address still takes mail."""
    links = services.links
    fields = {
        "preferences_url": links.preferences(subscription.id),
        "unsubscribe_url": links.unsubscribe(subscription.id),
    }
    _post(session, services, subscription, PROBE, fields, now)


def _ask(session: Session, services: AudienceServices, kind: str, to: ReaderAddress, now: datetime) -> None:
    # Without the name: a stranger may have typed it, and must not be able to mail text to anybody.
    fields = {"name": "", "email": to.email, "confirm_url": services.links.confirm(to.subscription_id, now)}
    composed = services.compose(kind, to.publication, fields, to.language)
    template = consent.store_wording(session, composed.template).sha256
    addressee = Addressee(to.email, subscription_id=to.subscription_id, template=template)
    outbox.post(session, to.publication, addressee, composed, now)


def _post(
    session: Session,
    services: AudienceServices,
    subscription: Subscription,
    kind: str,
    fields: Mapping[str, str],
    now: datetime,
) -> None:
    reader, publication = subscription.subscriber, subscription.publication
    composed = services.compose(
        kind, publication, {"name": reader.name, "email": reader.email, **fields}, reader.language
    )
    to = Addressee(reader.email, reader.name, fields.get("unsubscribe_url"), subscription.id)
    outbox.post(session, publication, to, composed, now)
