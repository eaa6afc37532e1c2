"""Subscribers: queries for recipients, counts, and one reader's history."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, select, text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session, joinedload

from newsletter.audience.address import Address
from newsletter.audience.models import Act, ConsentEvent, Status, Subscriber, Subscription
from newsletter.delivery.models import Suppression
from newsletter.errors import NotFound
from newsletter.i18n.messages import lazy_gettext
from newsletter.publications import Publication

ACTIVE = text("subscriptions.status = 'active'")
"""Written out, because neither database matches a parameter to a partial index."""

_STATUS_COLUMNS = ("status", "confirmed_at", "left_at", "paused_until")
_ASIDE = {Act.RENAMED, Act.MOVED, Act.CHOSE, Act.EXPLAINED}
"""What changes no status."""
_ERASED = lazy_gettext("This link no longer belongs to anybody: the reader was erased.")
# By the key alone: migration 0014 gave each reader covered by a folded suppression a suppression of their own.
SUPPRESSED = exists().where(Suppression.key == Subscriber.key)
"""That a reader's address is suppressed."""


def active_recipients(
    publication_id: int, *conditions: ColumnElement[bool]
) -> Select[int, str, str, datetime | None, str | None]:
    """The readers an issue goes to: active, not suppressed, and meeting these conditions on subscriptions.

    Rows are (subscription_id, address, name, since, source); `permission_reminder` explains the last two.
    """
    confirmed, moved = Subscription.confirmed_at.is_not(None), Subscription.source.is_not(None)
    readers = select(
        Subscription.id.label("subscription_id"),
        Subscriber.email.label("address"),
        Subscriber.name.label("name"),
        case((confirmed, Subscription.confirmed_at), (moved, Subscription.created_at)).label("since"),
        case((~confirmed, Subscription.source)).label("source"),
    ).join(Subscription.subscriber)
    return readers.where(
        Subscription.publication_id == publication_id, Subscription.status == Status.ACTIVE, ~SUPPRESSED, *conditions
    )


def source_and_since(subscription: Subscription) -> tuple[str | None, datetime | None]:
    """`source` and `since` of one reader, as in `active_recipients`."""
    if subscription.confirmed_at is not None:
        return None, subscription.confirmed_at
    return subscription.source, subscription.created_at if subscription.source else None


def audience_size(session: Session, publication_id: int, *conditions: ColumnElement[bool]) -> int:
    """How many readers an issue would go to now, of those who meet these conditions."""
    ours = select(func.count()).where(Subscription.publication_id == publication_id, *conditions)
    reading = session.scalar(ours.where(Subscription.status == Status.ACTIVE)) or 0
    return reading - suppressed_count(session, publication_id, *conditions)


def suppressed_count(session: Session, publication_id: int, *conditions: ColumnElement[bool]) -> int:
    """How many active readers that meet the conditions are suppressed."""
    # One look-up for each suppression: they are few, whereas PostgreSQL would check every active reader.
    key = select(Suppression.key).distinct().subquery()
    person = select(Subscriber.id).where(Subscriber.key == key.c.key).correlate(key).scalar_subquery()
    theirs = select(func.count()).where(Subscription.subscriber_id == person, *conditions)
    theirs = theirs.where(Subscription.publication_id == publication_id, Subscription.status == Status.ACTIVE)
    return int(session.scalar(select(func.sum(theirs.correlate(key).scalar_subquery())).select_from(key)) or 0)


def status_counts(session: Session, publication_id: int) -> dict[Status, int]:
    """The number of subscriptions in each status, 0 included."""
    grouped = select(Subscription.status, func.count()).group_by(Subscription.status)
    found = session.execute(grouped.where(Subscription.publication_id == publication_id))
    return dict.fromkeys(Status, 0) | dict(found.all())


def get(session: Session, subscription_id: int) -> Subscription:
    """The subscription with that id; NotFound if its reader was erased."""
    found = session.get(Subscription, subscription_id)
    if found is None:
        raise NotFound(_ERASED)
    return found


def subscription_counts(session: Session) -> dict[tuple[str, Status], int]:
    """How many subscriptions of each publication, by its slug, stand where."""
    # Without the publications' names, an index alone answers.
    grouped = select(Subscription.publication_id, Subscription.status, func.count())
    found = session.execute(grouped.group_by(Subscription.publication_id, Subscription.status)).all()
    slugs = dict(session.execute(select(Publication.id, Publication.slug)).all())
    return {(slugs[publication_id], status): count for publication_id, status, count in found}


def ids_by_key(session: Session, keys: Collection[str]) -> dict[str, int]:
    """A subscription of each of these addresses, by its key; those without one are left out."""
    found = select(Subscriber.key, func.max(Subscription.id)).join(Subscription.subscriber)
    return dict(session.execute(found.where(Subscriber.key.in_(keys)).group_by(Subscriber.key)).all())


def refresh(session: Session, subscription: Subscription) -> None:
    """Reload the status from the database; NotFound if the reader was erased."""
    try:
        session.refresh(subscription, _STATUS_COLUMNS)
    except InvalidRequestError:
        raise NotFound(_ERASED) from None


def find(session: Session, email: str) -> Subscriber:
    """The subscriber with that address, in any spelling; NotFound if there is none."""
    found = session.scalar(select(Subscriber).where(Subscriber.key == Address.parse(email).key))
    if found is None:
        raise NotFound(f"there is no reader with the address {email.strip()}")
    return found


def longest_reading(session: Session, key: str) -> Subscription | None:
    """The subscription by which the owner of this address has been reading for longest; None if they read nothing."""
    since = func.coalesce(Subscription.confirmed_at, Subscription.created_at)
    theirs = select(Subscription).join(Subscription.subscriber).where(Subscriber.key == key)
    return session.scalar(theirs.where(Subscription.status == Status.ACTIVE).order_by(since).limit(1))


def last_confirmed(session: Session, key: str) -> datetime | None:
    """When the owner of this address last confirmed a subscription; None if they never did."""
    confirmed = select(func.max(Subscription.confirmed_at)).join(Subscription.subscriber)
    return session.scalar(confirmed.where(Subscriber.key == key))


def subscription_ids(session: Session, key: str) -> Sequence[int]:
    """Every subscription of the person with this address, by its key."""
    theirs = select(Subscription.id).join(Subscription.subscriber).where(Subscriber.key == key)
    return session.scalars(theirs).all()


def consent_steps(session: Session, subscription_ids: Collection[int], most: int) -> list[ConsentEvent]:
    """The last consent events of these subscriptions, oldest first; one more than `most` means that there are more."""
    theirs = select(ConsentEvent).where(ConsentEvent.subscription_id.in_(subscription_ids))
    theirs = theirs.options(joinedload(ConsentEvent.wording), joinedload(ConsentEvent.file))
    return list(session.scalars(theirs.order_by(ConsentEvent.id.desc()).limit(most + 1)))[::-1]


def history(subscriber: Subscriber) -> dict[str, Any]:
    """A reader's full history, as plain JSON values; moments in ISO 8601, UTC."""
    events = [(event, one) for one in subscriber.subscriptions for event in one.events]
    events.sort(key=lambda pair: pair[0].id)
    return {
        "email": subscriber.email,
        "name": subscriber.name,
        "language": subscriber.language,
        "created_at": subscriber.created_at.isoformat(),
        "subscriptions": [_subscription_json(one) for one in subscriber.subscriptions],
        "events": [_event_json(event, one) for event, one in events],
    }


def _subscription_json(subscription: Subscription) -> dict[str, Any]:
    moves = [event.at for event in subscription.events if event.act not in _ASIDE]
    return {
        "publication": subscription.publication.slug,
        "status": subscription.status.value,
        "since": (moves[-1] if moves else subscription.created_at).isoformat(),
        "confirmed_at": _iso(subscription.confirmed_at),
        "left_at": _iso(subscription.left_at),
        "paused_until": _iso(subscription.paused_until),
        "delivery_hour": subscription.delivery_hour,
        "delivery_zone": subscription.delivery_zone,
        "note": subscription.note,
        "pace": (subscription.next_pace or subscription.pace).value,
    }


def _event_json(event: ConsentEvent, subscription: Subscription) -> dict[str, Any]:
    return {
        "at": event.at.isoformat(),
        "publication": subscription.publication.slug,
        "act": event.act.value,
        "way": event.channel.value,
        "origin": event.origin,
        "note": event.shown_note,
        "wording": event.wording.text if event.wording else None,
        "wording_version": event.wording.sha256 if event.wording else None,
        "message_id": event.message_id,
        "answer": event.reply,
        "operator": event.operator,
        "file": _file_json(event),
    }


def _file_json(event: ConsentEvent) -> dict[str, Any] | None:
    file = event.file
    return {"sha256": file.sha256, "line": event.line, "imported_by": file.operator} if file else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
