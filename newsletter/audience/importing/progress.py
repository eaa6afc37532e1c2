"""The progress of an import, stored in the transaction of each group: after a kill it continues from there.

Each row is counted and written once, by the process that moves the place on: of two that run the same import at once,
only one gets each group. Pausing and cancelling take effect at the next group.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import JSON, ForeignKey, Index, String, column, exists, select, table, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.audience import consent
from newsletter.audience.importing.column_fields import ColumnChoices
from newsletter.audience.importing.plan import ImportTerms, Tally
from newsletter.audience.importing.reading.files import ListFile
from newsletter.audience.models import ImportedFile
from newsletter.db import UNSYNCED, Base, word
from newsletter.errors import Conflict
from newsletter.publications import Publication

_LONGEST_NAME = 255
# An upload at the desk has its own page, where somebody resumes or cancels its import; its model builds on this module.
_UPLOADS = table("import_uploads", column("import_id"))


class ImportState(StrEnum):
    """Where an import stands."""

    RUNNING = "running"
    """Under way, or broken off by a crash."""
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class Import(Base):
    """One file that is, or was, imported: its settings, and how far the import has come."""

    __tablename__ = "imports"
    __table_args__ = (Index(None, "publication_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    file_id: Mapped[int] = mapped_column(ForeignKey("imported_files.id"))
    file_name: Mapped[str] = mapped_column(String(_LONGEST_NAME))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The settings: source, columns, encoding, terms."""
    state: Mapped[ImportState] = mapped_column(word(ImportState), default=ImportState.RUNNING)
    list_number: Mapped[int] = mapped_column(default=0)
    """Which list of the file is being done, from 0."""
    next_line: Mapped[int] = mapped_column(default=0)
    """All lines before it are done, and `rows_done` of the rows that are sorted together from there on."""
    rows_done: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Place(NamedTuple):
    """The position up to which an import is done."""

    list_number: int = 0
    next_line: int = 0
    rows_done: int = 0


START = Place()


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """The settings of an import."""

    terms: ImportTerms
    choices: ColumnChoices = field(default_factory=ColumnChoices)
    source: str = ""
    encoding: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same in plain JSON values."""
        return {
            "status": self.terms.status.value,
            "consent": self.terms.consent,
            "vouched": self.terms.vouched,
            "mapped": dict(sorted(self.choices.mapped.items())),
            "ignored": sorted(self.choices.ignored),
            "source": self.source,
            "encoding": self.encoding,
        }


def begin(
    session: Session,
    publication: Publication,
    file: ListFile,
    settings: ImportSettings,
    operator: str,
    now: datetime,
) -> Import:
    """The import of this file by these settings that was broken off, or a new one.

    A new one ends those that the same operator began from a file of that name, which has changed since or is read
    otherwise now: nobody goes on with them.
    """
    stored = json.loads(json.dumps(settings.as_json()))
    asked = select(Import).join(ImportedFile).where(ImportedFile.sha256 == file.sha256)
    asked = asked.where(Import.publication_id == publication.id, Import.state == ImportState.RUNNING).order_by(
        Import.id.desc()
    )
    found = next((one for one in session.scalars(asked) if one.settings == stored), None)
    if found is None:
        name = file.name[-_LONGEST_NAME:]
        _end_abandoned(session, publication, name, operator, now)
        found = Import(
            publication_id=publication.id,
            file_name=name,
            file_id=consent.store_file(session, file.sha256, operator, now),
            settings=stored,
            counts=counts_of(Tally()),
            created_at=now,
        )
        session.add(found)
        session.flush()
    return found


def _end_abandoned(session: Session, publication: Publication, file_name: str, operator: str, now: datetime) -> None:
    theirs = select(ImportedFile.id).where(ImportedFile.operator == operator)
    older = update(Import).where(
        Import.publication_id == publication.id,
        Import.file_name == file_name,
        Import.state == ImportState.RUNNING,
        Import.file_id.in_(theirs),
        ~exists().where(_UPLOADS.c.import_id == Import.id),
    )
    session.execute(older.values(state=ImportState.CANCELLED, finished_at=now), execution_options=UNSYNCED)


def place_of(found: Import) -> Place:
    """The position up to which it is done."""
    return Place(found.list_number, found.next_line, found.rows_done)


def advance(session: Session, import_id: int, old: Place, new: Place, tally: Tally) -> None:
    """Move the place on, in the transaction that did what lies between; Conflict if it was moved or stopped."""
    at_old_place = (
        Import.list_number == old.list_number,
        Import.next_line == old.next_line,
        Import.rows_done == old.rows_done,
    )
    mine = update(Import).where(Import.id == import_id, Import.state == ImportState.RUNNING, *at_old_place)
    moved = session.execute(mine.values(**new._asdict(), counts=counts_of(tally)), execution_options=UNSYNCED)
    if not moved.rowcount:  # type: ignore[attr-defined]
        state = session.scalar(select(Import.state).where(Import.id == import_id))
        why = "another process is doing it" if state is ImportState.RUNNING else f"it is {state}"
        raise Conflict(f"this import was stopped: {why}; what it did so far stays")


def finish(session: Session, import_id: int, now: datetime) -> None:
    """Mark the import as done."""
    mine = update(Import).where(Import.id == import_id, Import.state == ImportState.RUNNING)
    session.execute(mine.values(state=ImportState.DONE, finished_at=now), execution_options=UNSYNCED)


def counts_of(tally: Tally) -> dict[str, Any]:
    """A tally in plain JSON values."""
    counts = {each.name: getattr(tally, each.name) for each in fields(tally)}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in counts.items()}


def tally_of(counts: Mapping[str, Any]) -> Tally:
    """The tally that `counts_of` was given."""
    return Tally(**counts)
