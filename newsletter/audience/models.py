"""The audience's tables: a subscriber is a person, a subscription ties them to one publication."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, event, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.audience import search_text
from newsletter.audience.statuses import Pace as Pace  # exported again, for modules that use the tables
from newsletter.audience.statuses import Status as Status
from newsletter.db import Base, LongId, LongRef, partial_index, word
from newsletter.i18n import messages
from newsletter.publications import Publication


class Act(StrEnum):
    """What a consent event records."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    RENAMED = "renamed"
    MOVED = "moved"
    CHOSE = "chose"
    PAUSED = "paused"
    RESUMED = "resumed"
    LEFT = "left"
    EXPLAINED = "explained"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Channel(StrEnum):
    """How the reader or the program asked for a step."""

    FORM = "form"
    LINK = "link"
    ONE_CLICK = "one-click"
    MAIL = "mail"
    IMPORT = "import"
    DESK = "desk"
    CLOCK = "clock"


def _searched(context: Any) -> str:
    row = context.get_current_parameters()
    return search_text.search_entry(row["email"], row["key"], row.get("name") or "")


class Subscriber(Base):
    """A person, known by one address; `key` is equal for all spellings of it."""

    __tablename__ = "subscribers"
    __table_args__ = (
        # Few rows, except after an import: those that the worker has to index, and that every search reads.
        partial_index("ix_subscribers_unindexed", "indexed", "id", where="indexed = false"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120), default="")
    created_at: Mapped[datetime]
    search: Mapped[str] = mapped_column(Text, default=_searched, server_default="")
    """The text that searches look in (`search_text`); never used as a key."""
    indexed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the search index covers the current `search`."""
    language: Mapped[str | None] = mapped_column(String(16))
    """The language that they chose for their pages and single letters; None for that of the publication."""

    subscriptions: Mapped[list["Subscription"]] = relationship(
        back_populates="subscriber",
        order_by="Subscription.id",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )


@event.listens_for(Subscriber, "before_update")
def _search_anew(_mapper: object, _connection: object, reader: Subscriber) -> None:
    """Update the search entry when the name or address changes."""
    entry = search_text.search_entry(reader.email, reader.key, reader.name)
    if entry != reader.search:
        reader.search, reader.indexed = entry, False


class Subscription(Base):
    """The tie of a subscriber to a publication."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "publication_id"),
        # The desk's list, newest first, of all readers and of those with one status; the second index also counts them.
        Index(None, "publication_id", "id"),
        Index(None, "publication_id", "status", "id"),
        # Readers who joined since an issue went out: by when they confirmed or, if they never did, were imported.
        partial_index(
            "ix_subscriptions_joined",
            "publication_id",
            "status",
            "confirmed_at",
            "created_at",
            where="status = 'active'",
        ),
        # The delivery hours that readers chose; queried when an issue begins.
        partial_index(
            "ix_subscriptions_delivery_hour",
            "publication_id",
            "delivery_zone",
            "delivery_hour",
            where="delivery_hour IS NOT NULL",
        ),
        # Readers of the digest, and those whose pace is about to change.
        partial_index(
            "ix_subscriptions_pace",
            "publication_id",
            "id",
            where="pace = 'monthly' OR next_pace IS NOT NULL",
        ),
        # Pauses that are over; queried every minute.
        partial_index("ix_subscriptions_paused", "paused_until", where="status = 'paused'"),
        # Links carry this id for ever, so the id of an erased subscriber must never be reused.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"))
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    status: Mapped[Status] = mapped_column(word(Status), default=Status.PENDING)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    source: Mapped[str | None] = mapped_column(String(200))
    """For a reader imported as active: where they were moved from, as the person who imported them put it."""
    note: Mapped[str | None] = mapped_column(Text)
    """What the team notes about the reader; part of the reader's data."""
    delivery_zone: Mapped[str | None] = mapped_column(String(64))
    """The time zone of `delivery_hour`."""
    delivery_hour: Mapped[int | None]
    """The local hour, 0 to 23, at which issues are to arrive; None: as soon as they are sent."""
    pace: Mapped[Pace] = mapped_column(word(Pace), server_default="each")
    next_pace: Mapped[Pace | None] = mapped_column(word(Pace))
    """The pace that replaces it with the next digest; None if it stays (`paces`)."""

    subscriber: Mapped[Subscriber] = relationship(back_populates="subscriptions", lazy="joined", innerjoin=True)
    publication: Mapped[Publication] = relationship(lazy="joined", innerjoin=True)
    events: Mapped[list["ConsentEvent"]] = relationship(order_by="ConsentEvent.id", passive_deletes="all")

    @property
    def language(self) -> str:
        """The language of the reader's pages and single letters: the one they chose, or else the publication's."""
        return messages.chosen_or(self.subscriber.language, self.publication.language)


class Wording(Base):
    """A text that was shown to readers, stored once, identified by its SHA-256."""

    __tablename__ = "wordings"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    text: Mapped[str] = mapped_column(Text)


class ImportedFile(Base):
    """A file that readers were imported from: which one, and who imported it."""

    __tablename__ = "imported_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    """Of its bytes."""
    operator: Mapped[str] = mapped_column(String(254))
    at: Mapped[datetime]


class ConsentEvent(Base):
    """A step of a reader's consent. Rows are only added: triggers refuse any change but what an erasure blanks."""

    __tablename__ = "consent_events"
    __table_args__ = (
        # Readers who left by the link in a letter.
        partial_index("ix_consent_events_left", "letter_id", "id", "subscription_id", where="act = 'left'"),
        partial_index("ix_consent_events_explained", "id", where="act = 'explained'"),
    )

    id: Mapped[LongId]
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    """None once the reader is erased; until then, the subscription cannot be deleted."""
    act: Mapped[Act] = mapped_column(word(Act))
    channel: Mapped[Channel] = mapped_column("way", word(Channel))
    at: Mapped[datetime]
    origin: Mapped[str | None] = mapped_column(String(64))
    """The client's address, truncated or hashed as CONSENT_ORIGIN says."""
    note: Mapped[str | None] = mapped_column(Text)
    """For an import, the source of the consent; for a form elsewhere, where; for leaving, the reader's reason."""
    letter_id: Mapped[int | None]
    """The letter whose link a reader left by; it may have been deleted since."""
    wording_id: Mapped[int | None] = mapped_column(ForeignKey("wordings.id"))
    message_id: Mapped[str | None] = mapped_column(Text)
    """For a confirmation, the Message-ID of the letter that asked for it, without its angle brackets."""
    reply: Mapped[str | None] = mapped_column(Text)
    """The mail server's reply to that letter."""
    operator: Mapped[str | None] = mapped_column(String(254))
    """Who of the team did it, at the desk."""
    file_id: Mapped[int | None] = mapped_column(ForeignKey("imported_files.id"))
    line: Mapped[int | None]
    """For an import, the reader's line in that file."""

    wording: Mapped[Wording | None] = relationship()
    file: Mapped[ImportedFile | None] = relationship()

    @property
    def shown_note(self) -> str | None:
        """The note for people and programs: the letter that a reader left by, or else `note`."""
        return f"letter {self.letter_id}" if self.letter_id else self.note


PERSONAL = ("subscription_id", "origin", "note", "message_id", "reply", "file_id", "line")
"""The columns of a consent event that an erasure blanks, along with the salt of its digest."""


class ConsentChainLink(Base):
    """A consent event's place in the hash chain over all of them (`consent_chain`); rows are only added, likewise."""

    __tablename__ = "consent_chain"

    position: Mapped[LongRef] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[LongRef] = mapped_column(unique=True)
    salt: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    """None once the reader is erased: without it, the digest tells nothing about them."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the salt and what is personal in the event."""
    head: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the head before it, this digest, and what stays of the event."""


class Erasure(Base):
    """An erased person, as a keyed hash of their address key (`erasures`)."""

    __tablename__ = "erasures"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]


class SealedKey(Base):
    """A random key of this installation, sealed by SECRET_KEY."""

    __tablename__ = "sealed_keys"

    name: Mapped[str] = mapped_column(String(24), primary_key=True)
    sealed: Mapped[str] = mapped_column(String(200))


class SignupCount(Base):
    """The number of requests of one bucket (an address, a domain or a client) within one time window."""

    __tablename__ = "signup_counts"

    bucket: Mapped[str] = mapped_column(String(80), primary_key=True)
    window: Mapped[int] = mapped_column(primary_key=True, index=True)
    """The hour in which it begins (`hour_of`)."""
    hits: Mapped[int]


def hour_of(moment: datetime) -> int:
    """The hour of a moment, as a number: how many have passed since 1970."""
    return int(moment.timestamp()) // 3600


class BulkKind(StrEnum):
    """What is done with all readers of a segment."""

    TAG = "tag"
    UNTAG = "untag"
    UNSUBSCRIBE = "unsubscribe"
    ERASE = "erase"


class BulkState(StrEnum):
    """How far an act on a segment is."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class BulkAct(Base):
    """An act on all readers who belonged to a segment when it was started (`bulk_acts`)."""

    __tablename__ = "bulk_acts"

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    kind: Mapped[BulkKind] = mapped_column(word(BulkKind))
    state: Mapped[BulkState] = mapped_column(word(BulkState), default=BulkState.RUNNING, index=True)
    segment_id: Mapped[int] = mapped_column(index=True)
    """The segment, which may have been deleted since."""
    segment: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The segment as it was (`segments.freeze`)."""
    tag: Mapped[str] = mapped_column(String(100), default="")
    reason: Mapped[str] = mapped_column(String(200), default="")
    operator: Mapped[str] = mapped_column(String(254))
    at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    members: Mapped[int]
    """How many readers belonged to the segment."""
    last_id: Mapped[int]
    """The newest subscription at the start; readers who joined later are left alone."""
    position: Mapped[int] = mapped_column(default=0)
    """The last subscription that was dealt with."""
    changed: Mapped[int] = mapped_column(default=0)
    undone: Mapped[int] = mapped_column(default=0)
    fault: Mapped[str] = mapped_column(Text, default="")
    """Why it could not go on."""

    publication: Mapped[Publication] = relationship(lazy="joined", innerjoin=True)


class BulkActRow(Base):
    """A reader whom an act changed, and how they were before; kept while the act can be undone."""

    __tablename__ = "bulk_act_rows"
    __table_args__ = ({"sqlite_with_rowid": False},)

    act_id: Mapped[int] = mapped_column(ForeignKey("bulk_acts.id"), primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    at: Mapped[datetime]
    was: Mapped[Status | None] = mapped_column(word(Status))
    """Their status; None where only a tag was changed."""
    paused_until: Mapped[datetime | None]
