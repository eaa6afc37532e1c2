"""The editorial room's tables: an issue and every revision of its text."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.db import Base, word
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


class Picture(Base):
    """A picture's bytes are kept under this name, in a folder or a bucket; the same bytes are kept once."""

    __tablename__ = "pictures"

    file_name: Mapped[str] = mapped_column(String(80), primary_key=True)
    """SHA-256 of the bytes, with the type's ending."""
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
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
