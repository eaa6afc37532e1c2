"""Sign-up: a form, a letter, a button. Only the button's POST makes a reader.

Whatever the address, the form's answer is the same, and takes as long: nobody learns from it who reads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Self

import structlog
from sqlalchemy import Dialect, bindparam, case, exists, literal_column
from sqlalchemy.orm import Session

from newsletter.audience import consent, emails, erasures, search_text, signup_limits, status_transitions, subscribers
from newsletter.audience.address import Address, clean_name
from newsletter.audience.models import Act, Channel, Status, Subscriber, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.db import Prepared, moment, upsert
from newsletter.delivery.bounces import suppression
from newsletter.errors import Conflict, NotFound
from newsletter.links import Expired
from newsletter.publications import Publication

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignupRequest:
    """What came by the form, as it came, and the words that stood there."""

    email: str
    name: str
    client: str | None
    wording: str


class _Tie(NamedTuple):
    """What is known of who signs up: the tie to the publication, and the address as it was first given."""

    id: int
    status: Status
    email: str


def subscribe(
    session: Session, services: AudienceServices, publication: Publication, asked: SignupRequest, now: datetime
) -> None:
    """Send the address a confirm letter, unless it reads already, had enough, or is suppressed for good.

    Invalid for a malformed address or name, TooMany for a client past its cap; silent otherwise.
    """
    address, name = Address.parse(asked.email), clean_name(asked.name)
    if not signup_limits.count_and_check(session, services, address, asked.client, now):
        log.warning("sign-up capped", address=address.masked, publication=publication.slug)
        return
    tie = _tie(session, publication, address, name, now)
    is_new = tie.status not in status_transitions.SUBSCRIBED
    with _same_work(session, kept=is_new):
        origin = consent.origin_of(services, asked.client)
        consent.record(session, tie, Act.ASKED, Channel.FORM, now, origin, asked.wording)
    with _same_work(session, kept=_may_be_asked(session, tie.id, address.key) and is_new):
        status_transitions.reopen(session, tie.id)
        emails.confirm(session, services, publication, tie.id, tie.email, now)


def open_confirm_link(session: Session, services: AudienceServices, token: str, now: datetime) -> Subscription:
    """Whose link this is; changes nothing. Expired if too old, Invalid if forged, NotFound if erased."""
    subscription_id, made = services.links.open_confirm(token, now)
    subscription = subscribers.get(session, subscription_id)
    if subscription.status is Status.PENDING and _left_since(subscription, made):
        raise Expired("this link is from before you unsubscribed; ask for a new one")
    return subscription


def confirm(
    session: Session, services: AudienceServices, token: str, client: str | None, wording: str, now: datetime
) -> Subscription:
    """Make a pending reader active and welcome them, once; Conflict for one who has left since."""
    subscription = open_confirm_link(session, services, token, now)
    if status_transitions.confirm(session, subscription, now):
        origin = consent.origin_of(services, client)
        consent.record(session, subscription, Act.CONFIRMED, Channel.LINK, now, origin, wording)
        signup_limits.reset_mailbox(session, services, Address.parse(subscription.subscriber.email))
        emails.welcome(session, services, subscription, now)
        suppression.lift(session, subscription.subscriber.key, suppression.CONFIRMING_LIFTS)
        erasures.remove_erasure(session, services.links.seal, subscription.subscriber.key)
    if subscription.status not in status_transitions.SUBSCRIBED:
        raise Conflict("This link no longer works, because you unsubscribed after it was sent. Please sign up again.")
    return subscription


def resend(session: Session, services: AudienceServices, token: str, client: str | None, now: datetime) -> None:
    """Send a fresh confirm letter to the address of an old link, under the same caps; Invalid if forged."""
    subscription = _still_here(session, services.links.open_stale_confirm(token))
    if subscription is None or subscription.status is not Status.PENDING:
        return
    address = Address.parse(subscription.subscriber.email)
    if signup_limits.count_and_check(session, services, address, client, now):
        origin = consent.origin_of(services, client)
        consent.record(session, subscription, Act.ASKED, Channel.LINK, now, origin)
        if _may_be_asked(session, subscription.id, subscription.subscriber.key):
            email = subscription.subscriber.email
            emails.confirm(session, services, subscription.publication, subscription.id, email, now)


@contextmanager
def _same_work(session: Session, *, kept: bool) -> Iterator[None]:
    """Do it in any case, so that the time it takes tells nobody who reads here; and keep it only if it is meant."""
    attempt = session.begin_nested()
    yield
    session.flush()
    if kept:
        attempt.commit()
    else:
        attempt.rollback()


class _Meeting(NamedTuple):
    """What every sign-up asks, prepared once, because on SQLite all that sign up wait for it."""

    meet: Prepared
    tie: Prepared

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, dialect: Dialect) -> Self:
        return cls(_meeting(dialect), _tying(dialect))


def _tie(session: Session, publication: Publication, address: Address, name: str, now: datetime) -> _Tie:
    """The tie of this address to this publication, made if there is none: two statements in any case."""
    connection = session.connection()
    meeting, at = _Meeting.of(connection.dialect), moment(connection.dialect, now)
    person = {"email": address.email, "key": address.key, "name": name, "created_at": at}
    person["search"] = search_text.search_entry(address.email, address.key, name)
    ((reader_id, email),) = meeting.meet.run(connection, person)
    tie = {"subscriber_id": reader_id, "publication_id": publication.id, "created_at": at}
    ((tie_id, status),) = meeting.tie.run(connection, tie)
    return _Tie(tie_id, Status(status), email)


_OF_THE_NAME = ("name", "search", "indexed")


def _meeting(dialect: Dialect) -> Prepared:
    names = ("email", "key", "name", "created_at", "search")
    not_indexed: dict[str, Any] = {"indexed": literal_column("false")}
    met = upsert(dialect.name, Subscriber).values({name: bindparam(name) for name in names} | not_indexed)
    # The form cannot know who types: a name that its owner may have seen stays, an unproven one gives way.
    proven = (Subscription.status != literal_column(f"'{Status.PENDING}'")) | Subscription.left_at.is_not(None)
    seen = exists().where(Subscription.subscriber_id == Subscriber.id, proven)
    stays = seen | (met.excluded.name == literal_column("''"))
    taken = {name: case((stays, Subscriber.__table__.c[name]), else_=met.excluded[name]) for name in _OF_THE_NAME}
    met = met.on_conflict_do_update(index_elements=["key"], set_=taken)
    return Prepared(met.returning(Subscriber.id, Subscriber.email), dialect)


def _tying(dialect: Dialect) -> Prepared:
    names = ("subscriber_id", "publication_id", "created_at")
    pending: dict[str, Any] = {"status": literal_column(f"'{Status.PENDING}'")}
    tied = upsert(dialect.name, Subscription).values({name: bindparam(name) for name in names} | pending)
    # Nothing changes, but it is said which one is there.
    same = {"created_at": Subscription.created_at}
    tied = tied.on_conflict_do_update(index_elements=["subscriber_id", "publication_id"], set_=same)
    return Prepared(tied.returning(Subscription.id, Subscription.status), dialect)


def _may_be_asked(session: Session, subscription_id: int, key: str) -> bool:
    causes = suppression.causes_by_key(session, [key]).get(key, {})
    # That they asked is on record. A bounce they take back by confirming; the rest the desk does, and no form.
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
    # A link knows its minute, not its second; within one minute the newer request is believed.
    return subscription.left_at is not None and subscription.left_at >= made + timedelta(minutes=1)
