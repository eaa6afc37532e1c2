"""Sign-up with double opt-in: only the POST of the confirm button makes an active subscription.

The form's answer and its timing are the same for every address, so they do not reveal who is subscribed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Self

import structlog
from sqlalchemy import Dialect, bindparam, case, exists, literal_column, text
from sqlalchemy.orm import Session

from newsletter.audience import (
    consent,
    emails,
    erasures,
    search_text,
    series_readers,
    signup_limits,
    status_transitions,
    statuses,
    subscribers,
)
from newsletter.audience.address import Address
from newsletter.audience.consent import Proof
from newsletter.audience.emails import ReaderAddress
from newsletter.audience.models import Act, Channel, Status, Subscriber, Subscription
from newsletter.audience.refusals import Reason
from newsletter.audience.services import AudienceServices
from newsletter.characters import clean_name
from newsletter.db import insert
from newsletter.delivery import receipts
from newsletter.delivery.bounces import suppression
from newsletter.errors import Conflict, NotFound
from newsletter.i18n.messages import lazy_gettext
from newsletter.links import Expired
from newsletter.prepared import Prepared, moment
from newsletter.publications import Publication

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignupRequest:
    """A sign-up as submitted, with the consent wording that the form showed."""

    email: str
    name: str
    client: str | None
    wording: str
    source: str = ""
    """Where the form was, as its page says; empty for our own pages."""


class Signup(NamedTuple):
    """The subscription of an address that signs up, the address as it was first given, and the reader's language."""

    id: int
    status: Status
    email: str
    language: str | None


def subscribe(
    session: Session, services: AudienceServices, publication: Publication, asked: SignupRequest, now: datetime
) -> Reason | None:
    """Send a confirm letter, unless the address is over its limit or suppressed for good.

    Who is subscribed gets a letter that says so, once a day.

    Invalid for a malformed address or name, TooManyRequests for a client over its limit. The reason if the address is
    over its limit, to be counted, never to be shown.
    """
    address, name = Address.parse(asked.email), clean_name(asked.name)
    reason = signup_limits.count_and_check(session, services, address, asked.client, now)
    if reason:
        log.warning("sign-up capped", address=address.masked, publication=publication.slug)
    with _undone_if_capped(session, reason):
        found = find_or_add(session, publication, address, name, now)
        is_new = found.status not in statuses.SUBSCRIBED
        with same_work(session, commit=is_new):
            proof = Proof(consent.origin_of(services, asked.client), asked.wording, note=asked.source or None)
            consent.record(session, found, Act.ASKED, Channel.FORM, now, proof)
        # Counted for everybody, so that the work is the same; what counts is how often a reader is told.
        kind = "new" if is_new else f"reads-{publication.id}"
        may_be_sent = signup_limits.is_first_today(session, services, kind, address.key, now) or is_new
        with same_work(session, commit=_may_be_asked(session, found.id, address.key) and may_be_sent):
            status_transitions.reopen(session, found.id, now)
            write = emails.confirm if is_new else emails.already
            write(session, services, ReaderAddress(publication, found.id, found.email, found.language), now)
    return reason


def open_confirm_link(session: Session, services: AudienceServices, token: str, now: datetime) -> Subscription:
    """The subscription of a confirm link. Expired if it is too old, Invalid if forged, NotFound if erased."""
    subscription_id, made = services.links.open_confirm(token, now)
    subscription = subscribers.get(session, subscription_id)
    if subscription.status is Status.PENDING and _left_since(subscription, made):
        raise Expired(lazy_gettext("this link is from before you unsubscribed; ask for a new one"))
    return subscription


def confirm(
    session: Session, services: AudienceServices, token: str, client: str | None, wording: str, now: datetime
) -> Subscription:
    """Make a pending subscription active, and send the welcome letter once; Conflict if the reader has left since."""
    subscription = open_confirm_link(session, services, token, now)
    if status_transitions.confirm(session, subscription, now):
        proof = Proof(consent.origin_of(services, client), wording)
        if asked := receipts.last_sent(session, subscription.id):
            proof = proof._replace(message_id=asked.message_id, reply=asked.reply)
        consent.record(session, subscription, Act.CONFIRMED, Channel.LINK, now, proof)
        signup_limits.reset_mailbox(session, services, Address.parse(subscription.subscriber.email))
        emails.welcome(session, services, subscription, now)
        series_readers.enter(session, subscription, now)
        suppression.lift(session, subscription.subscriber.key, suppression.CONFIRMING_LIFTS)
        erasures.remove_erasure(session, services.links.seal, subscription.subscriber.key)
    if subscription.status not in statuses.SUBSCRIBED:
        raise Conflict(
            lazy_gettext("This link no longer works, because you unsubscribed after it was sent. Please sign up again.")
        )
    return subscription


def resend(
    session: Session, services: AudienceServices, token: str, client: str | None, now: datetime
) -> Reason | None:
    """Send a new confirm letter to the address of an old link, under the same limits; Invalid if the link is forged.

    The reason if the address is over its limit, as of `subscribe`.
    """
    subscription = _still_here(session, services.links.open_stale_confirm(token))
    if subscription is None or subscription.status is not Status.PENDING:
        return None
    reader = subscription.subscriber
    email = reader.email
    if reason := signup_limits.count_and_check(session, services, Address.parse(email), client, now):
        return reason
    consent.record(session, subscription, Act.ASKED, Channel.LINK, now, Proof(consent.origin_of(services, client)))
    if _may_be_asked(session, subscription.id, subscription.subscriber.key):
        emails.confirm(session, services, ReaderAddress.of_subscription(subscription), now)
    return None


@contextmanager
def same_work(session: Session, *, commit: bool) -> Iterator[None]:
    """Do the work in a savepoint, rolled back unless `commit`, so that timing does not reveal who is subscribed.

    Only for statements: the session does not know of the savepoint, and would not forget objects that are rolled back.
    """
    connection = session.connection()
    statements = _Statements.for_dialect(connection.dialect)
    statements.attempt.run(connection, {})
    yield
    (statements.keep if commit else statements.undo).run(connection, {})


@contextmanager
def _undone_if_capped(session: Session, reason: Reason | None) -> Iterator[None]:
    """Undo the work of a capped sign-up, so that timing does not reveal how often others have typed the address."""
    connection = session.connection()
    if reason:
        connection.exec_driver_sql("SAVEPOINT capped")
    yield
    if reason:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT capped")


class _Statements(NamedTuple):
    """The statements of each sign-up, compiled once, because on SQLite sign-ups wait for each other."""

    add_subscriber: Prepared
    add_subscription: Prepared
    attempt: Prepared
    keep: Prepared
    undo: Prepared

    @classmethod
    @lru_cache(maxsize=8)
    def for_dialect(cls, dialect: Dialect) -> Self:
        steps = ("SAVEPOINT attempt", "RELEASE SAVEPOINT attempt", "ROLLBACK TO SAVEPOINT attempt")
        attempt = (Prepared(text(step), dialect) for step in steps)
        return cls(_subscriber_statement(dialect), _subscription_statement(dialect), *attempt)


def find_or_add(session: Session, publication: Publication, address: Address, name: str, now: datetime) -> Signup:
    """The subscription of this address to this publication, added if missing; two statements in either case."""
    connection = session.connection()
    statements, at = _Statements.for_dialect(connection.dialect), moment(connection.dialect, now)
    person = {"email": address.email, "key": address.key, "name": name, "created_at": at}
    person["search"] = search_text.search_entry(address.email, address.key, name)
    ((reader_id, email, language),) = statements.add_subscriber.run(connection, person)
    values = {"subscriber_id": reader_id, "publication_id": publication.id, "created_at": at}
    ((subscription_id, status),) = statements.add_subscription.run(connection, values)
    return Signup(subscription_id, Status(status), email, language)


_NAME_COLUMNS = ("name", "search", "indexed")


def _subscriber_statement(dialect: Dialect) -> Prepared:
    names = ("email", "key", "name", "created_at", "search")
    not_indexed: dict[str, Any] = {"indexed": literal_column("false")}
    added = insert(dialect, Subscriber).values({name: bindparam(name) for name in names} | not_indexed)
    # The form cannot know who types: a name of a confirmed reader stays, one of an unconfirmed reader is replaced.
    proven = (Subscription.status != literal_column(f"'{Status.PENDING}'")) | Subscription.left_at.is_not(None)
    seen = exists().where(Subscription.subscriber_id == Subscriber.id, proven)
    stays = seen | (added.excluded.name == literal_column("''"))
    taken = {name: case((stays, Subscriber.__table__.c[name]), else_=added.excluded[name]) for name in _NAME_COLUMNS}
    added = added.on_conflict_do_update(index_elements=["key"], set_=taken)
    return Prepared(added.returning(Subscriber.id, Subscriber.email, Subscriber.language), dialect)


def _subscription_statement(dialect: Dialect) -> Prepared:
    names = ("subscriber_id", "publication_id", "created_at")
    pending: dict[str, Any] = {"status": literal_column(f"'{Status.PENDING}'")}
    added = insert(dialect, Subscription).values({name: bindparam(name) for name in names} | pending)
    # Updates nothing, but makes RETURNING give the existing row.
    same = {"created_at": Subscription.created_at}
    added = added.on_conflict_do_update(index_elements=["subscriber_id", "publication_id"], set_=same)
    return Prepared(added.returning(Subscription.id, Subscription.status), dialect)


def _may_be_asked(session: Session, subscription_id: int, key: str) -> bool:
    causes = suppression.causes_by_key(session, [key]).get(key, {})
    # Their request is on record. Confirming lifts a bounce; only the desk lifts other suppressions.
    if causes.keys() - suppression.CONFIRMING_LIFTS:
        log.info("sign-up of a suppressed address", subscription=subscription_id)
        return False
    return True


def _still_here(session: Session, subscription_id: int) -> Subscription | None:
    try:
        return subscribers.get(session, subscription_id)
    except NotFound:
        return None


def _left_since(subscription: Subscription, made: datetime) -> bool:
    # A link's time has a resolution of one minute; within the same minute the newer request wins.
    return subscription.left_at is not None and subscription.left_at >= made + timedelta(minutes=1)
