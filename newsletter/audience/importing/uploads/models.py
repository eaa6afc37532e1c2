"""Uploaded lists: the file in the data folder, its settings, and the state of its import."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from newsletter.audience.importing import progress
from newsletter.audience.importing.column_fields import ColumnChoices
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.plan import ImportTerms, Tally
from newsletter.audience.importing.progress import Import, ImportSettings, ImportState
from newsletter.audience.models import Status
from newsletter.db import UNSYNCED, Base, word
from newsletter.delivery.workers.upload_queue import UploadedFile, UploadQueue
from newsletter.errors import Conflict, NotFound
from newsletter.publications import Publication
from newsletter.system.uploaded_files import clean_file_name

LEASE = timedelta(minutes=1)
KEPT = timedelta(days=30)
"""How long the report of an import that is over is kept."""
FORGOTTEN = timedelta(days=7)
"""After so long, an upload that nobody went on with is cancelled."""


class UploadState(StrEnum):
    """Where an uploaded list stands."""

    DRAFT = "draft"
    """It waits for answers about its columns, or for its dry run to be asked for."""
    CHECKING = "checking"
    """Its dry run is under way."""
    CHECKED = "checked"
    """The dry run is done, and somebody has to confirm."""
    IMPORTING = "importing"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"
    FAILED = "failed"


UNDER_WAY = (UploadState.CHECKING, UploadState.IMPORTING)
OVER = (UploadState.CANCELLED, UploadState.DONE, UploadState.FAILED)


class ImportUpload(UploadedFile, Base):
    """One uploaded list."""

    __tablename__ = "import_uploads"
    __table_args__ = (Index(None, "publication_id", "id"), Index(None, "state", "changed_at"))

    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Its settings, as `ImportSettings.as_json` gives them."""
    revision: Mapped[int] = mapped_column(default=0)
    """Counts the times that the settings were changed: only what was checked is imported."""
    state: Mapped[UploadState] = mapped_column(word(UploadState), default=UploadState.DRAFT)
    counts: Mapped[dict[str, Any]] = mapped_column(JSON)
    rows_done: Mapped[int] = mapped_column(BigInteger, default=0)
    percent: Mapped[int] = mapped_column(default=0)
    """How much of the current list has been read."""
    import_id: Mapped[int | None] = mapped_column(ForeignKey("imports.id"))
    changed_at: Mapped[datetime]
    publication: Mapped[Publication] = relationship(lazy="joined")

    @property
    def version(self) -> str:
        """A value that a form sends back to prove that it is about the list as its page showed it."""
        return f"{self.sha256[:12]}.{self.revision}"

    @property
    def tally(self) -> Tally:
        """The counts so far."""
        return progress.tally_of(self.counts)

    def import_settings(self) -> ImportSettings:
        """What was said of it."""
        stored = self.settings
        return ImportSettings(
            ImportTerms(Status(stored["status"]), stored["consent"], vouched=stored["vouched"]),
            ColumnChoices(
                {title: FieldKind(kind) for title, kind in stored["mapped"].items()}, frozenset(stored["ignored"])
            ),
            stored["source"],
            stored["encoding"],
        )


QUEUE = UploadQueue(ImportUpload, ImportUpload.state, UNDER_WAY, LEASE)
"""The lists that a worker is to check or to import."""


def add_upload(
    session: Session,
    publication: Publication,
    file_name: str,
    stored: tuple[str, str, int],
    operator: str,
    now: datetime,
) -> ImportUpload:
    """Add an upload that `uploaded_files.store_file` wrote."""
    stored_name, sha256, size = stored
    added = ImportUpload(
        publication=publication,
        file_name=clean_file_name(file_name),
        stored_name=stored_name,
        sha256=sha256,
        size=size,
        operator=operator,
        settings=ImportSettings(ImportTerms()).as_json(),
        counts=progress.counts_of(Tally()),
        created_at=now,
        changed_at=now,
    )
    session.add(added)
    session.flush()
    return added


def find_upload(session: Session, upload_id: int, publication: Publication) -> ImportUpload:
    """The upload of that id; NotFound if it is none of this publication's, or no longer kept."""
    found = session.get(ImportUpload, upload_id)
    if found is None or found.publication_id != publication.id:
        raise NotFound("This import is no longer kept, or belongs to another publication.")
    return found


def latest_uploads(session: Session, publication: Publication, most: int) -> Sequence[ImportUpload]:
    """A publication's newest uploads."""
    mine = select(ImportUpload).where(ImportUpload.publication_id == publication.id)
    return session.scalars(mine.order_by(ImportUpload.id.desc()).limit(most)).all()


def answer_questions(
    session: Session, upload: ImportUpload, version: str, settings: ImportSettings, now: datetime
) -> None:
    """Store the settings of a list, which makes an earlier dry run of it void."""
    _require(upload, version)
    _move(session, upload, (UploadState.DRAFT, UploadState.CHECKED), UploadState.DRAFT, now)
    upload.settings, upload.fault = settings.as_json(), ""
    upload.revision += 1


def start_work(session: Session, upload: ImportUpload, version: str, state: UploadState, now: datetime) -> None:
    """Let the worker check or import a list as it was last shown; Conflict if it has changed since."""
    _require(upload, version)
    before = UploadState.DRAFT if state is UploadState.CHECKING else UploadState.CHECKED
    _move(session, upload, (before,), state, now)
    upload.counts, upload.rows_done, upload.percent = progress.counts_of(Tally()), 0, 0


def pause_import(session: Session, upload: ImportUpload, now: datetime) -> None:
    """Stop an import after the rows that are being written now."""
    _move(session, upload, (UploadState.IMPORTING,), UploadState.PAUSED, now)
    _move_import(session, upload, ImportState.PAUSED)


def resume_import(session: Session, upload: ImportUpload, now: datetime) -> None:
    """Go on with a paused import where it is."""
    _move(session, upload, (UploadState.PAUSED,), UploadState.IMPORTING, now)
    _move_import(session, upload, ImportState.RUNNING)


def cancel_import(session: Session, upload: ImportUpload, now: datetime) -> None:
    """End it; readers who are imported already stay."""
    _move(session, upload, tuple(state for state in UploadState if state not in OVER), UploadState.CANCELLED, now)
    _move_import(session, upload, ImportState.CANCELLED)


def _require(upload: ImportUpload, version: str) -> None:
    if version != upload.version:
        raise Conflict("This list was changed in another window. Nothing was done; look at it again, then decide.")


def _move(
    session: Session, upload: ImportUpload, before: Sequence[UploadState], after: UploadState, now: datetime
) -> None:
    mine = update(ImportUpload).where(ImportUpload.id == upload.id, ImportUpload.state.in_(before))
    moved = session.execute(mine.values(state=after, changed_at=now), execution_options=UNSYNCED)
    session.refresh(upload)
    if not moved.rowcount:  # type: ignore[attr-defined]
        raise Conflict(f"Nothing was done: this import is {upload.state} by now. Look at it again.")


def _move_import(session: Session, upload: ImportUpload, state: ImportState) -> None:
    mine = update(Import).where(Import.id == upload.import_id, Import.state != ImportState.DONE)
    session.execute(mine.values(state=state), execution_options=UNSYNCED)
    # No more than these rows are written from now on.
    if found := session.get(Import, upload.import_id, populate_existing=True) if upload.import_id else None:
        upload.counts = found.counts
