"""Delivery's tables: a letter is frozen text, a copy is one letter for one address."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, validates

from newsletter.addresses import mailboxes
from newsletter.db import Base, LongId, LongRef, word
from newsletter.delivery.message.content import LetterContent, SingleContent


class LetterState(StrEnum):
    """Where a letter for many stands."""

    WAITING = "waiting"
    """Frozen, for the hour `due_at`."""
    RUNNING = "running"
    """Fanned out; copies are being sent."""
    PAUSED = "paused"
    """Fanned out; no copy is claimed until a person resumes."""
    HELD = "held"
    """Its hour was missed by more than the grace; a person decides."""
    FINISHED = "finished"
    """No copy is pending or sending any more."""
    CANCELLED = "cancelled"
    """A person stopped it; what was not sent is skipped."""


NOT_BEGUN = (LetterState.WAITING, LetterState.HELD)
"""The states in which a frozen letter has no copies yet."""
UNDER_WAY = (LetterState.RUNNING, LetterState.PAUSED)
"""The states in which a letter has copies that may yet go out."""
OVER = (LetterState.FINISHED, LetterState.CANCELLED)
"""The states in which nothing more of a letter goes out."""


class CopyState(StrEnum):
    """Where one copy stands: in exactly one of these at any instant."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"
    SKIPPED = "skipped"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of a letter's copies stand where; bounced and complained count among the sent."""

    audience: int
    pending: int
    sending: int
    sent: int
    refused: int
    failed: int
    skipped: int
    in_doubt: int
    bounced: int
    complained: int


class Letter(Base):
    """One text, frozen with its merge fields left in, for as many readers as there are."""

    __tablename__ = "letters"
    __table_args__ = (
        # Two issues never wait for the same hour of one publication, whoever schedules them at once.
        Index(
            "uq_letters_waiting",
            "publication_id",
            "due_at",
            unique=True,
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    state: Mapped[LetterState] = mapped_column(word(LetterState), default=LetterState.WAITING, index=True)
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("letters.id"))
    """The letter that it corrects: then it goes only to those who got that one, or may have."""
    content_hash: Mapped[str] = mapped_column(String(64))
    segment: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The segment of readers it goes to, as it was when the letter was frozen (`segments.freeze`); None for all."""
    audience_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Of that segment's rule, which an approval covers; empty for all."""
    final_counts: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    """Where its copies stood when they were dropped; None while they are the ledger's to count."""

    sender_name: Mapped[str] = mapped_column(String(120))
    sender_address: Mapped[str] = mapped_column(String(254))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    list_id: Mapped[str] = mapped_column(String(254))
    feedback_id: Mapped[str] = mapped_column(String(120))
    archive_url: Mapped[str] = mapped_column(String(500))
    language: Mapped[str] = mapped_column(String(16), default="en")
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    """In which the days are told that its copies name."""
    subject: Mapped[str] = mapped_column(Text)
    # Deferred, because a list of issues needs neither of the two.
    html: Mapped[str] = mapped_column(Text, deferred=True, deferred_group="parts")
    text: Mapped[str] = mapped_column(Text, deferred=True, deferred_group="parts")

    @property
    def content(self) -> LetterContent:
        """What its copies are composed of."""
        return LetterContent(
            sender_name=self.sender_name,
            sender_address=self.sender_address,
            reply_to=self.reply_to,
            list_id=self.list_id,
            feedback_id=self.feedback_id,
            archive_url=self.archive_url,
            content_hash=self.content_hash,
            subject=self.subject,
            html=self.html,
            text=self.text,
            language=self.language,
            time_zone=self.time_zone,
        )


class Copy(Base):
    """A row of the ledger: one letter for one reader, and what the other server answered."""

    __tablename__ = "copies"
    __table_args__ = (
        # The database keeps the first promise: nobody gets an issue twice.
        UniqueConstraint("letter_id", "subscription_id"),
        # Claims walk this; it holds only what is still to be sent, so a copy's cost does not grow with the list.
        Index(
            "ix_copies_pending",
            "letter_id",
            "not_before",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_copies_sending",
            "lease_until",
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        # What a person is told of: all that went wrong, was skipped, or was put off. Few rows, whatever the audience.
        Index(
            "ix_copies_told",
            "letter_id",
            "state",
            "id",
            sqlite_where=text("state NOT IN ('sent', 'sending') AND (state <> 'pending' OR attempts > 0)"),
            postgresql_where=text("state NOT IN ('sent', 'sending') AND (state <> 'pending' OR attempts > 0)"),
        ),
        # What was dropped with an old letter leaves no id behind that a new copy could get: mail bears it.
        {"sqlite_autoincrement": True, "postgresql_partition_by": "LIST (letter_id)"},
    )

    id: Mapped[LongId]
    letter_id: Mapped[int]
    """No foreign key, because attaching a partition would then stop every move of every letter (`partitions`)."""
    subscription_id: Mapped[int]
    """The reader's; no foreign key, because the record of a copy outlives the reader's erasure."""
    address: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(120), default="")
    since: Mapped[datetime | None]
    """When the reader confirmed, or was moved here; None if that is not known (`permission_reminder`)."""
    source: Mapped[str | None] = mapped_column(String(200))
    """Where from, of a reader who never confirmed here."""
    state: Mapped[CopyState] = mapped_column(word(CopyState), default=CopyState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime]
    worker: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]
    """Set before the final dot may be written: from here on a crash leaves the copy in doubt."""
    ended_at: Mapped[datetime | None]
    code: Mapped[int | None]
    """The server's last reply code (RFC 5321), and beside it the enhanced code (RFC 3463) and text."""
    status: Mapped[str | None] = mapped_column(String(12))
    reply: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(String(40))
    """Why it was skipped, or why it will be if it comes back: unsubscribed, suppressed, cancelled, erased, …"""
    reservation: Mapped[int | None]
    """The series of its group's limiter in which `not_before` was reserved for it; None if that is just a wish."""


# Written out, because neither database matches a parameter to a partial index.
PENDING = text("copies.state = 'pending'")
SENDING = text("copies.state = 'sending'")
TOLD = text("copies.state NOT IN ('sent', 'sending') AND (copies.state <> 'pending' OR copies.attempts > 0)")
"""The copies that a person is told of: refused, failed, skipped, in doubt, or put off."""


class Note(StrEnum):
    """What was learned of a copy after it was sent."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    RESENT = "resent"
    """It was in doubt, and sent again: its reader may have it twice."""


class CopyNote(Base):
    """Something learned of a copy after its message was handed over; each only once."""

    __tablename__ = "copy_notes"
    __table_args__ = (UniqueConstraint("copy_id", "kind"),)

    id: Mapped[LongId]
    copy_id: Mapped[LongRef]
    """No foreign key, because a copy's id alone is no key where copies are partitioned."""
    kind: Mapped[Note] = mapped_column(word(Note))
    at: Mapped[datetime]
    detail: Mapped[str | None] = mapped_column(Text)


class OutboxState(StrEnum):
    """Where a single letter stands."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Its address is suppressed; `reason` says why it counted."""


class OutboxMessage(Base):
    """A single letter that a person waits for, in the outbox from the same transaction as its cause."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_pending",
            "not_before",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_outbox_sending",
            "lease_until",
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        # Reports come back to an address that bears this id, so a deleted letter's must never be given to the next one.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[LongId]
    kind: Mapped[str] = mapped_column(String(24))
    sender_name: Mapped[str] = mapped_column(String(120))
    sender_address: Mapped[str] = mapped_column(String(254))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    address: Mapped[str] = mapped_column(String(254))
    key: Mapped[str] = mapped_column(String(254), index=True)
    """The address's (`mailboxes`)."""
    name: Mapped[str] = mapped_column(String(120), default="")
    subject: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    unsubscribe_url: Mapped[str | None] = mapped_column(String(500))
    message: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The whole message but for its signature, where it is composed already: then html and text are blank."""
    state: Mapped[OutboxState] = mapped_column(word(OutboxState), default=OutboxState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    worker: Mapped[str | None] = mapped_column(String(64))
    """Whose it is while it is being sent."""
    lease_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    """Since then only the record is left: html, text, message and unsubscribe_url are blank."""
    reply: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(String(40))
    """Why it was skipped: the causes of the suppression, or that the day's letter has gone."""
    subscription_id: Mapped[int | None]
    """Whose consent it asks for; what becomes of it is then kept for as long as that is (`Receipt`)."""
    template: Mapped[str | None] = mapped_column(String(64))
    """The version of its words: the SHA-256 of what all letters of that version have in common."""

    @property
    def content(self) -> SingleContent:
        """What its message is composed of."""
        return SingleContent(
            id=self.id,
            kind=self.kind,
            created_at=self.created_at,
            sender_name=self.sender_name,
            sender_address=self.sender_address,
            reply_to=self.reply_to,
            address=self.address,
            name=self.name,
            subject=self.subject,
            html=self.html,
            text=self.text,
            unsubscribe_url=self.unsubscribe_url,
            message=self.message,
        )

    @validates("address")
    def _has_a_key(self, _name: str, address: str) -> str:
        self.key = mailboxes.mailbox_key(address)
        return address


class Receipt(Base):
    """What became of a letter that asked for consent: evidence of it, kept when the letter is long deleted."""

    __tablename__ = "receipts"

    post_id: Mapped[LongRef] = mapped_column(primary_key=True, autoincrement=False)
    subscription_id: Mapped[int] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(24))
    template: Mapped[str | None] = mapped_column(String(64))
    """As in `Post`; None for one that was posted before versions were kept."""
    message_id: Mapped[str] = mapped_column(Text)
    """Without its angle brackets."""
    state: Mapped[OutboxState] = mapped_column(word(OutboxState))
    """Sent or failed."""
    reply: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class Cause(StrEnum):
    """Why an address is suppressed."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    DESK = "desk"
    IMPORT = "import"


class Suppression(Base):
    """One cause why an address gets nothing, whatever list it is on; `key` as in the audience."""

    __tablename__ = "suppressions"
    # The desk's list, newest first.
    __table_args__ = (Index(None, "at", "key", "cause"),)

    key: Mapped[str] = mapped_column(String(254), primary_key=True)
    cause: Mapped[Cause] = mapped_column(word(Cause), primary_key=True)
    at: Mapped[datetime]
    detail: Mapped[str | None] = mapped_column(Text)
    folded: Mapped[bool] = mapped_column(default=False)
    """It is from before version 0014, and also holds for each address with this folded key (`mailboxes`)."""


class Heartbeat(Base):
    """A worker's last sign of life, for /readyz and for its leases."""

    __tablename__ = "heartbeats"

    worker: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[datetime]
    at: Mapped[datetime]
    away: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)
    """By what it carries, the mail server that does not take it: which, since when and why (`outage`)."""


class SharedLimiter(Base):
    """The shared limiter of one provider group, or of the server as a whole (key ""); `limiter.LimiterState`."""

    __tablename__ = "paces"

    key: Mapped[str] = mapped_column(String(253), primary_key=True)
    next_at: Mapped[datetime]
    """The first moment that nobody has reserved yet."""
    spent: Mapped[dict[str, list[list[int]]]] = mapped_column(JSON, default=dict)
    """For each window in seconds, what went out within it: runs of [second of the last one, how many]."""
    paused_until: Mapped[datetime | None]
    """Where a rate answer stopped it until; from then on its connections grow by one at a time."""
    series: Mapped[int] = mapped_column(default=0)
    """Grows by one when what was reserved so far no longer counts."""


class SendPermission(Base):
    """Whether this database may send: one row, which a copy of the database has, too (`send_permission`)."""

    __tablename__ = "arming"

    ONLY: ClassVar = 1

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[str | None] = mapped_column(String(120))
    """Where it was armed; None while it is not."""
    armed_at: Mapped[datetime | None]
    restored_from: Mapped[datetime | None]
    """When the backup was made that it was restored from, if it was."""
