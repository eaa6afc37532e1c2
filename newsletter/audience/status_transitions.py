"""Status transitions, each a compare-and-set: of two concurrent ones, one takes effect and the other returns False.

pending ──confirm──▶ active ◀──resume── paused
   ▲                   │ └────pause───────▲
   └──ask again── unsubscribed, bounced, complained ◀──end── any
"""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, bindparam, case, literal_column, update
from sqlalchemy.orm import Session

from newsletter.audience import subscribers
from newsletter.audience.models import Pace, Status, Subscription
from newsletter.audience.statuses import ENDED, SUBSCRIBED
from newsletter.db import UNSYNCED
from newsletter.prepared import Prepared, moment

_MAY_END = {
    # A person's own word outranks a bounce, and a complaint outranks everything.
    Status.UNSUBSCRIBED: {Status.PENDING, Status.ACTIVE, Status.PAUSED, Status.BOUNCED},
    Status.BOUNCED: {Status.PENDING, Status.ACTIVE, Status.PAUSED},
    Status.COMPLAINED: set(Status) - {Status.COMPLAINED},
}


def reopen(session: Session, subscription_id: int, now: datetime) -> None:
    """Make an ended subscription pending again; `left_at` stays, so that links made before it are recognised.

    Not where it is ahead, by a clock set back since: links made from now on would be taken for such.
    The form promises each issue, so that is what they get, whatever they had chosen.
    """
    connection = session.connection()
    at = moment(connection.dialect, now)
    _reopening(connection.dialect).run(connection, {"id": subscription_id, "now": at})


@lru_cache(maxsize=8)
def _reopening(dialect: Dialect) -> Prepared:
    ended: list[ColumnElement[Any]] = [literal_column(f"'{status}'") for status in sorted(ENDED)]
    theirs = update(Subscription).where(Subscription.id == bindparam("id"), Subscription.status.in_(ended))
    words = {"status": f"'{Status.PENDING}'", "pace": f"'{Pace.EACH}'", "next_pace": "NULL"}
    values: dict[str, Any] = {name: literal_column(word) for name, word in words.items()}
    now = bindparam("now", type_=Subscription.left_at.type)
    left_at = case((Subscription.left_at > now, now), else_=Subscription.left_at)
    return Prepared(theirs.values(values | {"left_at": left_at}), dialect)


def confirm(session: Session, subscription: Subscription, now: datetime) -> bool:
    """From pending to active, because the owner of the address has confirmed."""
    values = {"status": Status.ACTIVE, "confirmed_at": now, "left_at": None, "paused_until": None}
    return _move(session, subscription, {Status.PENDING}, **values)


def end(session: Session, subscription_ids: Collection[int], status: Status, now: datetime) -> set[int]:
    """To unsubscribed, bounced or complained; the ids of those without that status, or one that outranks it, before."""
    theirs = update(Subscription).where(
        Subscription.id.in_(subscription_ids), Subscription.status.in_(_MAY_END[status])
    )
    # A bounce may be a mistake, and then their pause goes on.
    pause_over = {} if status is Status.BOUNCED else {"paused_until": None}
    ended = theirs.values(status=status, left_at=now, **pause_over).returning(Subscription.id)
    return set(session.scalars(ended, execution_options=UNSYNCED))


def reactivate(session: Session, subscription: Subscription) -> bool:
    """From unsubscribed back to active, because it was a mistake."""
    return _move(session, subscription, {Status.UNSUBSCRIBED}, status=Status.ACTIVE, left_at=None)


def restore_status(session: Session, subscription: Subscription, status: Status, paused_until: datetime | None) -> bool:
    """From unsubscribed back to the status from before, because the team unsubscribed them by mistake."""
    return _move(session, subscription, {Status.UNSUBSCRIBED}, status=status, paused_until=paused_until, left_at=None)


def revive(session: Session, subscription: Subscription) -> bool:
    """From bounced, by mistake, back to active or paused; to pending for who never confirmed and was not imported."""
    was_reading = subscription.confirmed_at is not None or subscription.source is not None
    reads = Status.PAUSED if subscription.paused_until else Status.ACTIVE
    status = reads if was_reading else Status.PENDING
    return _move(session, subscription, {Status.BOUNCED}, status=status, left_at=None)


def pause(session: Session, subscription: Subscription, until: datetime) -> bool:
    """From active or paused to paused until then."""
    return _move(session, subscription, SUBSCRIBED, status=Status.PAUSED, paused_until=until)


def resume(session: Session, subscription: Subscription) -> bool:
    """From paused to active."""
    return _move(session, subscription, {Status.PAUSED}, status=Status.ACTIVE, paused_until=None)


def _move(session: Session, subscription: Subscription, sources: Collection[Status], **values: Any) -> bool:
    mine = update(Subscription).where(Subscription.id == subscription.id, Subscription.status.in_(sources))
    moved = session.scalar(mine.values(values).returning(Subscription.id), execution_options=UNSYNCED)
    # Whether or not it took effect, the caller continues with the current status.
    subscribers.refresh(session, subscription)
    return moved is not None
