"""The team's tables: editors, what they prove themselves with, and where they are signed in."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.db import Base, LongId, word


class Role(StrEnum):
    """What a person may do at the desk, most first."""

    OWNER = "owner"
    EDITOR = "editor"
    AUTHOR = "author"
    VIEWER = "viewer"


class Editor(Base):
    """A person of the team."""

    __tablename__ = "editors"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    key: Mapped[str] = mapped_column(String(254), unique=True)
    role: Mapped[Role] = mapped_column(word(Role), default=Role.EDITOR)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]
    nonce: Mapped[int]
    """Part of every one-time link and session; changing it ends them all."""
    factor: Mapped[str | None] = mapped_column(String(200))
    """The sealed secret of the second factor; None while there is none."""
    factor_step: Mapped[int] = mapped_column(default=0, server_default="0")
    """The time step (RFC 6238) of the last code that was taken; no code of it, or of one before, is taken again."""


class RecoveryCode(Base):
    """The digest of a code that stands in for the second factor once; using it deletes it."""

    __tablename__ = "recovery_codes"

    editor_id: Mapped[int] = mapped_column(ForeignKey("editors.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)


class DeskSession(Base):
    """One browser in which somebody signed in."""

    __tablename__ = "desk_sessions"

    id: Mapped[LongId] = mapped_column(autoincrement=False)
    """Drawn at random, so that none is ever another's again."""
    editor_id: Mapped[int] = mapped_column(ForeignKey("editors.id", ondelete="CASCADE"), index=True)
    nonce: Mapped[int]
    """The editor's own when it began: it ends when theirs changes."""
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """When something was last done in it, to the minute; looking writes nothing."""
    agent: Mapped[str] = mapped_column(String(80))
    network: Mapped[str] = mapped_column(String(64))
    ended_at: Mapped[datetime | None]

    editor: Mapped[Editor] = relationship()


class TeamRules(Base):
    """What holds for everybody of the team; one row, or none while nothing was decided."""

    __tablename__ = "team_rules"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    needs_factor: Mapped[bool]


class SignInTries(Base):
    """How often one account, or one client, tried something within one quarter of an hour; only digests are kept."""

    __tablename__ = "sign_in_tries"

    bucket: Mapped[str] = mapped_column(String(64), primary_key=True)
    window: Mapped[int] = mapped_column(primary_key=True)
    hits: Mapped[int]
