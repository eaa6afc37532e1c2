"""The team's tables: editors, their credentials and their sessions."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from newsletter.characters import MAX_NAME
from newsletter.db import Base, LongId, word


class Role(StrEnum):
    """What a person may do at the desk, from most to least."""

    OWNER = "owner"
    EDITOR = "editor"
    AUTHOR = "author"
    VIEWER = "viewer"


class Editor(Base):
    """A person who may sign in at the desk."""

    __tablename__ = "editors"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME), default="", server_default="")
    """The name that the team sees; empty until one is given."""
    role: Mapped[Role] = mapped_column(word(Role), default=Role.EDITOR)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]
    nonce: Mapped[int]
    """Part of every session and one-time link; changing it ends them all."""
    factor: Mapped[str | None] = mapped_column(String(200))
    """The second factor's secret, sealed; None without a second factor."""
    factor_step: Mapped[int] = mapped_column(default=0, server_default="0")
    """The time step (RFC 6238) of the last code accepted; codes of it or an earlier step are refused."""


class RecoveryCode(Base):
    """The digest of a recovery code; using the code deletes it."""

    __tablename__ = "recovery_codes"

    editor_id: Mapped[int] = mapped_column(ForeignKey("editors.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)


class DeskSession(Base):
    """A signed-in browser."""

    __tablename__ = "desk_sessions"

    id: Mapped[LongId] = mapped_column(autoincrement=False)
    """Random, so that a cookie never fits a later session with the same id."""
    editor_id: Mapped[int] = mapped_column(ForeignKey("editors.id", ondelete="CASCADE"), index=True)
    nonce: Mapped[int]
    """The editor's nonce when the session began; it ends when that changes."""
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """When it was last used, to the minute; reading pages writes nothing."""
    agent: Mapped[str] = mapped_column(String(80))
    network: Mapped[str] = mapped_column(String(64))
    ended_at: Mapped[datetime | None]

    editor: Mapped[Editor] = relationship()


class TeamRules(Base):
    """Rules for the whole team; a single row, or none while the defaults apply."""

    __tablename__ = "team_rules"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    needs_factor: Mapped[bool]


class SignInTries(Base):
    """How often an account or a client tried within a quarter of an hour; only digests are stored."""

    __tablename__ = "sign_in_tries"

    bucket: Mapped[str] = mapped_column(String(64), primary_key=True)
    window: Mapped[int] = mapped_column(primary_key=True)
    hits: Mapped[int]
