"""Editors: the people who may sign in at the desk, their passwords and one-time links."""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Select, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base, insert, word
from newsletter.errors import Conflict, Invalid, NotFound

MIN_PASSWORD = 10
MAX_PASSWORD = 200
TRIES_WINDOW = timedelta(minutes=15)
ACCOUNT_TRIES = 10
CLIENT_TRIES = 40
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


class SignInTries(Base):
    """How often one account, or one client, tried a password within one quarter of an hour; only digests are kept."""

    __tablename__ = "sign_in_tries"

    bucket: Mapped[str] = mapped_column(String(64), primary_key=True)
    window: Mapped[int] = mapped_column(primary_key=True)
    hits: Mapped[int]


def add(session: Session, email: str, role: Role, now: datetime) -> Editor:
    """A new person; Conflict if the address is taken. `email` is already checked and normalised."""
    if session.scalar(select(Editor.id).where(Editor.key == email.casefold())):
        raise Conflict(f"{email} may already sign in")
    editor = Editor(email=email, key=email.casefold(), role=role, created_at=now, nonce=_fresh_nonce())
    session.add(editor)
    session.flush()
    return editor


def first_owner(session: Session) -> Editor | None:
    """The owner who was there first; None before the first start."""
    return session.scalar(select(Editor).where(Editor.role == Role.OWNER).order_by(Editor.id).limit(1))


def set_password(editor: Editor, password: str) -> None:
    """Keep the password's argon2 hash, and end the sessions and links that were out."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid(f"A password needs {MIN_PASSWORD} to {MAX_PASSWORD} characters; this one has {len(password)}.")
    editor.password_hash = _hasher.hash(password)
    end_sessions(editor)


def end_sessions(editor: Editor) -> None:
    """End every session and one-time link of this person that is out."""
    editor.nonce = _fresh_nonce()


def may_try(session: Session, email: str, client: str, now: datetime) -> bool:
    """Count a try to sign in; False when this account or this client had enough for now."""
    window = int(now.timestamp() // TRIES_WINDOW.total_seconds())
    session.execute(delete(SignInTries).where(SignInTries.window < window))
    # Counted before the password is looked at, so that many tries at once cannot slip through together.
    of_account = _count(session, _account(email), window)
    of_client = _count(session, _digest("client", client), window)
    return of_account <= ACCOUNT_TRIES and of_client <= CLIENT_TRIES


def forget_tries(session: Session, email: str) -> None:
    """Start the account's count anew, after its password was right."""
    session.execute(delete(SignInTries).where(SignInTries.bucket == _account(email)))


def check(session: Session, email: str, password: str) -> Editor | None:
    """The editor whose password this is; None otherwise, in the same time whatever was wrong."""
    editor = session.scalar(select(Editor).where(Editor.key == email.strip().casefold()))
    try:
        _hasher.verify((editor and editor.password_hash) or _nobodys_hash(), password)
    except VerifyMismatchError:
        return None
    return editor


def holding(session: Session, editor_id: int, nonce: int) -> Editor | None:
    """The editor whose session or one-time link this is, while it is good."""
    return session.scalar(select(Editor).where(Editor.id == editor_id, Editor.nonce == nonce))


def find(session: Session, email: str) -> Editor:
    """The person of that address; NotFound if nobody of the team has it."""
    editor = session.scalar(select(Editor).where(Editor.key == email.strip().casefold()))
    if editor is None:
        raise NotFound(f"{email} is not of the team; `newsletter editors add` lets somebody in")
    return editor


def team() -> Select[Editor]:
    """Everybody who may sign in, in the order of their addresses."""
    return select(Editor).order_by(Editor.key)


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


def _count(session: Session, bucket: str, window: int) -> int:
    tried = insert(session, SignInTries).values(bucket=bucket, window=window, hits=1)
    counted = tried.on_conflict_do_update(index_elements=["bucket", "window"], set_={"hits": SignInTries.hits + 1})
    return session.scalars(counted.returning(SignInTries.hits)).one()


def _account(email: str) -> str:
    return _digest("account", email.strip().casefold())


def _digest(kind: str, word: str) -> str:
    return hashlib.sha256(f"{kind}:{word}".encode()).hexdigest()


def _fresh_nonce() -> int:
    return secrets.randbits(31)
