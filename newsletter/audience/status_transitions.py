"""The moves between statuses, each a compare-and-set: of two that race, one is made and one is told so.

pending ──confirm──▶ active ◀──resume── paused
   ▲                   │ └────pause───────▲
   └──ask again── unsubscribed, bounced, complained ◀──end── any
"""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, bindparam, literal_column, update
from sqlalchemy.orm import Session

from newsletter.audience import subscribers
from newsletter.audience.models import Status, Subscription
from newsletter.db import Prepared

SUBSCRIBED = frozenset({Status.ACTIVE, Status.PAUSED})
"""Confirmed, and not gone."""
ENDED = frozenset({Status.UNSUBSCRIBED, Status.BOUNCED, Status.COMPLAINED})

_SEVERITY = (Status.ACTIVE, Status.PAUSED, Status.PENDING, Status.UNSUBSCRIBED, Status.BOUNCED, Status.COMPLAINED)

_MAY_END = {
    # What a person says outranks what a machine found out, and a complaint outranks all.
    Status.UNSUBSCRIBED: {Status.PENDING, Status.ACTIVE, Status.PAUSED, Status.BOUNCED},
    Status.BOUNCED: {Status.PENDING, Status.ACTIVE, Status.PAUSED},
    Status.COMPLAINED: set(Status) - {Status.COMPLAINED},
}


def worse_status(one: Status | None, other: Status | None) -> Status | None:
    """Of two things that are said of one reader, the worse; None is nothing said."""
    return max(one, other, key=lambda status: -1 if status is None else _SEVERITY.index(status))


def reopen(session: Session, subscription_id: int) -> None:
    """Gone, and asks for a new beginning; `left_at` stays, so that links from before it are known."""
    connection = session.connection()
    _asking_again(connection.dialect).run(connection, {"tie": subscription_id})


@lru_cache(maxsize=8)
def _asking_again(dialect: Dialect) -> Prepared:
    gone: list[ColumnElement[Any]] = [literal_column(f"'{status}'") for status in sorted(ENDED)]
    theirs = update(Subscription).where(Subscription.id == bindparam("tie"), Subscription.status.in_(gone))
    return Prepared(theirs.values(status=literal_column(f"'{Status.PENDING}'")), dialect)


def confirm(session: Session, subscription: Subscription, now: datetime) -> bool:
    """Pending, and the owner of the address said yes."""
    values = {"status": Status.ACTIVE, "confirmed_at": now, "left_at": None}
    return _move(session, subscription, {Status.PENDING}, **values)


def end(session: Session, subscription: Subscription, status: Status, now: datetime) -> bool:
    """Unsubscribed, bounced or complained; False if it had already ended so."""
    values = {"status": status, "left_at": now, "paused_until": None}
    return _move(session, subscription, _MAY_END[status], **values)


def reactivate(session: Session, subscription: Subscription) -> bool:
    """Unsubscribed, and it was a mistake."""
    return _move(session, subscription, {Status.UNSUBSCRIBED}, status=Status.ACTIVE, left_at=None)


def pause(session: Session, subscription: Subscription, until: datetime) -> bool:
    """Active or paused, and wants quiet until then."""
    return _move(session, subscription, SUBSCRIBED, status=Status.PAUSED, paused_until=until)


def resume(session: Session, subscription: Subscription) -> bool:
    """Paused, and wants letters again."""
    return _move(session, subscription, {Status.PAUSED}, status=Status.ACTIVE, paused_until=None)


def _move(session: Session, subscription: Subscription, sources: Collection[Status], **values: Any) -> bool:
    mine = update(Subscription).where(Subscription.id == subscription.id, Subscription.status.in_(sources))
    moved = session.scalar(
        mine.values(values).returning(Subscription.id), execution_options={"synchronize_session": False}
    )
    # Whoever was quicker, the caller goes on with what is true now.
    subscribers.refresh(session, subscription)
    return moved is not None
