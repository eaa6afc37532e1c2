"""The bin: deleted issues, kept for 30 days with every revision and unsaved text, so that they can be restored.

A deleted issue is one row of plain data. It is no issue any more, so no list, search or job has to leave it out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import UNSYNCED, Base, UtcDateTime
from newsletter.editorial.issues import issue_store, slugs
from newsletter.editorial.models import AttachedPicture, Draft, Issue, Revision, RevisionPicture
from newsletter.errors import Conflict, NotFound

KEPT_FOR = timedelta(days=30)
_A_GROUP = 100
_FORMER = "former_slugs"
_KEPT_OF_ISSUE = (
    *("file_name", "slug_is_provisional", "subject", "created_at", "revision_number", "segment_id"),
    *("note", "note_number", "note_by", "note_at"),
)

Cells = dict[str, Any]
"""A row as JSON: times in ISO 8601."""


class DeletedIssue(Base):
    """A deleted issue with all of its text."""

    __tablename__ = "deleted_issues"
    __table_args__ = (
        # An open page may still name a deleted one, whose id must never be reused.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"), index=True)
    issue_id: Mapped[int]
    """The id that it had, by which the audit log knows it."""
    slug: Mapped[str] = mapped_column(String(120))
    title: Mapped[str] = mapped_column(Text)
    deleted_at: Mapped[datetime] = mapped_column(index=True)
    deleted_by: Mapped[str] = mapped_column(String(254))
    issue: Mapped[Cells] = mapped_column(JSON)
    revisions: Mapped[list[Cells]] = mapped_column(JSON)
    drafts: Mapped[list[Cells]] = mapped_column(JSON)
    pictures: Mapped[list[Cells]] = mapped_column(JSON)
    """The pictures that were uploaded to it."""


def discard(session: Session, issue: Issue, by: str, now: datetime) -> DeletedIssue:
    """Move an issue into the bin; Conflict if it was ever scheduled. Approvals and test mails are not deleted."""
    issue_store.lock(session, issue)
    deleted = DeletedIssue(
        publication_id=issue.publication_id,
        issue_id=issue.id,
        slug=issue.slug,
        title=issue.title,
        deleted_at=now,
        deleted_by=by,
        issue=_cells(issue, *_KEPT_OF_ISSUE) | {_FORMER: slugs.former_slugs(session, issue)},
        revisions=[_revision(each) for each in _rows(session, Revision, issue)],
        drafts=[_cells(each, *_columns(Draft)) for each in _rows(session, Draft, issue)],
        pictures=[_cells(each, *_columns(AttachedPicture)) for each in _rows(session, AttachedPicture, issue)],
    )
    issue_store.remove(session, issue)
    session.add(deleted)
    session.flush()
    return deleted


def restore_issue(session: Session, publication_id: int, deleted_id: int) -> Issue:
    """Make it an issue again, as a draft; Conflict if another issue has its slug by now, NotFound if it is not here."""
    deleted = find(session, publication_id, deleted_id)
    if session.scalar(select(Issue.id).where(Issue.slug == deleted.slug)) is not None:
        raise Conflict(
            f"There is another issue “{deleted.slug}” now. Give that one another slug, then restore this one."
        )
    cells = {name: value for name, value in deleted.issue.items() if name != _FORMER}
    issue = Issue(publication_id=publication_id, slug=deleted.slug, title=deleted.title, **_values(Issue, cells))
    # Its old id, if no other issue has taken it since: then its history in the audit log is its own again.
    issue.id = deleted.issue_id if session.get(Issue, deleted.issue_id) is None else None  # type: ignore[assignment]
    session.add(issue)
    session.flush()
    slugs.restore_former(session, issue, deleted.issue.get(_FORMER, ()))
    for cells in deleted.revisions:
        pictures = [RevisionPicture(**each) for each in cells["pictures"]]
        texts = {name: value for name, value in cells.items() if name != "pictures"}
        session.add(Revision(issue_id=issue.id, pictures=pictures, **_values(Revision, texts)))
    for table, rows in ((Draft, deleted.drafts), (AttachedPicture, deleted.pictures)):
        session.add_all(table(issue_id=issue.id, **_values(table, cells)) for cells in rows)
    session.delete(deleted)
    session.flush()
    issue_store.index(session, issue)
    return issue


def find(session: Session, publication_id: int, deleted_id: int) -> DeletedIssue:
    """The deleted issue of that id; NotFound if it was restored, or its 30 days are over."""
    deleted = session.get(DeletedIssue, deleted_id)
    if deleted is None or deleted.publication_id != publication_id:
        raise NotFound("This issue is no longer in the bin: it was restored, or deleted for good.")
    return deleted


def deleted_issues(session: Session, publication_id: int) -> Sequence[DeletedIssue]:
    """What is in the bin, the last deleted first."""
    deleted = select(DeletedIssue).where(DeletedIssue.publication_id == publication_id)
    return session.scalars(deleted.order_by(DeletedIssue.deleted_at.desc(), DeletedIssue.id.desc())).all()


def count_deleted(session: Session, publication_id: int) -> int:
    """How many deleted issues are in the bin."""
    deleted = select(func.count()).where(DeletedIssue.publication_id == publication_id)
    return session.scalar(deleted) or 0


def delete_for_good(session: Session, publication_id: int, deleted_id: int) -> str:
    """Empty the bin of one issue; returns its title."""
    deleted = find(session, publication_id, deleted_id)
    session.delete(deleted)
    return deleted.title


def prune(session: Session, now: datetime) -> int:
    """Delete a group of issues whose 30 days in the bin are over; returns how many."""
    over = select(DeletedIssue.id).where(DeletedIssue.deleted_at < now - KEPT_FOR).limit(_A_GROUP)
    deletion = delete(DeletedIssue).where(DeletedIssue.id.in_(over)).returning(DeletedIssue.id)
    return len(session.scalars(deletion, execution_options=UNSYNCED).all())


def _rows(session: Session, table: Any, issue: Issue) -> Sequence[Any]:
    in_order = select(table).order_by(*table.__table__.primary_key.columns)
    return session.scalars(in_order.where(table.issue_id == issue.id)).all()


def _revision(revision: Revision) -> Cells:
    cells = _cells(revision, *(name for name in _columns(Revision) if name != "id"))
    return cells | {"pictures": [{"name": one.name, "file_name": one.file_name} for one in revision.pictures]}


def _columns(table: type[Base]) -> list[str]:
    return [column.key for column in table.__table__.columns if column.key != "issue_id"]


def _cells(row: Base, *names: str) -> Cells:
    values = {name: getattr(row, name) for name in names}
    return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in values.items()}


def _values(table: type[Base], cells: Cells) -> Cells:
    """The values of cells, the times as times again."""
    times = {column.key for column in table.__table__.columns if isinstance(column.type, UtcDateTime)}
    return {name: datetime.fromisoformat(one) if one and name in times else one for name, one in cells.items()}
