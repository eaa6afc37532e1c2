"""Archives of posts that were uploaded at the desk, until a worker has imported them, and what became of their posts.

The worker that imports one holds a lease on it; once the lease ends, another worker continues.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, Text, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import UNSYNCED, Base, word
from newsletter.publications import Publication
from newsletter.system.uploaded_files import LONGEST_NAME

LEASE = timedelta(minutes=10)
"""A post may have many pictures, each on a slow server."""
KEPT = timedelta(days=30)


class ArchiveState(StrEnum):
    """How far the import of an archive is."""

    WAITING = "waiting"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"


UNDER_WAY = (ArchiveState.WAITING, ArchiveState.IMPORTING)


class ArchiveUpload(Base):
    """One uploaded archive."""

    __tablename__ = "archive_uploads"
    __table_args__ = (Index(None, "publication_id", "id"), Index(None, "state"))

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    file_name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    """As it was called where it came from; its name in the data folder is `stored_name`."""
    stored_name: Mapped[str] = mapped_column(String(64))
    operator: Mapped[str] = mapped_column(String(254))
    with_pictures: Mapped[bool]
    """Whether the pictures in its posts are fetched."""
    state: Mapped[ArchiveState] = mapped_column(word(ArchiveState), default=ArchiveState.WAITING)
    fault: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(String(24), default="")
    posts_done: Mapped[int] = mapped_column(default=0)
    """How many of its posts were looked at, in their order."""
    imported: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[list[Any]] = mapped_column(JSON, default=list)
    """The title of each post that was not imported, and why."""
    claimed_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


def add_upload(
    session: Session,
    publication: Publication,
    file_name: str,
    stored_name: str,
    operator: str,
    now: datetime,
    *,
    with_pictures: bool,
) -> ArchiveUpload:
    """Add an archive, whose file is stored already; a worker imports it."""
    added = ArchiveUpload(
        publication_id=publication.id,
        file_name=file_name,
        stored_name=stored_name,
        operator=operator,
        with_pictures=with_pictures,
        created_at=now,
    )
    session.add(added)
    session.flush()
    return added


def latest_uploads(session: Session, publication: Publication, most: int) -> Sequence[ArchiveUpload]:
    """A publication's newest archives."""
    mine = select(ArchiveUpload).where(ArchiveUpload.publication_id == publication.id)
    return session.scalars(mine.order_by(ArchiveUpload.id.desc()).limit(most)).all()


def next_waiting(session: Session, now: datetime) -> int | None:
    """The id of the next archive that no worker has; None if there is none."""
    return session.scalar(select(ArchiveUpload.id).where(*_is_free(now)).order_by(ArchiveUpload.id).limit(1))


def claim_upload(session: Session, upload_id: int, now: datetime) -> ArchiveUpload | None:
    """Take an archive under a lease; None if another worker was faster."""
    mine = update(ArchiveUpload).where(ArchiveUpload.id == upload_id, *_is_free(now))
    mine = mine.values(state=ArchiveState.IMPORTING, claimed_until=now + LEASE)
    taken = session.scalar(mine.returning(ArchiveUpload.id).execution_options(synchronize_session=False))
    return session.get_one(ArchiveUpload, taken) if taken else None


def store_progress(session: Session, upload_id: int, **values: Any) -> None:
    """Store what has become of an archive so far, and until when its worker has it."""
    session.execute(
        update(ArchiveUpload).where(ArchiveUpload.id == upload_id).values(**values), execution_options=UNSYNCED
    )


def prune(session: Session, now: datetime) -> set[str]:
    """Delete archives that are over, 30 days after their upload; returns the names of files still needed."""
    over = ArchiveUpload.state.not_in(UNDER_WAY)
    session.execute(delete(ArchiveUpload).where(over, ArchiveUpload.created_at < now - KEPT))
    return set(session.scalars(select(ArchiveUpload.stored_name).where(ArchiveUpload.state.in_(UNDER_WAY))))


def _is_free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """The conditions of an archive that is to be imported and that no living worker has."""
    free = or_(ArchiveUpload.claimed_until.is_(None), ArchiveUpload.claimed_until < now)
    return ArchiveUpload.state.in_(UNDER_WAY), free
