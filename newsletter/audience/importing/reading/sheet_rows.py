"""The rows of a worksheet, one after the other, each cell as the text that a CSV export would have."""

import datetime as dt
from collections.abc import Iterator, Sequence
from string import ascii_letters, digits
from typing import IO

from newsletter.audience.importing.reading.cell_columns import MOST_COLUMNS, column_number
from newsletter.audience.importing.reading.csv_reader import CsvRow, RefusedRow
from newsletter.audience.importing.reading.merged_cells import MergedCells
from newsletter.audience.importing.reading.number_formats import NumberReader, moment_text, plain_number
from newsletter.audience.importing.reading.plain_rows import PlainRows
from newsletter.audience.importing.reading.shared_strings import SharedStrings, unescaped
from newsletter.audience.importing.reading.xml_part import DAMAGED, LONGEST_TEXT, TRUE, XmlPart
from newsletter.errors import Invalid
from newsletter.i18n import formats

_HIDDEN = "this row is hidden in the workbook, as by a filter; show it if its reader is meant, too"
_MOST_ROWS = 1 << 24
"""As LibreOffice has; Excel has a sixteenth of it."""


class SheetRows(XmlPart):
    """The rows of a sheet that are not blank, each with its number and with its cells in their columns."""

    _UNIT_END = "</row>"

    def __init__(
        self,
        stream: IO[bytes],
        shared: SharedStrings,
        styles: Sequence[NumberReader],
        merged: MergedCells,
    ) -> None:
        super().__init__(stream)
        self._merged = merged
        self._shared = shared
        self._plain_rows = PlainRows(self._reader)
        self._styles = {str(style): read for style, read in enumerate(styles)}
        self._rows: list[tuple[CsvRow | RefusedRow, int]] = []
        """Each with what had been looked up by its end."""
        self._looked_up = 0
        self._handed_over = 0
        self._columns: dict[str, int] = {}
        self._number = 0
        self._stated_number: str | None = None
        self._doubt = ""
        self._cells: list[str] = []
        self._too_far = ""
        """The name of a cell of this row that stands too far to the right."""
        self._reference = ""
        self._column = 0
        self._type: str | None = None
        self._style = ""
        self._text = ""
        self._is_phonetic = False

    def __iter__(self) -> Iterator[CsvRow | RefusedRow]:
        while self.read_piece():
            for row, looked_up in self._rows:
                self._handed_over = looked_up
                yield row
            self._rows.clear()

    def tell(self) -> int:
        """How much was read: bytes of the sheet, and what its cells stand for."""
        return self._stream.tell() + self._handed_over

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = self._local[name]
        if kind == "c":
            get = attributes.get
            self._type, self._style, self._text = get("t"), get("s", "0"), ""
            if reference := get("r"):
                letters = reference.rstrip(digits)
                self._column = self._columns.get(letters) or self._find_column(letters)
                self._reference = reference
            else:
                self._column += 1
        elif kind == "v" or kind == "t":
            self._texts.clear()
        elif kind == "sheetData":
            self._is_between = True
        elif kind == "row":
            self._is_between = False
            self._stated_number = attributes.get("r")
            self._doubt = _HIDDEN if attributes.get("hidden") in TRUE else ""
            self._cells, self._column, self._reference, self._too_far = [], 0, "", ""
        elif kind == "rPh":
            self._is_phonetic = True

    def _end(self, name: str) -> None:
        kind = self._local[name]
        if kind == "v" or kind == "t":
            if not self._is_phonetic and len(self._text) < LONGEST_TEXT:
                self._text += "".join(self._texts)
        elif kind == "c":
            if self._text and (text := self._reader(self._type, self._style)(self._text)):
                cells = self._cells
                if len(cells) + 1 == self._column <= MOST_COLUMNS:
                    cells.append(text)
                else:
                    self._put_elsewhere(text)
        elif kind == "row":
            self._is_between = True
            self._end_row()
        elif kind == "rPh":
            self._is_phonetic = False
        elif kind == "sheetData":
            # No cells follow.
            self._is_between = False
            self._parser.StartElementHandler = self._parser.EndElementHandler = None

    def _find_column(self, letters: str) -> int:
        self._columns[letters] = number = column_number(letters)
        return number

    def _reader(self, kind: str | None, style: str) -> NumberReader:
        """What gives the text of a cell of this type and style."""
        if kind is None or kind == "n":
            return self._styles.get(style, plain_number)
        return {"s": self._look_up, "b": _truth, "d": _iso_moment}.get(kind, unescaped)

    def _look_up(self, text: str) -> str:
        text = self._shared[text]
        self._looked_up += len(text)
        return text

    def _put_elsewhere(self, text: str) -> None:
        """Put a cell that does not follow on the one before it into its place."""
        missing = self._column - len(self._cells) - 1
        if missing < 0:
            self._cells[missing] = text
        elif self._column <= MOST_COLUMNS:
            self._cells += [*[""] * missing, text]
        else:
            self._too_far = self._reference or f"column {self._column}"

    def _end_row(self) -> None:
        stated = self._stated_number or self._reference.lstrip(ascii_letters)
        self._add_row(int(stated) if stated else self._number + 1, self._cells, self._doubt, self._too_far)

    def _add_row(self, number: int, cells: list[str], doubt: str = "", too_far: str = "") -> None:
        if not self._number < number <= _MOST_ROWS:
            raise Invalid(DAMAGED)
        self._number = number
        self._looked_up += len(cells)
        is_blank = not any(map(str.strip, cells))
        if self._merged:
            self._merged.fill(number, cells)
        if too_far:
            most = formats.number(MOST_COLUMNS)
            reason = f"it has a cell at {too_far[:40]}, and the first {most} columns are read"
            self._rows.append((RefusedRow(number, reason, cells), self._looked_up))
        elif not is_blank:
            self._rows.append((CsvRow(number, cells, doubt), self._looked_up))

    def _take(self, units: str, at: int) -> int:
        while (end := units.find(self._UNIT_END, at)) >= 0 and (row := self._plain_rows.read(units[at:end])):
            self._add_row(*row)
            at = end + len(self._UNIT_END)
        return at


def _truth(text: str) -> str:
    return "true" if text in TRUE else "false"


def _iso_moment(text: str) -> str:
    try:
        return moment_text(dt.datetime.fromisoformat(text))
    except ValueError:
        return text
