"""Imported posts: which issue came from where, when it was published there, and under which path."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, String, UniqueConstraint, func, literal, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base
from newsletter.delivery.models import Letter
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict
from newsletter.pagination import FIRST_PAGE, Order, Page, PageRequest

SAMPLE = "sample"
"""The source of the sample issue, which came with the press and not from another program."""
LONGEST_KEY = 200
LONGEST_PATH = 300


class ImportedPost(Base):
    """Where an issue came from."""

    __tablename__ = "imported_posts"
    __table_args__ = (UniqueConstraint("publication_id", "source", "key"), Index(None, "old_path"))

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    source: Mapped[str] = mapped_column(String(24))
    key: Mapped[str] = mapped_column(String(LONGEST_KEY))
    """What the other program called it: its id or slug there."""
    old_path: Mapped[str] = mapped_column(String(LONGEST_PATH))
    """Its path on the other site; empty if it is not known."""
    posted_at: Mapped[datetime]


_BY_DATE = (ImportedPost.posted_at, ImportedPost.issue_id)


class ImportedIssue(NamedTuple):
    """An imported issue, and where it came from."""

    issue: Issue
    post: ImportedPost


class ImportCounts(NamedTuple):
    """How many imported issues are not in the archive yet, and how many are."""

    drafts: int
    published: int


def find_import(session: Session, issue: Issue) -> ImportedPost | None:
    """Where an issue came from; None if it was written here."""
    return session.get(ImportedPost, issue.id)


def require_own(session: Session, issue: Issue) -> None:
    """Raise Conflict, saying what can be done, for an issue that came from another program: readers had it there."""
    if found := find_import(session, issue):
        raise Conflict(
            f"“{issue.title}” was imported from {found.source}, where readers got it; it can be published in the "
            "archive, and is never sent: press the button on its page, or run `newsletter issues publish-imported`"
        )


def sample_issue(session: Session, publication_id: int) -> Issue | None:
    """The sample issue of a publication; None if it has none, or it was removed."""
    mine = select(Issue).join(ImportedPost, ImportedPost.issue_id == Issue.id)
    return session.scalar(mine.where(ImportedPost.publication_id == publication_id, ImportedPost.source == SAMPLE))


def without_imports(issues: Select[Issue]) -> Select[Issue]:
    """Only the issues that were mailed from here: no imported ones, nor the sample."""
    return issues.where(Issue.id.not_in(select(ImportedPost.issue_id)))


def known_keys(session: Session, publication_id: int, source: str) -> set[str]:
    """What has been imported already."""
    mine = select(ImportedPost.key).where(ImportedPost.publication_id == publication_id, ImportedPost.source == source)
    return set(session.scalars(mine))


def unpublished(session: Session, publication_id: int, slugs: Collection[str] | None = None) -> list[ImportedIssue]:
    """The imported issues, or those of these slugs, that are not in the archive yet; oldest first."""
    rows = _imports(publication_id, in_archive=False).order_by(*_BY_DATE)
    if slugs is not None:
        rows = rows.where(Issue.slug.in_(slugs))
    return [ImportedIssue(*row) for row in session.execute(rows)]


def count_imports(session: Session, publication_id: int) -> ImportCounts:
    """How many issues were imported, by whether they are in the archive."""
    counted = select(func.count(), func.count(Issue.letter_id)).select_from(ImportedPost)
    counted = counted.join(Issue, Issue.id == ImportedPost.issue_id).where(*_of_publication(publication_id))
    total, published = session.execute(counted).one()
    return ImportCounts(total - published, published)


def page_of_imports(
    session: Session, publication_id: int, turn: PageRequest = FIRST_PAGE, size: int = 50, *, in_archive: bool
) -> Page[ImportedIssue]:
    """A page of the imported issues that are, or are not, in the archive; newest first by their old dates."""

    def fetch(rows: Select[*tuple[Any, ...]]) -> list[ImportedIssue]:
        return [ImportedIssue(*row) for row in session.execute(rows)]

    def keys_of(issue_id: int) -> Any:
        at = session.scalar(select(ImportedPost.posted_at).where(ImportedPost.issue_id == issue_id))
        return tuple_(literal(at, ImportedPost.posted_at.type), issue_id)

    order: Order[ImportedIssue] = Order(_BY_DATE, lambda row: row.issue.id, newest_first=True, keys_of=keys_of)
    return order.page(fetch, _imports(publication_id, in_archive=in_archive), turn, size)


def _imports(publication_id: int, *, in_archive: bool) -> Select[Issue, ImportedPost]:
    rows = select(Issue, ImportedPost).join(ImportedPost, ImportedPost.issue_id == Issue.id)
    is_there = Issue.letter_id.is_not(None) if in_archive else Issue.letter_id.is_(None)
    return rows.where(*_of_publication(publication_id), is_there)


def _of_publication(publication_id: int) -> tuple[ColumnElement[bool], ...]:
    return ImportedPost.publication_id == publication_id, ImportedPost.source != SAMPLE


def slug_at(session: Session, path: str) -> str | None:
    """The slug of the published issue that had this path on its old site; None if there is none."""
    wanted = path.rstrip("/")
    if "\0" in path or not wanted or len(wanted) > LONGEST_PATH:
        return None
    found = select(Issue.slug).join(ImportedPost, ImportedPost.issue_id == Issue.id).join(Issue.letter)
    found = found.where(ImportedPost.old_path == wanted, Letter.started_at.is_not(None))
    return session.scalar(found.order_by(Issue.id).limit(1))
