"""Desk sessions: one for each browser that is signed in; each can be ended separately."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session, contains_eager

from newsletter.editors.models import DeskSession, Editor

LONGEST = timedelta(days=7)
"""A session's maximum lifetime."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The browser and network of a session, as precise as its owner needs to recognise it."""

    agent: str
    network: str


def start_session(session: Session, editor: Editor, place: ClientInfo, now: datetime) -> DeskSession:
    """Start a session of this editor, and delete their expired ones."""
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
    """The session with that id and nonce, with its editor; None if it has ended."""
    mine = _open(now).where(DeskSession.id == session_id, DeskSession.nonce == nonce)
    return session.scalar(mine)


def sessions_of(editor_id: int, now: datetime) -> Select[DeskSession]:
    """This editor's sessions, the last used first."""
    return _open(now).where(DeskSession.editor_id == editor_id).order_by(DeskSession.seen_at.desc(), DeskSession.id)


def all_sessions(now: datetime) -> Select[DeskSession]:
    """All sessions, the last used first."""
    return _open(now).order_by(DeskSession.seen_at.desc(), DeskSession.id)


def end_session(session: Session, editor_id: int, session_id: int, now: datetime) -> bool:
    """End one session of this editor; False if it had ended already."""
    mine = DeskSession.id == session_id, DeskSession.editor_id == editor_id, DeskSession.ended_at.is_(None)
    ended = update(DeskSession).where(*mine).values(ended_at=now).returning(DeskSession.id)
    return session.scalar(ended) is not None


def touch(session: Session, session_id: int, now: datetime) -> None:
    """Record that the session was used, at most once a minute."""
    stale = DeskSession.id == session_id, DeskSession.seen_at < now - _MINUTE
    session.execute(update(DeskSession).where(*stale).values(seen_at=now))


def _open(now: datetime) -> Select[DeskSession]:
    good = DeskSession.ended_at.is_(None), DeskSession.started_at >= now - LONGEST, DeskSession.nonce == Editor.nonce
    return select(DeskSession).join(DeskSession.editor).where(*good).options(contains_eager(DeskSession.editor))
