"""Company: who else has an issue open for writing just now, be it a colleague or another window of one's own."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.editorial.models import Issue, Writer

STAYS = timedelta(seconds=30)
"""A window that was not heard of for so long is closed."""

_FORGOTTEN = timedelta(hours=1)


def announce(session: Session, issue: Issue, tab: str, editor: str, now: datetime) -> Sequence[Writer]:
    """Say that this window is open, and hear which others are, the latest first."""
    here = insert(session, Writer).values(issue_id=issue.id, tab=tab, editor=editor, seen_at=now)
    seen = {"seen_at": here.excluded.seen_at, "editor": here.excluded.editor}
    session.execute(here.on_conflict_do_update(index_elements=["issue_id", "tab"], set_=seen))
    return others(session, issue, tab, now)


def others(session: Session, issue: Issue, tab: str, now: datetime) -> Sequence[Writer]:
    """The other windows in which an issue is open for writing."""
    open_now = select(Writer).where(Writer.issue_id == issue.id, Writer.seen_at > now - STAYS)
    return session.scalars(open_now.where(Writer.tab != tab).order_by(Writer.seen_at.desc())).all()


def leave(session: Session, issue: Issue, tab: str, now: datetime) -> None:
    """Say that this window is closed; and forget those that closed without a word."""
    gone = (Writer.tab == tab) | (Writer.seen_at < now - _FORGOTTEN)
    session.execute(delete(Writer).where(Writer.issue_id == issue.id, gone))
