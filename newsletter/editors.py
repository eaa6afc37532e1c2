"""Editors: the people who may sign in at the desk, their passwords and one-time links."""

import secrets
from datetime import datetime
from enum import StrEnum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base, word
from newsletter.errors import Conflict, Invalid, NotFound

MIN_PASSWORD = 10
_hasher = PasswordHasher()


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
    """Part of every sign-in link and session; changing it ends them all."""


def add(session: Session, email: str, role: Role, now: datetime) -> Editor:
    """A new person; Conflict if the address is taken. `email` is already checked and normalised."""
    if session.scalar(select(Editor.id).where(Editor.key == email.casefold())):
        raise Conflict(f"{email} may already sign in")
    editor = Editor(email=email, key=email.casefold(), role=role, created_at=now, nonce=_fresh_nonce())
    session.add(editor)
    session.flush()
    return editor


def set_password(editor: Editor, password: str) -> None:
    """Keep the password's argon2 hash, and end the sessions and links that were out."""
    if len(password) < MIN_PASSWORD:
        raise Invalid(f"a password needs {MIN_PASSWORD} characters or more")
    editor.password_hash = _hasher.hash(password)
    editor.nonce = _fresh_nonce()


def check(session: Session, email: str, password: str) -> Editor | None:
    """The editor whose password this is; None otherwise, in the same time whatever was wrong."""
    editor = session.scalar(select(Editor).where(Editor.key == email.strip().casefold()))
    try:
        _hasher.verify((editor and editor.password_hash) or _nobodys_hash(), password)
    except VerifyMismatchError:
        return None
    return editor


def use_link(session: Session, editor_id: int, nonce: int) -> Editor:
    """The editor of a one-time link; it works once, because it changes the nonce it was made with."""
    spend = update(Editor).where(Editor.id == editor_id, Editor.nonce == nonce).values(nonce=_fresh_nonce())
    if session.scalar(spend.returning(Editor.id)) is None:
        raise NotFound("this sign-in link was used already; ask for a new one")
    return session.get_one(Editor, editor_id, populate_existing=True)


@cache
def _nobodys_hash() -> str:
    # Checked when the address is unknown, so that the answer takes as long as for a known one.
    return _hasher.hash(secrets.token_hex())


def _fresh_nonce() -> int:
    return secrets.randbits(31)
