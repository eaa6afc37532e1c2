"""What an editor does for one reader: add one, and what readers ask for by mail or telephone.

Each step is recorded with the editor who took it. Nobody is added without confirming it themselves: an editor can be
mistaken about an address, and only a confirmed one is proof.
"""

import hashlib
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter import characters
from newsletter.audience import consent, emails, erasures, signup_limits, status_transitions, statuses, unsubscribe
from newsletter.audience.address import Address
from newsletter.audience.consent import Proof
from newsletter.audience.emails import ReaderAddress
from newsletter.audience.models import Act, Channel, Status, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.audience.signup import find_or_add
from newsletter.characters import clean_name
from newsletter.delivery.bounces import suppression
from newsletter.errors import Conflict, Invalid
from newsletter.publications import Publication

LONGEST_NOTE = 2_000
"""Of a note, and of what an editor gives as the source of a consent or the reason of a step."""


def faults(email: str, name: str, source: str) -> dict[str, str]:
    """What is wrong with each field of a reader to be added, by its name."""
    checks = {"email": (Address.parse, email), "name": (clean_name, name), "source": (_source, source)}
    found = {}
    for field, (check, typed) in checks.items():
        try:
            check(typed)
        except Invalid as error:
            found[field] = str(error)
    return found


def ask_to_confirm(
    session: Session,
    services: AudienceServices,
    publication: Publication,
    person: tuple[str, str],
    source: str,
    operator: str,
    now: datetime,
) -> int:
    """Send a confirmation email to an address and name for an editor; returns the id of the subscription.

    Invalid for a malformed address or name, or without the source of the consent. Conflict if they subscribe already,
    were erased, are suppressed for good, or have had as many confirmation emails as one address gets.
    """
    address, name, why = Address.parse(person[0]), clean_name(person[1]), _source(source)
    if erasures.erased_at(session, services.links.seal, address.key):
        raise Conflict("This person had their data erased. They can only sign up themselves.")
    _refuse_suppressed(session, address.key)
    found = find_or_add(session, publication, address, name, now)
    if found.status in statuses.SUBSCRIBED:
        raise Conflict(f"This address is a reader already; its status is {found.status.value}.")
    consent.record(session, found, Act.ASKED, Channel.DESK, now, Proof(note=why, operator=operator))
    _send_confirm(session, services, session.get_one(Subscription, found.id), now)
    return found.id


def resend_confirm(
    session: Session, services: AudienceServices, subscription: Subscription, operator: str, now: datetime
) -> None:
    """Send the confirmation email once more; Conflict if it is answered, or the address has had enough of them."""
    if subscription.status is not Status.PENDING:
        raise Conflict(f"There is nothing to confirm: this reader is {subscription.status.value}.")
    _refuse_suppressed(session, subscription.subscriber.key)
    consent.record(session, subscription, Act.ASKED, Channel.DESK, now, Proof(operator=operator))
    _send_confirm(session, services, subscription, now)


def change_name(
    session: Session, subscription: Subscription, name: str, seen: str, operator: str, now: datetime
) -> None:
    """Change the name of a reader.

    Invalid if it cannot be one; Conflict if it has changed since the page was made, whose `mark` is `seen`.
    """
    cleaned, reader = clean_name(name), subscription.subscriber
    session.refresh(reader, with_for_update=True)
    if reader.name != cleaned:
        _check_unchanged("name", reader.name, seen)
        reader.name = cleaned
        consent.record(session, subscription, Act.RENAMED, Channel.DESK, now, Proof(operator=operator))


def unsubscribe_on_request(
    session: Session,
    services: AudienceServices,
    subscription: Subscription,
    reason: str,
    operator: str,
    now: datetime,
) -> None:
    """Unsubscribe a reader who asked the team for it; Conflict if they left before."""
    if subscription.status not in {Status.PENDING, *statuses.SUBSCRIBED}:
        raise Conflict(f"This reader is {subscription.status.value} already.")
    proof = Proof(note=_line(reason) or None, operator=operator)
    unsubscribe.unsubscribe(session, services, subscription, Channel.DESK, proof, now)


def change_note(session: Session, subscription: Subscription, text: str, seen: str) -> None:
    """Replace the team's note on a reader, which the reader gets to see among their data.

    Invalid if it is too long; Conflict if it has changed since the page was made, whose `mark` is `seen`.
    """
    note = characters.clean_passage(characters.storable(text), "the note", LONGEST_NOTE)
    session.refresh(subscription, with_for_update={"of": Subscription})
    if (subscription.note or "") != note:
        _check_unchanged("note", subscription.note, seen)
        subscription.note = note or None


def mark(text: str | None) -> str:
    """The form value that says which name or note the page showed."""
    return hashlib.sha256((text or "").encode()).hexdigest()


def _check_unchanged(noun: str, text: str | None, seen: str) -> None:
    if mark(text) != seen:
        raise Conflict(
            f"The {noun} has changed since this page was opened. What you typed is in the field, not saved yet."
        )


def _send_confirm(session: Session, services: AudienceServices, subscription: Subscription, now: datetime) -> None:
    reader = subscription.subscriber
    if signup_limits.count_and_check(session, services, Address.parse(reader.email), None, now):
        raise Conflict("This address has had as many confirmation emails as one address gets. Try again tomorrow.")
    status_transitions.reopen(session, subscription.id, now)
    emails.confirm(session, services, ReaderAddress.of_subscription(subscription), now)


def _refuse_suppressed(session: Session, key: str) -> None:
    causes = suppression.causes_by_key(session, [key]).get(key, {})
    if causes.keys() - suppression.CONFIRMING_LIFTS:
        raise Conflict(
            "This address is suppressed. Lift the suppression first, under Suppressed addresses, if that is right."
        )


def _source(typed: str) -> str:
    if why := _line(typed):
        return why
    raise Invalid("Say where the consent comes from, such as “asked at the front desk on 3 May”.")


def _line(text: str) -> str:
    return characters.as_line(text)[:LONGEST_NOTE]
