"""Delivery's tables: a letter is frozen text, a copy is that letter for one address."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, validates

from newsletter.addresses import mailboxes
from newsletter.db import Base, LongId, LongRef, partial_index, word
from newsletter.delivery.causes import Cause as Cause  # exported again, for modules that use the tables
from newsletter.delivery.message.content import LetterContent, SingleContent


class LetterState(StrEnum):
    """The state of a bulk letter."""

    WAITING = "waiting"
    """Frozen, to start at `due_at`."""
    RUNNING = "running"
    """Fanned out; copies are being sent."""
    PAUSED = "paused"
    """Fanned out; no copy is claimed until a person resumes."""
    HELD = "held"
    """Missed its time by more than the grace period; a person decides."""
    FINISHED = "finished"
    """No copy is pending or sending any more."""
    CANCELLED = "cancelled"
    """Stopped by a person; copies not yet sent are skipped."""


NOT_BEGUN = (LetterState.WAITING, LetterState.HELD)
"""The states in which a frozen letter has no copies yet."""
UNDER_WAY = (LetterState.RUNNING, LetterState.PAUSED)
"""The states in which a letter has copies that may yet go out."""
OVER = (LetterState.FINISHED, LetterState.CANCELLED)
"""The states in which nothing more of a letter goes out."""


class CopyState(StrEnum):
    """The state of one copy."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"
    SKIPPED = "skipped"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of a letter's copies are in each state; bounced and complained ones are also counted as sent."""

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
    """A bulk letter: text that is frozen with its merge fields, for all its readers."""

    __tablename__ = "letters"
    __table_args__ = (
        # Two issues of one publication are never due at the same time, even if scheduled at once by two people.
        partial_index("uq_letters_waiting", "publication_id", "due_at", unique=True, where="state = 'waiting'"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    state: Mapped[LetterState] = mapped_column(word(LetterState), default=LetterState.WAITING, index=True)
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("letters.id"))
    """The letter that it corrects; it goes only to those whom that letter reached or may have reached."""
    caught_up_to: Mapped[datetime | None]
    """For a correction: up to when later readers of its issue were looked for; None if they are not looked for."""
    repeats_id: Mapped[int | None] = mapped_column(ForeignKey("letters.id"))
    """The letter whose issue it brings to new readers, one after another, in a welcome series."""
    content_hash: Mapped[str] = mapped_column(String(64))
    segment: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The segment that it goes to, as of when the letter was frozen (`segments.freeze`); None for all readers."""
    topics: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    """The keys of the topics that it is about, for readers who have turned all of them off; none for everybody."""
    audience_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """The hash of that segment's rule, which an approval covers; empty for all readers."""
    final_counts: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    """The final counts, stored when its copies were deleted; None while the ledger has the copies."""

    sender_name: Mapped[str] = mapped_column(String(120))
    sender_address: Mapped[str] = mapped_column(String(254))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    list_id: Mapped[str] = mapped_column(String(254))
    feedback_id: Mapped[str] = mapped_column(String(120))
    archive_url: Mapped[str] = mapped_column(String(500))
    language: Mapped[str] = mapped_column(String(16), default="en")
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    """The time zone of the days that its copies name."""
    subject: Mapped[str] = mapped_column(Text)
    # Deferred, because lists of issues need neither.
    html: Mapped[str] = mapped_column(Text, deferred=True, deferred_group="parts")
    text: Mapped[str] = mapped_column(Text, deferred=True, deferred_group="parts")

    @property
    def content(self) -> LetterContent:
        """The content that its copies are composed from."""
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


IS_ISSUE = (Letter.corrects_id.is_(None), Letter.repeats_id.is_(None))
"""The conditions of a letter that carries an issue itself: it is no correction, and of no welcome series."""


class Copy(Base):
    """A row of the ledger: one letter for one reader, and the server's reply."""

    __tablename__ = "copies"
    __table_args__ = (
        # The database itself ensures that nobody gets an issue twice.
        UniqueConstraint("letter_id", "subscription_id"),
        # For claims; it holds only unsent copies, so the cost of a claim does not grow with the list.
        partial_index("ix_copies_pending", "letter_id", "not_before", "id", where="state = 'pending'"),
        # Copies that wait for their reader's hour.
        partial_index(
            "ix_copies_wished", "letter_id", "wished_at", where="state = 'pending' AND wished_at IS NOT NULL"
        ),
        partial_index("ix_copies_sending", "lease_until", where="state = 'sending'"),
        # For reports: copies that failed, were skipped or were put off (`REPORTED`), which are few.
        partial_index(
            "ix_copies_told",
            "letter_id",
            "state",
            "id",
            where="state NOT IN ('sent', 'sending') AND (state <> 'pending' OR attempts > 0)",
        ),
        # Ids of deleted copies are never used again, because mail carries them.
        {"sqlite_autoincrement": True, "postgresql_partition_by": "LIST (letter_id)"},
    )

    id: Mapped[LongId]
    letter_id: Mapped[int]
    """No foreign key: attaching a partition would then lock out every other writer (`partitions`)."""
    subscription_id: Mapped[int]
    """The reader's subscription; no foreign key, because the copy outlives the reader's erasure."""
    address: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(120), default="")
    since: Mapped[datetime | None]
    """When the reader confirmed or was imported; None if unknown (`permission_reminder`)."""
    source: Mapped[str | None] = mapped_column(String(200))
    """Where a reader was imported from who never confirmed here."""
    state: Mapped[CopyState] = mapped_column(word(CopyState), default=CopyState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime]
    wished_at: Mapped[datetime | None]
    """When its reader's delivery hour begins, to which `not_before` was first set; None if it need not wait for one."""
    worker: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]
    """Set before the final dot may be written; from then on, a crash leaves the copy in doubt."""
    ended_at: Mapped[datetime | None]
    code: Mapped[int | None]
    """The server's last reply code (RFC 5321); then its enhanced code (RFC 3463) and text."""
    status: Mapped[str | None] = mapped_column(String(12))
    reply: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(String(40))
    """Why it was skipped, or why it will be if it comes back: unsubscribed, suppressed, cancelled, erased, …"""
    reservation: Mapped[int | None]
    """The series of its group's limiter in which `not_before` was reserved; None if it is not reserved."""


# Written out, because neither database matches a parameter to a partial index.
PENDING = text("copies.state = 'pending'")
SENDING = text("copies.state = 'sending'")
REPORTED = text("copies.state NOT IN ('sent', 'sending') AND (copies.state <> 'pending' OR copies.attempts > 0)")
"""The copies that reports list: refused, failed, skipped, in doubt, or put off."""


class Note(StrEnum):
    """What became known about a copy after it was sent."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    RESENT = "resent"
    """The copy was in doubt and was sent again: its reader may have it twice."""


class CopyNote(Base):
    """A note about a copy after its message was sent; each kind only once."""

    __tablename__ = "copy_notes"
    __table_args__ = (UniqueConstraint("copy_id", "kind"),)

    id: Mapped[LongId]
    copy_id: Mapped[LongRef]
    """No foreign key: where copies are partitioned, the id alone is not a key."""
    kind: Mapped[Note] = mapped_column(word(Note))
    at: Mapped[datetime]
    detail: Mapped[str | None] = mapped_column(Text)


class OutboxState(StrEnum):
    """The state of a single letter."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not sent, because its address is suppressed; `reason` names the causes."""


class OutboxMessage(Base):
    """A single letter that a person waits for, in the outbox from the same transaction as its cause."""

    __tablename__ = "outbox"
    __table_args__ = (
        partial_index("ix_outbox_pending", "not_before", where="state = 'pending'"),
        partial_index("ix_outbox_sending", "lease_until", where="state = 'sending'"),
        # The return path contains this id, so the id of a deleted letter must never be used again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[LongId]
    kind: Mapped[str] = mapped_column(String(24))
    sender_name: Mapped[str] = mapped_column(String(120))
    sender_address: Mapped[str] = mapped_column(String(254))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    address: Mapped[str] = mapped_column(String(254))
    key: Mapped[str] = mapped_column(String(254), index=True)
    """The key of the address (`mailboxes`)."""
    name: Mapped[str] = mapped_column(String(120), default="")
    subject: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    unsubscribe_url: Mapped[str | None] = mapped_column(String(500))
    message: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The whole unsigned message, if it is composed already; then html and text are blank."""
    state: Mapped[OutboxState] = mapped_column(word(OutboxState), default=OutboxState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    worker: Mapped[str | None] = mapped_column(String(64))
    """The worker that has leased it."""
    lease_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    """When it ended; html, text, message, unsubscribe_url and reply_to are then blanked."""
    reply: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(String(40))
    """Why it was skipped: the causes of the suppression, how the subscription ended, or that it would be the second of
    its kind within a day."""
    subscription_id: Mapped[int | None]
    """The subscription that it is about, if it is about one: what nobody asked for is skipped when that ends."""
    template: Mapped[str | None] = mapped_column(String(64))
    """The version of its text: the SHA-256 of what all letters of that version have in common.

    Of a letter that asks for consent; its outcome is kept for as long as that is (`Receipt`).
    """

    @property
    def content(self) -> SingleContent:
        """The content that its message is composed from."""
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
    """The outcome of a letter that asked for consent: evidence that outlives the letter itself."""

    __tablename__ = "receipts"

    post_id: Mapped[LongRef] = mapped_column(primary_key=True, autoincrement=False)
    subscription_id: Mapped[int] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(24))
    template: Mapped[str | None] = mapped_column(String(64))
    """As in `OutboxMessage`; None for a letter from before versions were stored."""
    message_id: Mapped[str] = mapped_column(Text)
    """The Message-ID without its angle brackets."""
    state: Mapped[OutboxState] = mapped_column(word(OutboxState))
    """The letter's final state: sent or failed."""
    reply: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class Suppression(Base):
    """One cause why an address gets no mail, whatever publication it reads; `key` as in the audience."""

    __tablename__ = "suppressions"
    # For the desk's list, newest first.
    __table_args__ = (Index(None, "at", "key", "cause"),)

    key: Mapped[str] = mapped_column(String(254), primary_key=True)
    cause: Mapped[Cause] = mapped_column(word(Cause), primary_key=True)
    at: Mapped[datetime]
    detail: Mapped[str | None] = mapped_column(Text)
    folded: Mapped[bool] = mapped_column(default=False)
    """Whether it is from before migration 0014, and also holds for each address with this folded key (`mailboxes`)."""
