"""Uploaded files that wait for a worker: which of them has one, and what becomes of a file whose work fails.

A worker holds a lease on its file, and renews it with whatever it stores; once the lease has ended, another worker
continues, and the first can store nothing more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import ColumnElement, ForeignKey, String, Text, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from newsletter.db import AWAY, UNSYNCED, Sessions
from newsletter.delivery.workers.context import WorkerContext
from newsletter.errors import PressError
from newsletter.system import memory
from newsletter.system.uploaded_files import LONGEST_NAME

_UNFORESEEN = (
    "The program failed at this file, and the worker's log says why. "
    "Upload the file again when that is mended: nothing is imported twice"
)

log = structlog.get_logger(__name__)


class UploadedFile:
    """The columns that every table of uploaded files has."""

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    file_name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    """As it was called where it came from; its name in the data folder is `stored_name`."""
    stored_name: Mapped[str] = mapped_column(String(64))
    operator: Mapped[str] = mapped_column(String(254))
    fault: Mapped[str] = mapped_column(Text, default="")
    """Why it could not be imported."""
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    claimed_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


F = TypeVar("F", bound=UploadedFile)


@dataclass(frozen=True, slots=True)
class UploadQueue(Generic[F]):
    """The uploaded files of one table, of which a worker does those in certain states."""

    table: type[F]
    state: InstrumentedAttribute[Any]
    under_way: Sequence[StrEnum]
    lease: timedelta

    def process_all(
        self,
        sessions: Sessions,
        worker: WorkerContext,
        work: Callable[[F], object],
        fail: Callable[[F, str], object],
    ) -> None:
        """Process one file after another until none waits; `fail` is called, with the reason, for one that fails."""
        while not worker.is_stopping() and (file := self._next(sessions, worker)):
            try:
                work(file)
            except PressError as error:
                fail(file, str(error))
            except AWAY:
                raise
            except Exception:
                # Left as it is, it would be tried for ever, and be seen as under way.
                log.exception("an uploaded file could not be imported", kind=self.table.__name__, file=file.id)
                fail(file, _UNFORESEEN)
            finally:
                with sessions.begin() as session:
                    self.release(session, file.id, worker.name)
                # Else a worker, which runs for months, would keep what it needed for this file.
                sessions.close_idle()
                memory.give_back()

    def has_work(self, session: Session, now: datetime) -> bool:
        """Whether `claim` would find one."""
        return session.scalar(select(self.table.id).where(*self._is_free(now)).limit(1)) is not None

    def claim(self, session: Session, worker: str, now: datetime) -> F | None:
        """The next file that is to be worked on, and that no living worker has."""
        found = session.scalar(select(self.table.id).where(*self._is_free(now)).order_by(self.table.id).limit(1))
        mine = update(self.table).where(self.table.id == found, *self._is_free(now))
        mine = mine.values(claimed_by=worker, claimed_until=now + self.lease)
        taken = session.execute(mine, execution_options=UNSYNCED)
        return session.get_one(self.table, found) if taken.rowcount else None  # type: ignore[attr-defined]

    def renew(self, session: Session, file_id: int, worker: str, doing: StrEnum, now: datetime, **values: Any) -> bool:
        """Store how far it has come and renew the lease; False if it was stopped, or another worker has it."""
        mine = update(self.table).where(self.table.id == file_id, self.table.claimed_by == worker, self.state == doing)
        mine = mine.values(claimed_until=now + self.lease, **values)
        renewed = session.execute(mine, execution_options=UNSYNCED)
        return bool(renewed.rowcount)  # type: ignore[attr-defined]

    def release(self, session: Session, file_id: int, worker: str) -> None:
        """Give it back, so that the next worker need not wait for the lease to end."""
        mine = update(self.table).where(self.table.id == file_id, self.table.claimed_by == worker)
        session.execute(mine.values(claimed_by=None, claimed_until=None), execution_options=UNSYNCED)

    def _next(self, sessions: Sessions, worker: WorkerContext) -> F | None:
        with sessions.reading() as session:
            if not self.has_work(session, worker.clock()):
                return None
        with sessions.begin() as session:
            if file := self.claim(session, worker.name, worker.clock()):
                session.expunge(file)
            return file

    def _is_free(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        """The conditions of a file that is to be worked on, and that no living worker has."""
        free = or_(self.table.claimed_until.is_(None), self.table.claimed_until < now)
        return self.state.in_(self.under_way), free
