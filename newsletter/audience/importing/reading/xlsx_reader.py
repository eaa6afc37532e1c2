"""Workbooks (XLSX): each sheet that is a list is read as a stream, and each cell as a CSV export would have it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from zipfile import ZipFile, ZipInfo

from newsletter.audience.importing import headers
from newsletter.audience.importing.reading import workbook, zip_reader
from newsletter.audience.importing.reading.csv_reader import CsvFile, CsvRow, RefusedRow, naming
from newsletter.audience.importing.reading.merged_cells import MergedCells, MergedRanges, merged_ranges
from newsletter.audience.importing.reading.shared_strings import SharedStrings
from newsletter.audience.importing.reading.sheet_rows import SheetRows
from newsletter.audience.importing.reading.workbook import Sheet, Workbook
from newsletter.audience.importing.reading.xml_part import DAMAGED
from newsletter.errors import Invalid

_OTHERS = ("xl/workbook.bin", "content.xml", "Index/Document.iwa")
"""By which XLSB, OpenDocument and Numbers are known."""


def is_workbook(opened: ZipFile) -> bool:
    """Whether a zip is a workbook; Invalid for one that another program should save as XLSX."""
    if any(name in opened.NameToInfo for name in _OTHERS):
        raise Invalid("this is a workbook of another kind; save its sheet as XLSX or CSV UTF-8, and import that")
    return bool(workbook.workbook_path(opened))


def read_workbook(opened: ZipFile, name: str, unread: list[str], merged: dict[str, MergedRanges]) -> Iterator[CsvFile]:
    """Each sheet that is a list; the others are named in `unread`.

    All of the workbook is checked unless `merged` has the ranges of its sheets by their parts; they are put there.
    Invalid for a workbook that is damaged, or would unpack to too much.
    """
    with naming(name):
        zip_reader.check_sizes(opened.infolist())
        plan = workbook.read_workbook(opened)
        sheets = _lists_among(opened, plan, unread)
        if not merged:
            merged |= _checked_whole(opened)
    for sheet in sheets:
        title = name if len(sheets) == 1 else f"{name}, sheet {sheet.name!r}"
        # A CSV file that was saved as a workbook has its old name as that of the sheet.
        file_name = f"{sheet.name} {Path(name).name}"
        with _open_rows(opened, plan, sheet, merged[sheet.part.filename]) as rows:
            lines = _named(rows, title)
            header = next(lines)
            if isinstance(header, RefusedRow):
                raise Invalid(f"{title}: line {header.line}: {header.reason}")
            size = sum(part.file_size for part in (sheet.part, plan.shared) if part)
            yield CsvFile(title, header, lines, size, rows.tell, file_name)


def _checked_whole(opened: ZipFile) -> dict[str, MergedRanges]:
    """The merged cells of each sheet, by its part; Invalid if any part of the workbook is damaged."""
    try:
        return merged_ranges(opened)
    except Invalid:
        raise
    except Exception:
        raise Invalid(DAMAGED) from None


@contextmanager
def _open_rows(opened: ZipFile, plan: Workbook, sheet: Sheet, merged: MergedRanges) -> Iterator[SheetRows]:
    with opened.open(sheet.part) as rows, _open_shared(opened, plan.shared) as texts, TemporaryFile() as file:
        yield SheetRows(rows, SharedStrings(texts, file), plan.styles, MergedCells(merged))


def _open_shared(opened: ZipFile, part: ZipInfo | None) -> IO[bytes]:
    return opened.open(part) if part else BytesIO(b"<sst/>")


def _lists_among(opened: ZipFile, plan: Workbook, unread: list[str]) -> list[Sheet]:
    def having(wanted: Callable[[CsvRow | RefusedRow], bool], sheets: Sequence[Sheet]) -> list[Sheet]:
        return [sheet for sheet in sheets if _finds(opened, plan, sheet, wanted)]

    filled = having(lambda _: True, plan.sheets)
    if not filled:
        raise Invalid("line 1: the file is empty")
    # Who left is known to have left even where their list was put out of sight.
    candidates = [sheet for sheet in filled if not sheet.is_hidden or headers.names_the_gone(sheet.name)]
    if not candidates:
        raise Invalid("all its sheets are hidden; show the one with the list, and save it again")
    lists = having(_has_address, candidates) or candidates
    unread += [
        f"sheet {sheet.name[:60]!r} ({'hidden' if sheet.is_hidden else 'without an address'})"
        for sheet in filled
        if sheet not in lists
    ]
    return lists


def _finds(opened: ZipFile, plan: Workbook, sheet: Sheet, wanted: Callable[[CsvRow | RefusedRow], bool]) -> bool:
    with _open_rows(opened, plan, sheet, {}) as rows:
        return any(map(wanted, rows))


def _has_address(row: CsvRow | RefusedRow) -> bool:
    return any("@" in cell for cell in row.cells)


def _named(rows: SheetRows, title: str) -> Iterator[CsvRow | RefusedRow]:
    with naming(title):
        yield from rows
