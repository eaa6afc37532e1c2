"""Imported posts: which issue came from where, when it was published there, and under which path."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base
from newsletter.delivery.models import Letter
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict

LONGEST_PATH = 300


class ImportedPost(Base):
    """Where an issue came from."""

    __tablename__ = "imported_posts"
    __table_args__ = (UniqueConstraint("publication_id", "source", "key"), Index(None, "old_path"))

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    source: Mapped[str] = mapped_column(String(24))
    key: Mapped[str] = mapped_column(String(200))
    """What the other program called it: its id or slug there."""
    old_path: Mapped[str] = mapped_column(String(LONGEST_PATH))
    """Its path on the other site; empty if it is not known."""
    posted_at: Mapped[datetime]


def find_import(session: Session, issue: Issue) -> ImportedPost | None:
    """Where an issue came from; None if it was written here."""
    return session.get(ImportedPost, issue.id)


def require_own(session: Session, issue: Issue) -> None:
    """Raise Conflict, saying what can be done, for an issue that came from another program: readers had it there."""
    if found := find_import(session, issue):
        raise Conflict(
            f"“{issue.title}” was imported from {found.source}, where readers got it; it can be published in the "
            "archive, and is never sent: `newsletter issues publish-imported`"
        )


def known_keys(session: Session, publication_id: int, source: str) -> set[str]:
    """What has been imported already."""
    mine = select(ImportedPost.key).where(ImportedPost.publication_id == publication_id, ImportedPost.source == source)
    return set(session.scalars(mine))


def unpublished(session: Session, publication_id: int) -> list[tuple[Issue, ImportedPost]]:
    """The imported issues that are not in the archive yet, oldest first."""
    waiting = select(Issue, ImportedPost).join(ImportedPost, ImportedPost.issue_id == Issue.id)
    waiting = waiting.where(Issue.publication_id == publication_id, Issue.letter_id.is_(None))
    return [(issue, post) for issue, post in session.execute(waiting.order_by(ImportedPost.posted_at, Issue.id))]


def slug_at(session: Session, path: str) -> str | None:
    """The slug of the published issue that had this path on its old site; None if there is none."""
    wanted = path.rstrip("/")
    if "\0" in path or not wanted or len(wanted) > LONGEST_PATH:
        return None
    found = select(Issue.slug).join(ImportedPost, ImportedPost.issue_id == Issue.id).join(Issue.letter)
    found = found.where(ImportedPost.old_path == wanted, Letter.started_at.is_not(None))
    return session.scalar(found.order_by(Issue.id).limit(1))
