"""Presence: who has an issue open for editing, in which browser window."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.editorial.models import Issue, Writer

STAYS = timedelta(seconds=30)
"""A window that has not reported for this long counts as closed."""

_FORGOTTEN = timedelta(hours=1)


def announce(session: Session, issue: Issue, tab: str, editor: str, now: datetime) -> Sequence[Writer]:
    """Record that this window is open; returns the other open windows, the latest first."""
    announcement = insert(session, Writer).values(issue_id=issue.id, tab=tab, editor=editor, seen_at=now)
    seen = {"seen_at": announcement.excluded.seen_at, "editor": announcement.excluded.editor}
    session.execute(announcement.on_conflict_do_update(index_elements=["issue_id", "tab"], set_=seen))
    return others(session, issue, tab, now)


def others(session: Session, issue: Issue, tab: str, now: datetime) -> Sequence[Writer]:
    """The other windows in which an issue is open for editing."""
    open_now = select(Writer).where(Writer.issue_id == issue.id, Writer.seen_at > now - STAYS)
    return session.scalars(open_now.where(Writer.tab != tab).order_by(Writer.seen_at.desc())).all()


def writers(session: Session, now: datetime) -> dict[int, list[str]]:
    """Who is writing now: the editors' addresses in order, by the id of the issue that each has open."""
    open_now = select(Writer.issue_id, Writer.editor).where(Writer.seen_at > now - STAYS)
    found: dict[int, list[str]] = defaultdict(list)
    for issue_id, editor in session.execute(open_now.distinct().order_by(Writer.issue_id, Writer.editor)):
        found[issue_id].append(editor)
    return found


def leave(session: Session, issue: Issue, tab: str, now: datetime) -> None:
    """Record that this window was closed, and delete those that have not reported for an hour."""
    closed = (Writer.tab == tab) | (Writer.seen_at < now - _FORGOTTEN)
    session.execute(delete(Writer).where(Writer.issue_id == issue.id, closed))
