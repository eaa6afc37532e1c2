"""Archives of posts that were uploaded at the desk, for a worker to import, and what became of their posts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base, word
from newsletter.delivery.workers.upload_queue import UploadedFile, UploadQueue
from newsletter.publications import Publication

LEASE = timedelta(minutes=10)
"""Longer than it takes to read an archive and to import one of its posts."""
KEPT = timedelta(days=30)


class ArchiveState(StrEnum):
    """How far the import of an archive is."""

    WAITING = "waiting"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"


UNDER_WAY = (ArchiveState.WAITING, ArchiveState.IMPORTING)


class ArchiveUpload(UploadedFile, Base):
    """One uploaded archive."""

    __tablename__ = "archive_uploads"
    __table_args__ = (Index(None, "publication_id", "id"), Index(None, "state"))

    with_pictures: Mapped[bool]
    """Whether the pictures in its posts are fetched."""
    state: Mapped[ArchiveState] = mapped_column(word(ArchiveState), default=ArchiveState.WAITING)
    source: Mapped[str] = mapped_column(String(24), default="")
    posts_done: Mapped[int] = mapped_column(default=0)
    """How many of its posts were looked at, in their order."""
    imported: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[list[Any]] = mapped_column(JSON, default=list)
    """The title of each post that was not imported, and why."""


QUEUE = UploadQueue(ArchiveUpload, ArchiveUpload.state, UNDER_WAY, LEASE)
"""The archives that a worker is to import."""


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


def prune(session: Session, now: datetime) -> set[str]:
    """Delete archives that are over, 30 days after their upload; returns the names of files still needed."""
    over = ArchiveUpload.state.not_in(UNDER_WAY)
    session.execute(delete(ArchiveUpload).where(over, ArchiveUpload.created_at < now - KEPT))
    return set(session.scalars(select(ArchiveUpload.stored_name).where(ArchiveUpload.state.in_(UNDER_WAY))))
