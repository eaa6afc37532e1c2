"""Privacy: export of a reader's own data, and erasure (GDPR, articles 15, 17 and 20)."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import (
    attributes,
    change_address,
    consent,
    consent_chain,
    erasures,
    search_index,
    series_readers,
    subscribers,
    tags,
    topics,
)
from newsletter.audience.address import Address
from newsletter.audience.importing.uploads import report
from newsletter.audience.models import Subscriber
from newsletter.audience.services import AudienceServices
from newsletter.delivery import ledger, receipts
from newsletter.delivery.bounces import events, suppression
from newsletter.delivery.bounces.intake import reader_mails
from newsletter.delivery.bounces.intake.reader_mails import ReaderMail
from newsletter.delivery.models import Copy, Letter
from newsletter.delivery.transactional import outbox
from newsletter.engagement import comments_privacy, requests

log = structlog.get_logger(__name__)


def find_address(session: Session, email: str) -> str:
    """The address of a reader, or of somebody who only wrote to us, as it is stored; NotFound if nothing is."""
    address = Address.parse(email)
    if not _is_reader(session, address) and _has_written(session, address.key):
        return address.email
    return subscribers.find(session, email).email


def erase(session: Session, services: AudienceServices, email: str, now: datetime) -> int | None:
    """Erase the person with that address; their id, None if they were no reader and only wrote to us.

    NotFound if nothing is stored about them.
    """
    address = Address.parse(find_address(session, email))
    if not _is_reader(session, address):
        outbox.erase_letters(session, [address.key])
        _erase_written(session, [address.key])
        erasures.record_erasure(session, services.links.seal, address.key, now)
        return None
    reader = subscribers.find(session, email)
    reader_id = reader.id
    erase_reader(session, services, reader, now)
    return reader_id


def erase_reader(session: Session, services: AudienceServices, reader: Subscriber, now: datetime) -> None:
    """Delete a person with their subscriptions; the ledgers of copies and of consent keep their rows, anonymised.

    What remains is what keeps us from writing again: a keyed hash of the address, and a suppression if there is one.
    After the commit, `Sessions.checkpoint` removes the deleted data from the database files as well.
    """
    subscriptions = _ids(reader)
    for one in reader.subscriptions:
        publications.wait_for_fan_out(session, one.publication_id)
    former = change_address.former_addresses(session, reader)
    keys = [reader.key, *(one.key for one in former)]
    ledger.anonymize(session, subscriptions, now)
    outbox.erase_letters(session, keys, subscriptions)
    # After the outbox, so that a message that is being answered now either leaves its receipt before this, or none.
    receipts.erase_receipts(session, subscriptions)
    events.erase_events(session, keys, subscriptions)
    _erase_written(session, keys, subscriptions)
    for key in keys:
        erasures.record_erasure(session, services.links.seal, key, now)
    report.erase_address(session, reader.email, *(one.email for one in former), *keys)
    search_index.drop_readers(session, [reader.id])
    consent_chain.erase(session, subscriptions)
    session.delete(reader)
    session.flush()
    log.info("reader erased", subscriptions=subscriptions)


def export_data(session: Session, reader: Subscriber) -> dict[str, Any]:
    """Everything stored about a reader, as plain JSON values; moments in ISO 8601, UTC."""
    former = change_address.former_addresses(session, reader)
    keys = [reader.key, *(one.key for one in former)]
    return {
        **subscribers.history(reader),
        "confirm_letters": [letter.as_json() for letter in consent.consent_emails(session, reader)],
        "letters": _letters(session, reader),
        "tags": {one.publication.slug: tags.tags_of(session, one.id) for one in reader.subscriptions},
        "topics_off": {one.publication.slug: topics.names_off(session, one) for one in reader.subscriptions},
        "welcome_series": series_readers.due_times(session, reader),
        "attributes": {one.publication.slug: attributes.values_of(session, one.id) for one in reader.subscriptions},
        "import_reports": report.told_of(session, reader.email, *(one.email for one in former), *keys),
        "bounces": [one.as_json() for one in events.of_person(session, keys, _ids(reader))],
        "requests": requests.export_requests(session, keys),
        "comments": comments_privacy.comments_of(session, keys, _ids(reader)),
        "mails": [_mail(session, one) for key in keys for one in reader_mails.mails_from(session, key)],
        "suppressed": [
            {"cause": one.cause.value, "at": one.at.isoformat()}
            for key in keys
            for one in suppression.list_causes(session, key)
        ],
    }


def _erase_written(session: Session, keys: Collection[str], subscriptions: Collection[int] = ()) -> None:
    """Erase what a person wrote to us: mails, comments and requests, with the letters that passed these on."""
    reader_mails.erase_mails(session, keys)
    outbox.withdraw_forwarded(session, keys)
    comments_privacy.erase_comments(session, keys, subscriptions)
    outbox.withdraw_letters(session, requests.erase_requests(session, keys))


def _has_written(session: Session, key: str) -> bool:
    found = comments_privacy.comments_of(session, [key]) or requests.export_requests(session, [key])
    return bool(found or reader_mails.mails_from(session, key))


def _is_reader(session: Session, address: Address) -> bool:
    return session.scalar(select(Subscriber.id).where(Subscriber.key == address.key)) is not None


def _letters(session: Session, reader: Subscriber) -> list[dict[str, Any]]:
    theirs = _ids(reader)
    copies = select(Letter.subject, Copy.state, Copy.ended_at).join(Letter, Letter.id == Copy.letter_id)
    found = session.execute(copies.where(Copy.subscription_id.in_(theirs)).order_by(Copy.id))
    return [
        {"subject": subject, "state": state.value, "at": ended_at.isoformat() if ended_at else None}
        for subject, state, ended_at in found
    ]


def _mail(session: Session, mail: ReaderMail) -> dict[str, Any]:
    content = reader_mails.text_of(session, mail)
    return {
        "at": mail.received_at.isoformat(),
        "forwarded": not mail.kept_because,
        "subject": content.subject if content else None,
        "text": content.text if content else None,
    }


def _ids(reader: Subscriber) -> list[int]:
    return [one.id for one in reader.subscriptions]
