"""The editorial room's tables: an issue and every revision of its text."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.db import Base, LongRef, word
from newsletter.delivery.models import Letter
from newsletter.publications import Publication


class Readiness(StrEnum):
    """What the editor says of an issue that has no letter yet."""

    DRAFT = "draft"
    READY = "ready"


class IssueState(StrEnum):
    """What everybody sees: the editor's word until there is a letter, then the letter's own state."""

    DRAFT = "draft"
    READY = "ready"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"

    @property
    def told(self) -> str:
        """The state as a sentence says it behind “is”."""
        return {"draft": "a draft", "sending": "being sent"}.get(self, self.value)


class Issue(Base):
    """One issue; its text is its newest revision, its fate is its letter's."""

    __tablename__ = "issues"

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    file_name: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    readiness: Mapped[Readiness] = mapped_column(word(Readiness), default=Readiness.DRAFT)
    created_at: Mapped[datetime]
    revision_number: Mapped[int] = mapped_column(default=0)
    """The newest revision's."""
    frozen_number: Mapped[int | None]
    """The revision that the letter was frozen from; the archive shows this one."""
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("letters.id"), unique=True)

    publication: Mapped[Publication] = relationship(lazy="joined", innerjoin=True)
    revision: Mapped["Revision"] = relationship(
        primaryjoin="and_(Revision.issue_id == Issue.id, Revision.number == Issue.revision_number)", viewonly=True
    )
    frozen_revision: Mapped["Revision | None"] = relationship(
        primaryjoin="and_(Revision.issue_id == Issue.id, Revision.number == Issue.frozen_number)", viewonly=True
    )
    letter: Mapped[Letter | None] = relationship(lazy="joined")
    corrections: Mapped[list["Correction"]] = relationship(order_by="Correction.number", viewonly=True)
    approval_steps: Mapped[list["ApprovalStep"]] = relationship(order_by="ApprovalStep.id", viewonly=True)


class Revision(Base):
    """The whole source of an issue as it was saved at one moment; never changed."""

    __tablename__ = "revisions"
    __table_args__ = (UniqueConstraint("issue_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"))
    number: Mapped[int]
    source: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    pictures: Mapped[list["RevisionPicture"]] = relationship(lazy="selectin", cascade="all, delete-orphan")
    author: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime]
    category: Mapped[str] = mapped_column(Text, default="", server_default="")
    """As its front matter names it, so that the archive need not read every text to list those of one."""


class Picture(Base):
    """A picture's bytes are kept under this name, in a folder or a bucket; the same bytes are kept once."""

    __tablename__ = "pictures"

    file_name: Mapped[str] = mapped_column(String(80), primary_key=True)
    """SHA-256 of the bytes, with the type's ending."""
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    developed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it is bare pixels, made by us; older ones were loaded as they were."""
    created_at: Mapped[datetime]


class OriginalPicture(Base):
    """A file that `issues load` took in, and the picture that was developed from it; only the picture is published."""

    __tablename__ = "original_pictures"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Of the file's bytes, which are kept under this name."""
    file_name: Mapped[str] = mapped_column(ForeignKey("pictures.file_name"), index=True)
    created_at: Mapped[datetime]


class RevisionPicture(Base):
    """Which picture a revision means by the name in its text."""

    __tablename__ = "revision_pictures"

    revision_id: Mapped[int] = mapped_column(ForeignKey("revisions.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    file_name: Mapped[str] = mapped_column(ForeignKey("pictures.file_name"))


class AttachedPicture(Base):
    """A picture that was uploaded to an issue: what its text may call it, before any revision does."""

    __tablename__ = "attached_pictures"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    file_name: Mapped[str] = mapped_column(ForeignKey("pictures.file_name"))
    attached_at: Mapped[datetime]


class Correction(Base):
    """What was amended in an issue after it went out: the archive shows that text, with the note above it."""

    __tablename__ = "corrections"
    __table_args__ = (UniqueConstraint("issue_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"))
    number: Mapped[int]
    revision_number: Mapped[int]
    note: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(254))
    writers: Mapped[list[str]] = mapped_column(JSON)
    """Whoever wrote the note, or any of what its letter says."""
    made_at: Mapped[datetime]
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    """Markdown: what the letter says that may be mailed about it."""
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("letters.id"), unique=True)
    """That letter, once it was mailed: one at most, so no reader gets it twice."""

    revision: Mapped[Revision] = relationship(
        primaryjoin="and_(Revision.issue_id == foreign(Correction.issue_id), "
        "Revision.number == foreign(Correction.revision_number))",
        viewonly=True,
    )
    letter: Mapped[Letter | None] = relationship(lazy="joined")


class Draft(Base):
    """What one editor typed into an issue last: any text at all, whole or half-done, and whether it was saved."""

    __tablename__ = "drafts"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    editor: Mapped[str] = mapped_column(String(254), primary_key=True)
    base_number: Mapped[int]
    """The revision that it goes on from."""
    number: Mapped[int]
    """Counts how often it was kept; two windows of one editor that both write meet at it."""
    source: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime]
    kept_at: Mapped[datetime]
    tab: Mapped[str] = mapped_column(String(36), default="", server_default="")
    """The window that wrote exactly this text; none, where it was merged."""
    turn: Mapped[int] = mapped_column(default=0, server_default="0")
    """Which of that window's texts it is, as the window counts them: an earlier one that comes later is of no use."""
    saved: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it is the text of the revision `base_number`, so that nothing of it waits to be saved."""


class Writer(Base):
    """A window in which an editor has an issue open for writing, and when it was last heard of."""

    __tablename__ = "writers"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    tab: Mapped[str] = mapped_column(String(36), primary_key=True)
    editor: Mapped[str] = mapped_column(String(254))
    seen_at: Mapped[datetime]


class LinkCheck(Base):
    """What an address answered when it was last asked, whichever issues lead there."""

    __tablename__ = "link_checks"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the address, which may be longer than a key."""
    url: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    """While a worker is asking."""
    checked_at: Mapped[datetime | None]
    status: Mapped[int | None]
    final_url: Mapped[str] = mapped_column(Text, default="")
    fault: Mapped[str] = mapped_column(Text, default="")
    """Why there is no status."""


class SpamCheck(Base):
    """What the spam filter said of a mail, by the mail's content."""

    __tablename__ = "spam_checks"

    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    asked_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    score: Mapped[float | None]
    threshold: Mapped[float | None]
    tests: Mapped[list[str]] = mapped_column(JSON, default=list)
    fault: Mapped[str] = mapped_column(Text, default="")


class ApprovalAct(StrEnum):
    """What a person did about the approval of an issue."""

    ASKED = "asked"
    APPROVED = "approved"
    SENT_BACK = "sent_back"


class ApprovalStep(Base):
    """One step towards an approval, bound to the exact content that its person saw; only withdrawing adds to it."""

    __tablename__ = "approval_steps"
    __table_args__ = (
        # Two who approve the same content at once approve it once.
        Index(
            "uq_approval_steps_standing",
            "issue_id",
            "revision_number",
            "content_hash",
            unique=True,
            sqlite_where=text("act = 'approved' AND withdrawn_at IS NULL"),
            postgresql_where=text("act = 'approved' AND withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), index=True)
    act: Mapped[ApprovalAct] = mapped_column(word(ApprovalAct))
    revision_number: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64))
    person: Mapped[str] = mapped_column(String(254))
    """An address of the team, kept as words: the record outlives whoever leaves."""
    at: Mapped[datetime]
    comment: Mapped[str] = mapped_column(Text, default="")
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(254))

    @property
    def stands(self) -> bool:
        """Whether it is an approval that nobody took back."""
        return self.act is ApprovalAct.APPROVED and self.withdrawn_at is None


class SentTest(Base):
    """One test mail: what of the issue it showed. To whom it went, and how that ended, is the outbox's to tell."""

    __tablename__ = "test_mails"

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), index=True)
    revision_number: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64))
    person: Mapped[str] = mapped_column(String(254), index=True)
    at: Mapped[datetime]
    post_id: Mapped[LongRef]
    """No foreign key, because the outbox forgets its letters after a month, or when their reader is erased."""


class Queued(Base):
    """A place in a publication's queue: the issues in it go out in the slots to come, in this order."""

    __tablename__ = "queue"
    __table_args__ = (UniqueConstraint("publication_id", "position"),)

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    position: Mapped[int]
    queued_at: Mapped[datetime]


class SlotStep(StrEnum):
    """What is done about a slot once, and before or at which moment."""

    TWO_DAYS = "two_days"
    TWO_HOURS = "two_hours"
    HOUR = "hour"


class SlotClaim(Base):
    """That something was done about a slot; the key lets one worker do it."""

    __tablename__ = "slot_marks"

    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[SlotStep] = mapped_column(word(SlotStep), primary_key=True)
