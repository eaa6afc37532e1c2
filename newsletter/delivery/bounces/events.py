"""Bounce events: everything reported about our mail after it was handed over or refused, one row a recipient.

An event without a decision waits for the worker. Its raw text is in a table of its own, and deleted after 90 days.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    LargeBinary,
    String,
    Text,
    TextClause,
    UniqueConstraint,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import UNSYNCED, Base, LongId, LongRef, insert, partial_index, word
from newsletter.delivery.bounces import policy
from newsletter.delivery.bounces.policy import Decision
from newsletter.delivery.bounces.report import ABOUT_US, Hardness, Kind, Reason
from newsletter.delivery.models import Copy, CopyState, Letter, OutboxMessage

RAW_KEPT = timedelta(days=90)
MOST_RAW = 256 * 1024
"""Octets of a report's raw text that are kept."""
KEPT = timedelta(days=400)
_PRUNED_AT_ONCE = 500
_COUNTS_FOR = 2 * policy.WINDOW
_MOST_OF_ONE = 500
_PROBE_TAKES = timedelta(days=10)
_AN_HOUR = timedelta(hours=1)
_CLOCKS = timedelta(minutes=5)
# Written out, because neither database matches a parameter to a partial index.
_UNDECIDED = text("bounce_events.decision IS NULL")


class BounceEvent(Base):
    """One report about one address; our own ids in it, if they came back, tell which mail it is about."""

    __tablename__ = "bounce_events"
    __table_args__ = (
        UniqueConstraint("source", "place"),
        Index(None, "key", "at"),
        Index(None, "letter_id", "provider_group", "received_at"),
        Index(None, "subscription_id", "id"),
        Index(None, "received_at", "id"),
        partial_index("ix_bounce_events_undecided", "id", where="decision IS NULL"),
        partial_index("ix_bounce_events_delivered", "received_at", where="kind = 'delivered'"),
        partial_index("ix_bounce_events_held", "provider_group", "id", where="decision = 'held'"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[LongId]
    source: Mapped[str] = mapped_column(String(200))
    """What it was read from: the provider's id of the event, or a digest of the mail."""
    place: Mapped[int] = mapped_column(default=0)
    """The index of the recipient within the source."""
    way: Mapped[str] = mapped_column(String(24))
    """How it came in: smtp, pipe, mailbox, lmtp, or the provider's name."""
    kind: Mapped[Kind] = mapped_column(word(Kind))
    hardness: Mapped[Hardness | None] = mapped_column(word(Hardness))
    reason: Mapped[Reason] = mapped_column(word(Reason))
    status: Mapped[str] = mapped_column(String(12), default="")
    code: Mapped[str] = mapped_column(String(3), default="")
    diagnostic: Mapped[str] = mapped_column(Text, default="")
    mta: Mapped[str] = mapped_column(String(253), default="")
    copy_id: Mapped[LongRef | None]
    letter_id: Mapped[int | None]
    subscription_id: Mapped[int | None]
    outbox_id: Mapped[LongRef | None]
    """The single letter that it is about, where it is no copy."""
    key: Mapped[str] = mapped_column(String(254))
    """The address that the mail was sent to; empty where that is not known for sure."""
    provider_group: Mapped[str] = mapped_column(String(253), default="")
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    host_is_gone: Mapped[bool | None]
    """Whether the DNS knows the host, where a server called it unknown; None if it was not asked."""
    decision: Mapped[Decision | None] = mapped_column(word(Decision))
    is_forgiven: Mapped[bool] = mapped_column(default=False)
    """Whether it no longer counts, because a later event showed otherwise."""

    @property
    def summary(self) -> str:
        """The server's answer in a few words: code, status and reason."""
        return " ".join(filter(None, (self.code, self.status, self.reason.value)))

    @property
    def account(self) -> str:
        """The summary, and the words in which it was reported."""
        return " ".join(filter(None, (self.summary, self.diagnostic)))

    def as_json(self) -> dict[str, Any]:
        """The event in plain JSON values."""
        words = ("id", "way", "kind", "reason", "status", "code", "diagnostic")
        return {
            **{name: getattr(self, name) for name in words},
            "at": self.at.isoformat(),
            "class": self.hardness,
            "letter": self.letter_id,
            "decision": self.decision,
        }


class RawReport(Base):
    """A report as it came in, cut to a sensible size."""

    __tablename__ = "bounce_reports"

    source: Mapped[str] = mapped_column(String(200), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


def add(session: Session, found: BounceEvent) -> BounceEvent | None:
    """Store an event; None if its source is stored already."""
    columns = [column.name for column in BounceEvent.__table__.columns if column.name != "id"]
    row = insert(session, BounceEvent).on_conflict_do_nothing().returning(BounceEvent)
    return session.scalars(row, [{name: getattr(found, name) for name in columns}]).one_or_none()


def known_sources(session: Session, sources: Collection[str]) -> set[str]:
    """Those of these sources of which events are stored already."""
    return set(session.scalars(select(BounceEvent.source).where(BounceEvent.source.in_(sources))))


def add_all(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store many events that wait for a decision, except those whose source is stored already."""
    row = insert(connection, BounceEvent).on_conflict_do_nothing()
    connection.execute(row, [{"place": 0, "mta": "", "is_forgiven": False, **one} for one in rows])


def keep_raw(session: Session, source: str, raw: bytes, now: datetime) -> None:
    """Store the raw text of a report, once."""
    row = insert(session, RawReport).values(source=source, received_at=now, raw=raw[:MOST_RAW])
    session.execute(row.on_conflict_do_nothing())


def history_of(session: Session, key: str, now: datetime) -> Sequence[BounceEvent]:
    """The events of an address that still count, the newest five hundred."""
    theirs = select(BounceEvent).where(BounceEvent.key == key, BounceEvent.at > now - _COUNTS_FOR)
    counting = theirs.where(~BounceEvent.is_forgiven).order_by(BounceEvent.at.desc(), BounceEvent.id.desc())
    return session.scalars(counting.limit(_MOST_OF_ONE)).all() if key else []


def sent_to(session: Session, history: Iterable[BounceEvent], now: datetime) -> Mapping[int, datetime]:
    """When each recent copy to the readers of these events was sent, by its id."""
    readers = {one.subscription_id for one in history if one.subscription_id}
    letters = session.scalars(select(Letter.id).where(Letter.started_at > now - _COUNTS_FOR)).all() if readers else []
    # The letters one by one, else PostgreSQL looks into every partition.
    copies = select(Copy.id, Copy.ended_at).where(Copy.letter_id.in_(letters), Copy.subscription_id.in_(readers))
    sent = copies.where(Copy.state == CopyState.SENT, Copy.ended_at.is_not(None))
    return {copy_id: at for copy_id, at in session.execute(sent) if at} if letters else {}


def last_copy_to(session: Session, readers: Collection[int], at: datetime) -> Copy | None:
    """The copy last sent to one of these readers that an event of this moment can be about."""
    letters = session.scalars(select(Letter.id).where(Letter.started_at > at - _COUNTS_FOR)).all() if readers else []
    sent = select(Copy).where(Copy.letter_id.in_(letters), Copy.subscription_id.in_(readers))
    # Clocks differ, and a provider may tell the moment at which it took the mail.
    recent = sent.where(Copy.state == CopyState.SENT, Copy.ended_at.between(at - policy.SILENCE, at + _CLOCKS))
    return session.scalar(recent.order_by(Copy.ended_at.desc(), Copy.id.desc()).limit(1)) if letters else None


def count_against_us(session: Session, event: BounceEvent, now: datetime) -> int:
    """How many answers about us the same provider gave to the same letter within the hour."""
    same = (BounceEvent.letter_id == event.letter_id) & (BounceEvent.provider_group == event.provider_group)
    counted = select(func.count()).where(same, BounceEvent.received_at > now - _AN_HOUR)
    return session.scalar(counted.where(BounceEvent.reason.in_(ABOUT_US))) or 0


def sent_at(session: Session, event: BounceEvent) -> datetime | None:
    """When the mail that an event is about was handed over; None if that is not known."""
    if event.outbox_id is not None:
        return session.scalar(select(OutboxMessage.ended_at).where(OutboxMessage.id == event.outbox_id))
    copy = select(Copy.ended_at).where(Copy.letter_id == event.letter_id, Copy.id == event.copy_id)
    return session.scalar(copy) if event.copy_id is not None else None


def was_forgiven(session: Session, event: BounceEvent) -> bool:
    """Whether another event about the same mail no longer counts: the same bounce may come by two ways."""
    mine = (BounceEvent.copy_id, event.copy_id), (BounceEvent.outbox_id, event.outbox_id)
    same = [column == value for column, value in mine if value is not None]
    theirs = select(BounceEvent.id).where(BounceEvent.key == event.key, BounceEvent.is_forgiven, *same)
    return bool(same) and session.scalar(theirs.limit(1)) is not None


def is_probing(session: Session, key: str, now: datetime) -> bool:
    """Whether a probe was sent to this address recently, and may still come back."""
    probed = select(BounceEvent.id).where(BounceEvent.key == key, BounceEvent.received_at > now - _PROBE_TAKES)
    return session.scalar(probed.where(BounceEvent.decision == Decision.PROBED).limit(1)) is not None


def undecided(session: Session, after: int, most: int) -> Sequence[BounceEvent]:
    """Some of the events after that id that wait for a decision, oldest first."""
    waiting = select(BounceEvent).where(_UNDECIDED, BounceEvent.id > after).order_by(BounceEvent.id)
    return session.scalars(waiting.limit(most)).all()


def claim_undecided(session: Session, event_id: int) -> BounceEvent | None:
    """One of them, locked; None if it was decided meanwhile, or erased."""
    mine = select(BounceEvent).where(BounceEvent.id == event_id, BounceEvent.decision.is_(None))
    return session.scalar(mine.with_for_update(skip_locked=True))


def forget_erased(session: Session, event: BounceEvent) -> bool:
    """Delete an event whose reader was erased while their copy was on its way; whether they were."""
    copy = Copy.letter_id == event.letter_id, Copy.id == event.copy_id
    is_erased = event.copy_id is not None and session.scalar(select(Copy.address).where(*copy)) == ""
    if is_erased:
        session.delete(event)
    return is_erased


def forgive(session: Session, key: str) -> None:
    """Stop counting the events of an address so far."""
    theirs = update(BounceEvent).where(BounceEvent.key == key, ~BounceEvent.is_forgiven).values(is_forgiven=True)
    session.execute(theirs, execution_options=UNSYNCED)


def of_person(
    session: Session, keys: Collection[str], subscription_ids: Collection[int], most: int = 200
) -> list[BounceEvent]:
    """The last events of these addresses and subscriptions, oldest first."""
    theirs = select(BounceEvent).where(_of_person(keys, subscription_ids)).order_by(BounceEvent.id.desc())
    return list(session.scalars(theirs.limit(most)))[::-1]


def erase_events(session: Session, keys: Collection[str], subscription_ids: Collection[int]) -> None:
    """Erase these people's events, and every report that names them."""
    theirs = _of_person(keys, subscription_ids)
    sources = select(BounceEvent.source).where(theirs)
    session.execute(delete(RawReport).where(RawReport.source.in_(sources)), execution_options=UNSYNCED)
    session.execute(delete(BounceEvent).where(theirs), execution_options=UNSYNCED)


def prune(session: Session, now: datetime) -> int:
    """Delete some raw text of 90 days ago, deliveries of 120, other events of 400; how many, 0 if none is left."""
    delivered = text("bounce_events.kind = 'delivered'"), BounceEvent.received_at <= now - _COUNTS_FOR
    others = _prune_events(session, BounceEvent.received_at <= now - KEPT)
    return _prune_raw(session, now) + _prune_events(session, *delivered) + others


def _prune_raw(session: Session, now: datetime) -> int:
    old = select(RawReport.source).where(RawReport.received_at <= now - RAW_KEPT).order_by(RawReport.received_at)
    some = old.limit(_PRUNED_AT_ONCE)
    deletion = delete(RawReport).where(RawReport.source.in_(some)).returning(RawReport.source)
    return len(session.scalars(deletion, execution_options=UNSYNCED).all())


def _prune_events(session: Session, *which: ColumnElement[bool] | TextClause) -> int:
    old = select(BounceEvent.id).where(*which).order_by(BounceEvent.received_at)
    deletion = delete(BounceEvent).where(BounceEvent.id.in_(old.limit(_PRUNED_AT_ONCE))).returning(BounceEvent.id)
    return len(session.scalars(deletion, execution_options=UNSYNCED).all())


def _of_person(keys: Collection[str], subscription_ids: Collection[int]) -> ColumnElement[bool]:
    return or_(BounceEvent.key.in_(keys), BounceEvent.subscription_id.in_(subscription_ids))
