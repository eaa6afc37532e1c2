"""Editorial's tables: issues, revisions, pictures, drafts, corrections, checks, approvals and the queue."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.db import Base, LongRef, partial_index, word
from newsletter.delivery.models import Letter
from newsletter.publications import Publication

Size = tuple[int, int]
"""Width and height in pixels."""


class IssueKind(StrEnum):
    """What an issue is."""

    ISSUE = "issue"
    DIGEST = "digest"
    """The list of the issues of a month, for readers who chose one email a month (`digests`)."""


class Readiness(StrEnum):
    """Whether an editor has marked an issue as ready; it counts while the issue has no letter."""

    DRAFT = "draft"
    READY = "ready"


class IssueState(StrEnum):
    """The state that is shown: the issue's readiness until there is a letter, then the letter's state."""

    DRAFT = "draft"
    READY = "ready"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"

    @property
    def phrase(self) -> str:
        """The state in words that follow “is”."""
        return {"draft": "a draft", "sending": "being sent"}.get(self, self.value)


class Issue(Base):
    """One issue: its text is its newest revision, its sending is its letter."""

    __tablename__ = "issues"

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    kind: Mapped[IssueKind] = mapped_column(word(IssueKind), default=IssueKind.ISSUE, server_default="issue")
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    slug_is_provisional: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it takes its slug from its title when it is first ready."""
    file_name: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(Text)
    """The newest revision's title or, while it has none, `Untitled` and its first words."""
    subject: Mapped[str] = mapped_column(Text)
    """The newest revision's subject; empty while it has none."""
    readiness: Mapped[Readiness] = mapped_column(word(Readiness), default=Readiness.DRAFT)
    created_at: Mapped[datetime]
    revision_number: Mapped[int] = mapped_column(default=0)
    """The number of the newest revision."""
    frozen_number: Mapped[int | None]
    """The revision that the letter was frozen from; the archive shows this one."""
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("letters.id"), unique=True)
    segment_id: Mapped[int | None]
    """The segment of readers it will go to; None for everybody. What it went to is frozen in its letter.

    No foreign key: SQLite would have to rewrite the table."""
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The team's note for each other."""
    note_number: Mapped[int] = mapped_column(default=0, server_default="0")
    """Counts the changes of the note; two people who both change it collide at it."""
    note_by: Mapped[str] = mapped_column(String(254), default="", server_default="")
    note_at: Mapped[datetime | None]

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
    """The whole source of an issue as it was saved once; never changed."""

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
    """A copy of the front matter's, for queries by hand; the archive reads its own index."""


class Picture(Base):
    """A picture, whose bytes are stored once under its file name in a folder or a bucket."""

    __tablename__ = "pictures"

    file_name: Mapped[str] = mapped_column(String(80), primary_key=True)
    """SHA-256 of the bytes, with the type's extension."""
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    developed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it was processed by us and has no metadata; older pictures were stored as they were loaded."""
    created_at: Mapped[datetime]

    @property
    def shown_size(self) -> Size | None:
        """Its width and height as it is shown; None for an unprocessed one, whose Exif may turn it on its side."""
        return (self.width, self.height) if self.developed else None


class OriginalPicture(Base):
    """A file that `issues load` imported, and the picture made from it; only the picture is published."""

    __tablename__ = "original_pictures"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The digest of the file's bytes, which are stored under it."""
    file_name: Mapped[str] = mapped_column(ForeignKey("pictures.file_name"), index=True)
    created_at: Mapped[datetime]


class RevisionPicture(Base):
    """Which picture a revision means by the name in its text."""

    __tablename__ = "revision_pictures"

    revision_id: Mapped[int] = mapped_column(ForeignKey("revisions.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    file_name: Mapped[str] = mapped_column(ForeignKey("pictures.file_name"))

    picture: Mapped[Picture] = relationship(lazy="joined", innerjoin=True, viewonly=True)


class AttachedPicture(Base):
    """A picture that was uploaded to an issue: what its text may call it, before any revision does."""

    __tablename__ = "attached_pictures"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    file_name: Mapped[str] = mapped_column(ForeignKey("pictures.file_name"))


class Correction(Base):
    """A change to an issue after it went out: the archive shows that text, with the note above it."""

    __tablename__ = "corrections"
    __table_args__ = (UniqueConstraint("issue_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"))
    number: Mapped[int]
    revision_number: Mapped[int]
    note: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(254))
    writers: Mapped[list[str]] = mapped_column(JSON)
    """Everyone who wrote the note, or any part of its letter."""
    made_at: Mapped[datetime]
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    """Markdown: the text of the letter that may be mailed about it."""
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("letters.id"), unique=True)
    """That letter, once it was mailed; unique, so no reader gets it twice."""

    revision: Mapped[Revision] = relationship(
        primaryjoin="and_(Revision.issue_id == foreign(Correction.issue_id), "
        "Revision.number == foreign(Correction.revision_number))",
        viewonly=True,
    )
    letter: Mapped[Letter | None] = relationship(lazy="joined")


class Draft(Base):
    """One editor's latest text of an issue, valid or not, and whether it was saved as a revision."""

    __tablename__ = "drafts"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    editor: Mapped[str] = mapped_column(String(254), primary_key=True)
    base_number: Mapped[int]
    """The revision that it is based on."""
    number: Mapped[int]
    """Counts the writes; two windows of one editor that both write collide at it."""
    source: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime]
    kept_at: Mapped[datetime]
    tab: Mapped[str] = mapped_column(String(36), default="", server_default="")
    """The window that wrote exactly this text; empty if it was merged."""
    turn: Mapped[int] = mapped_column(default=0, server_default="0")
    """The window's sequence number of the text; an earlier one that arrives later is ignored."""
    saved: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it is identical to the revision `base_number`, so there is nothing to save."""


class Writer(Base):
    """A browser window in which an editor has an issue open, and when it last reported."""

    __tablename__ = "writers"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    tab: Mapped[str] = mapped_column(String(36), primary_key=True)
    editor: Mapped[str] = mapped_column(String(254))
    seen_at: Mapped[datetime]


class LinkCheck(Base):
    """The last result of checking a URL, shared by all issues that link to it."""

    __tablename__ = "link_checks"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the URL, which may be longer than a key can be."""
    url: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    """The end of the lease of the worker that is checking it."""
    checked_at: Mapped[datetime | None]
    status: Mapped[int | None]
    final_url: Mapped[str] = mapped_column(Text, default="")
    fault: Mapped[str] = mapped_column(Text, default="")
    """Why there is no HTTP status."""


class SpamCheck(Base):
    """The spam filter's verdict on a mail, by the mail's content hash."""

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
    """What a person did in the approval of an issue."""

    ASKED = "asked"
    APPROVED = "approved"
    SENT_BACK = "sent_back"


class ApprovalStep(Base):
    """One step in an approval, bound to the exact content the person saw; only a withdrawal is added to it later."""

    __tablename__ = "approval_steps"
    __table_args__ = (
        # Two people who approve the same content at once record one approval.
        partial_index(
            "uq_approval_steps_standing",
            "issue_id",
            "revision_number",
            "content_hash",
            "audience_hash",
            unique=True,
            where="act = 'approved' AND withdrawn_at IS NULL",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), index=True)
    act: Mapped[ApprovalAct] = mapped_column(word(ApprovalAct))
    revision_number: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64))
    audience_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """The hash of the rule of the segment that it was to go to; empty for everybody."""
    correction: Mapped[int | None]
    """The number of the correction that it is about; None for the issue itself."""
    person: Mapped[str] = mapped_column(String(254))
    """An editor's address, stored as text, so that the record outlives the account."""
    at: Mapped[datetime]
    comment: Mapped[str] = mapped_column(Text, default="")
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(254))

    @property
    def is_standing_approval(self) -> bool:
        """Whether it is an approval that was not withdrawn."""
        return self.act is ApprovalAct.APPROVED and self.withdrawn_at is None

    @property
    def is_standing_request(self) -> bool:
        """Whether it asks for an approval, and was not withdrawn."""
        return self.act is ApprovalAct.ASKED and self.withdrawn_at is None


class SentTest(Base):
    """One test mail and the content it showed; the outbox knows its recipient and outcome."""

    __tablename__ = "test_mails"

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), index=True)
    revision_number: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64))
    person: Mapped[str] = mapped_column(String(254), index=True)
    at: Mapped[datetime]
    post_id: Mapped[LongRef]
    """No foreign key, because outbox messages are deleted after a month, or when their reader is erased."""


class Queued(Base):
    """An issue's position in its publication's queue, which fills the slots to come in this order."""

    __tablename__ = "queue"
    __table_args__ = (UniqueConstraint("publication_id", "position"),)

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    position: Mapped[int]
    queued_at: Mapped[datetime]


class SlotStep(StrEnum):
    """What is done once for each slot: two warnings beforehand, and the filling at its time; and the digest."""

    TWO_DAYS = "two_days"
    TWO_HOURS = "two_hours"
    HOUR = "hour"
    DIGEST = "digest"
    """In the first slot of a month."""


class SlotClaim(Base):
    """A step done for a slot; its primary key lets only one worker do it."""

    __tablename__ = "slot_marks"

    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[SlotStep] = mapped_column(word(SlotStep), primary_key=True)
