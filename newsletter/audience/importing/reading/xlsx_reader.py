"""Workbooks (XLSX): each cell as the text that a CSV export would have."""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZipFile, ZipInfo

from newsletter.audience.importing.reading.csv_reader import CsvFile, CsvRow
from newsletter.audience.importing.reading.zip_reader import check_sizes
from newsletter.errors import Invalid
from newsletter.i18n import formats

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

MAX_BYTES = 64 << 20
"""Of the packed workbook."""
MAX_UNPACKED = 256 << 20
MAX_CELLS = 1_500_000
"""Of the rectangle that a sheet's cells span, for all of it is held in memory, about 80 bytes a cell."""
_CELL = re.compile(rb"\br\s*=\s*[\"']\s*([A-Za-z]{1,7})(\d{1,9})")
_CHUNK = 1 << 20
_LONGEST_REFERENCE = 64
_PART = "xl/workbook.xml"
_DAMAGED = "this workbook is damaged or cut off; save it again, or save its sheet as CSV UTF-8"


def is_workbook(opened: ZipFile) -> bool:
    """Whether a zip is a workbook."""
    return _PART in opened.NameToInfo


def check_workbook(opened: ZipFile) -> None:
    """Invalid for one that would unpack to too much, or whose parts are damaged."""
    check_sizes(opened.infolist(), MAX_UNPACKED)
    if sum(entry.compress_size for entry in opened.infolist()) > MAX_BYTES:
        raise Invalid(f"this workbook has more than {MAX_BYTES >> 20} MB; save its sheet as CSV UTF-8, and import that")
    try:
        broken = opened.testzip()
    except Exception:
        broken = _PART
    if broken:
        raise Invalid(_DAMAGED)
    for entry in opened.infolist():
        if entry.filename.startswith("xl/worksheets/") and _span(opened, entry) > MAX_CELLS:
            raise Invalid(
                f"a sheet of this workbook spans more than {formats.number(MAX_CELLS)} cells; "
                "save it as CSV UTF-8, and import that"
            )


def _span(opened: ZipFile, entry: ZipInfo) -> int:
    """The cells of the rectangle between the first cell of a sheet and the farthest."""
    widest, lowest, rest = 0, 0, b""
    with opened.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            found = _CELL.findall(rest + chunk)
            widest = max([widest, *({_column(letters) for letters in {letters for letters, _ in found}})])
            lowest = max([lowest, *(int(number) for _, number in found)])
            rest = chunk[-_LONGEST_REFERENCE:]
    return widest * lowest


def _column(letters: bytes) -> int:
    """The number of a column, from 1: A, B … Z, AA."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number


def read_workbook(file: IO[bytes], name: str) -> Iterator[CsvFile]:
    """Each visible sheet that has rows; Invalid for a workbook that cannot be read."""
    # Imported here, because the library takes memory in every process, and few read a workbook.
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    try:
        workbook = CalamineWorkbook.from_filelike(file)
        visible = [one.name for one in workbook.sheets_metadata if one.visible is SheetVisibleEnum.Visible]
        sheets = [sheet for sheet in map(workbook.get_sheet_by_name, visible) if sheet.height]
    except (CalamineError, OSError, ValueError):
        raise Invalid(f"{name}: {_DAMAGED}") from None
    if not sheets:
        raise Invalid(f"{name}: line 1: the file is empty")
    for sheet in sheets:
        # A CSV file that was saved as a workbook has its old name as that of the sheet.
        file_name = f"{sheet.name} {Path(name).name}"
        yield _opened(sheet, name if len(sheets) == 1 else f"{name}, sheet {sheet.name!r}", file_name)


def _opened(sheet: "CalamineSheet", name: str, file_name: str) -> CsvFile:
    progress = _Progress(sheet)
    rows = iter(progress)
    return CsvFile(name, next(rows), rows, sheet.total_height, progress.tell, file_name)


class _Progress:
    """The rows of a sheet, and how many were read."""

    def __init__(self, sheet: "CalamineSheet") -> None:
        self._sheet = sheet
        self._read = 0
        self._merged = _MergedCells(sheet)

    def tell(self) -> int:
        return self._read

    def __iter__(self) -> Iterator[CsvRow]:
        first = (self._sheet.start or (0, 0))[0] + 1
        for number, cells in enumerate(self._sheet.iter_rows(), first):
            self._read = number
            texts = [cell if isinstance(cell, str) else _text(cell) for cell in cells]
            is_blank = not any(text.strip() for text in texts)
            self._merged.fill(number, texts)
            if not is_blank:
                yield CsvRow(number, _without_blank_end(texts))


class _MergedCells:
    """Cells that are merged with those below: each of their rows has the text, which only the first one stores."""

    def __init__(self, sheet: "CalamineSheet") -> None:
        left = (sheet.start or (0, 0))[1]
        self._beginning: dict[int, list[tuple[int, int]]] = {}
        self._under_way: dict[int, tuple[int, str]] = {}
        """By its column, the last row of a merged cell, and the text."""
        for (top, column), (bottom, _) in sheet.merged_cell_ranges or ():
            if bottom > top and column >= left:
                self._beginning.setdefault(top + 1, []).append((column - left, bottom + 1))

    def fill(self, number: int, texts: list[str]) -> None:
        """Put the text of each merged cell into its place in this row, the next one of the sheet."""
        for column, (last, text) in list(self._under_way.items()):
            texts[column] = texts[column] or text
            if last <= number:
                del self._under_way[column]
        for column, last in self._beginning.pop(number, ()):
            if column < len(texts):
                self._under_way[column] = last, texts[column]


def _without_blank_end(texts: list[str]) -> list[str]:
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return str(cell)
