"""Signed in: the browsers in which somebody of the team is, each of which can be ended by itself."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session, contains_eager

from newsletter.editors.models import DeskSession, Editor

LONGEST = timedelta(days=7)
"""A session ends after so long in any case."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """From where somebody comes, as exactly as a person needs to know their own browser again."""

    agent: str
    network: str


def start_session(session: Session, editor: Editor, place: ClientInfo, now: datetime) -> DeskSession:
    """A new session of this editor; their old ones that are over are forgotten."""
    session.execute(delete(DeskSession).where(DeskSession.started_at < now - LONGEST))
    begun = DeskSession(
        id=secrets.randbits(62),
        editor_id=editor.id,
        nonce=editor.nonce,
        started_at=now,
        seen_at=now,
        agent=place.agent,
        network=place.network,
    )
    session.add(begun)
    return begun


def active_session(session: Session, session_id: int, nonce: int, now: datetime) -> DeskSession | None:
    """The session of that number and nonce, with its editor, while it is good."""
    mine = _open(now).where(DeskSession.id == session_id, DeskSession.nonce == nonce)
    return session.scalar(mine)


def sessions_of(editor_id: int, now: datetime) -> Select[DeskSession]:
    """Where this editor is signed in, the last used first."""
    return _open(now).where(DeskSession.editor_id == editor_id).order_by(DeskSession.seen_at.desc(), DeskSession.id)


def all_sessions(now: datetime) -> Select[DeskSession]:
    """Where anybody is signed in, the last used first."""
    return _open(now).order_by(DeskSession.seen_at.desc(), DeskSession.id)


def end_session(session: Session, editor_id: int, session_id: int, now: datetime) -> bool:
    """End one session of this editor; False if it was over."""
    mine = DeskSession.id == session_id, DeskSession.editor_id == editor_id, DeskSession.ended_at.is_(None)
    ended = update(DeskSession).where(*mine).values(ended_at=now).returning(DeskSession.id)
    return session.scalar(ended) is not None


def touch(session: Session, session_id: int, now: datetime) -> None:
    """Note that something was done in it, at most once a minute."""
    stale = DeskSession.id == session_id, DeskSession.seen_at < now - _MINUTE
    session.execute(update(DeskSession).where(*stale).values(seen_at=now))


def _open(now: datetime) -> Select[DeskSession]:
    good = DeskSession.ended_at.is_(None), DeskSession.started_at >= now - LONGEST, DeskSession.nonce == Editor.nonce
    return select(DeskSession).join(DeskSession.editor).where(*good).options(contains_eager(DeskSession.editor))
