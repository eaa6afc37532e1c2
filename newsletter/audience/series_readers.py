"""The readers in a welcome series: who they are, and when each is due for the next issue.

A row is there as long as its reader is in the series. Which issue comes next is not stored: it is the first one that
the reader has not had (`workflows.welcome_series`).
"""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, delete, exists, func, literal, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.audience import subscribers
from newsletter.audience.models import Pace, Subscriber, Subscription
from newsletter.audience.statuses import SUBSCRIBED
from newsletter.db import UNSYNCED, Base, UtcDateTime, insert
from newsletter.publications import Publication

_MORNING = time(9)


class SeriesReader(Base):
    """A reader in the welcome series of a publication."""

    __tablename__ = "series_readers"
    __table_args__ = (Index(None, "publication_id", "next_at"),)

    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    next_at: Mapped[datetime]


def enter(session: Session, subscription: Subscription, now: datetime) -> None:
    """Let a reader who has just confirmed enter the series, if it is on."""
    publication = subscription.publication
    if publication.series_on:
        at = next_time(publication, now, publication.series_days)
        row = {"subscription_id": subscription.id, "publication_id": publication.id, "next_at": at}
        entry = insert(session, SeriesReader).values(row)
        session.execute(entry.on_conflict_do_update(index_elements=["subscription_id"], set_={"next_at": at}))


def enter_all(session: Session, publication: Publication, now: datetime, *conditions: ColumnElement[bool]) -> int:
    """Let the readers who meet these conditions enter, their first issue a day from now; returns how many are new."""
    at = literal(next_time(publication, now, 1), UtcDateTime())
    rows = _outside(publication, conditions).with_only_columns(Subscription.id, literal(publication.id), at)
    columns = ["subscription_id", "publication_id", "next_at"]
    entry = insert(session, SeriesReader).from_select(columns, rows)
    return session.connection().execute(entry, execution_options={"preserve_rowcount": True}).rowcount


def count_outside(session: Session, publication: Publication, *conditions: ColumnElement[bool]) -> int:
    """How many readers who meet these conditions `enter_all` would let in."""
    outside = _outside(publication, conditions)
    return session.scalar(select(func.count()).select_from(outside.subquery())) or 0


def count_inside(session: Session, publication_id: int) -> int:
    """How many subscribed readers are in the series, those on a break included."""
    inside = select(func.count()).select_from(SeriesReader).join(Subscription)
    inside = inside.where(SeriesReader.publication_id == publication_id, Subscription.status.in_(SUBSCRIBED))
    return session.scalar(inside) or 0


def due_times(session: Session, reader: Subscriber) -> dict[str, str]:
    """When a reader is due for the next issue of each series they are in, in ISO 8601, by publication."""
    ids = [one.id for one in reader.subscriptions]
    theirs = select(Publication.slug, SeriesReader.next_at).join(SeriesReader)
    found = session.execute(theirs.where(SeriesReader.subscription_id.in_(ids)))
    return {slug: at.isoformat() for slug, at in found}


def count_due(session: Session, now: datetime) -> int:
    """How many readers are due in a series that is on."""
    due = select(func.count()).select_from(SeriesReader).join(Publication)
    return session.scalar(due.where(Publication.series_on, SeriesReader.next_at <= now)) or 0


def publications_due(session: Session, now: datetime) -> list[int]:
    """The publications whose series is on and has a reader who is due."""
    due = exists().where(SeriesReader.publication_id == Publication.id, SeriesReader.next_at <= now)
    return list(session.scalars(select(Publication.id).where(Publication.series_on, due).order_by(Publication.id)))


def lock_due(session: Session, publication_id: int, now: datetime, limit: int) -> list[int]:
    """Lock the readers who are due, the longest due first; their subscriptions. Those that others lock are left out."""
    due = select(SeriesReader.subscription_id).where(
        SeriesReader.publication_id == publication_id, SeriesReader.next_at <= now
    )
    in_order = due.order_by(SeriesReader.next_at, SeriesReader.subscription_id).limit(limit)
    return list(session.scalars(in_order.with_for_update(skip_locked=True)))


def set_due(session: Session, subscription_ids: Collection[int], until: datetime) -> None:
    """Let these readers be due then."""
    theirs = update(SeriesReader).where(SeriesReader.subscription_id.in_(subscription_ids))
    session.execute(theirs.values(next_at=until), execution_options=UNSYNCED)


def leave(session: Session, subscription_ids: Collection[int]) -> None:
    """Take these readers out of the series."""
    theirs = delete(SeriesReader).where(SeriesReader.subscription_id.in_(subscription_ids))
    session.execute(theirs, execution_options=UNSYNCED)


def next_time(publication: Publication, now: datetime, days: int) -> datetime:
    """The hour of the series, that many days after today: the first weekly slot's, else 09:00."""
    clocks = ZoneInfo(publication.time_zone)
    day = now.astimezone(clocks).date() + timedelta(days=days)
    hour = publication.slots[0].at if publication.slots else _MORNING
    return datetime.combine(day, hour, clocks)


def _outside(publication: Publication, conditions: Collection[ColumnElement[bool]]) -> Select[int]:
    inside = exists().where(SeriesReader.subscription_id == Subscription.id)
    each = Subscription.pace == Pace.EACH
    return subscribers.active_recipients(publication.id, ~inside, each, *conditions).with_only_columns(Subscription.id)
