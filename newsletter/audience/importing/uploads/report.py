"""The report of an uploaded list's import: what became of each row, kept for 30 days in compressed parts.

The fates of a group of rows are stored in the transaction that imports it, so a report tells what happened even if the
worker is killed. A reader who is erased is removed from every report.
"""

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.audience.importing.plan import RowFate
from newsletter.audience.importing.reading.csv_reader import RefusedRow
from newsletter.db import Base, insert, word

SHOWN = 20
"""The rows of each fate that a page shows."""
_LEVEL = 1


class PartKind(StrEnum):
    """What a part holds."""

    SAMPLES = "samples"
    """The first rows of each fate, of a dry run."""
    HEADER = "header"
    """The titles of a list's columns."""
    REFUSED = "refused"
    FATES = "fates"


class ReportPart(Base):
    """Some rows of a report, as compressed lines of JSON."""

    __tablename__ = "import_report_parts"
    __table_args__ = (UniqueConstraint("upload_id", "kind", "list_number", "first_line"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    upload_id: Mapped[int] = mapped_column(ForeignKey("import_uploads.id"))
    kind: Mapped[PartKind] = mapped_column(word(PartKind))
    list_number: Mapped[int]
    first_line: Mapped[int]
    rows: Mapped[bytes] = mapped_column(LargeBinary)


class Samples:
    """The first rows of each fate."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._rows: list[RowFate] = []

    def add(self, fates: Iterable[RowFate]) -> None:
        """Keep those of which there are not enough yet."""
        for fate in fates:
            if self._count[fate.fate] < SHOWN:
                self._count[fate.fate] += 1
                self._rows.append(fate)

    def store(self, session: Session, upload_id: int) -> None:
        """Store them."""
        _store(session, upload_id, PartKind.SAMPLES, 0, 0, self._rows)


def store_headers(session: Session, upload_id: int, headers: Iterable[Sequence[str]]) -> None:
    """Store the titles of each list, under which its refused rows are written."""
    for number, header in enumerate(headers):
        _store(session, upload_id, PartKind.HEADER, number, 1, [header])


def store_fates(session: Session, upload_id: int, list_number: int, fates: Sequence[RowFate]) -> None:
    """Store what became of a group of rows."""
    if fates:
        # An old list must not bring back the address of somebody who was erased here.
        remembered = [fate._replace(email="") if fate.reason == "erased here" else fate for fate in fates]
        _store(session, upload_id, PartKind.FATES, list_number, remembered[0].line, remembered)


def store_refused(session: Session, upload_id: int, list_number: int, refused: Sequence[RefusedRow]) -> None:
    """Store refused rows; storing the same rows again has no effect."""
    rows = [(one.line, one.reason, *one.cells) for one in refused]
    _store(session, upload_id, PartKind.REFUSED, list_number, refused[0].line, rows)


def samples(session: Session, upload_id: int) -> dict[str, list[RowFate]]:
    """The first rows of each fate."""
    found: dict[str, list[RowFate]] = {}
    for _, row in rows_of(session, upload_id, PartKind.SAMPLES):
        found.setdefault(row[2], []).append(RowFate(*row))
    return found


def refused_sheet(session: Session, upload_id: int) -> Iterator[list[Any]]:
    """The lines of a CSV file of all refused rows, under the titles of their list: it can be corrected and uploaded."""
    titles = dict(rows_of(session, upload_id, PartKind.HEADER))
    last = -1
    for number, row in rows_of(session, upload_id, PartKind.REFUSED):
        if number != last:
            yield ["line", "reason", *titles.get(number, [])]
            last = number
        yield row


def rows_of(session: Session, upload_id: int, kind: PartKind) -> Iterator[tuple[int, list[Any]]]:
    """Every row of that kind with the number of its list, part by part."""
    parts = select(ReportPart.list_number, ReportPart.rows).where(
        ReportPart.upload_id == upload_id, ReportPart.kind == kind
    )
    ordered = parts.order_by(ReportPart.list_number, ReportPart.first_line).execution_options(yield_per=1)
    for number, rows in session.execute(ordered):
        yield from ((number, row) for row in _rows(rows))


def clear_report(session: Session, upload_id: int) -> None:
    """Delete all that is kept of an upload's rows."""
    session.execute(delete(ReportPart).where(ReportPart.upload_id == upload_id))


def erase_address(session: Session, *spellings: str) -> None:
    """Blank out the rows of the person with that address, in every report."""
    for part, rows, hit in _parts_about(session, spellings):
        for row in hit:
            # The line and the fate stay, so that the counts stay right.
            row[1:] = ["erased"] if part.kind is PartKind.REFUSED else ["", *row[2:4], "erased here"]
        session.execute(update(ReportPart).where(ReportPart.id == part.id).values(rows=_packed(rows)))


def told_of(session: Session, *spellings: str) -> list[dict[str, Any]]:
    """What the stored reports say about the person with that address, as plain JSON values."""
    return [
        {"kind": part.kind.value, "list": part.list_number, "row": row}
        for part, _, hit in _parts_about(session, spellings)
        for row in hit
    ]


def _parts_about(session: Session, spellings: Sequence[str]) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """The parts with rows about an address: each with all its rows, and those."""
    wanted = re.compile(rf"(?<![\w.+-])({'|'.join(map(re.escape, set(spellings)))})(?![\w-])", re.IGNORECASE)
    parts = select(ReportPart.id, ReportPart.kind, ReportPart.list_number).order_by(ReportPart.id)
    for part in session.execute(parts).all():
        stored = session.scalars(select(ReportPart.rows).where(ReportPart.id == part.id)).one()
        text = zlib.decompress(stored).decode().casefold()
        # Most parts do not mention them, and parsing all of a million rows would take seconds.
        if not any(each.casefold() in text for each in spellings):
            continue
        rows = list(_rows(stored))
        if hit := [row for row in rows if any(isinstance(cell, str) and wanted.search(cell) for cell in row)]:
            yield part, rows, hit


def _store(
    session: Session, upload_id: int, kind: PartKind, list_number: int, first_line: int, rows: Sequence[Sequence[Any]]
) -> None:
    part = {"upload_id": upload_id, "kind": kind, "list_number": list_number, "first_line": first_line}
    session.execute(insert(session, ReportPart).values(**part, rows=_packed(rows)).on_conflict_do_nothing())


def _packed(rows: Iterable[Sequence[Any]]) -> bytes:
    return zlib.compress("\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(), _LEVEL)


def _rows(stored: bytes) -> Iterator[list[Any]]:
    text = zlib.decompress(stored).decode()
    return map(json.loads, text.split("\n")) if text else iter(())
