"""CSV files as other programs write them, read line by line, whatever their length.

Understands UTF-8 and UTF-16, with or without BOM, and any encoding given by name; comma, semicolon, tab and bar;
Excel's `sep=` line; line breaks inside quotes (RFC 4180). A row that cannot be read becomes a RefusedRow with its
line, and reading continues with the next row.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from typing import IO, NamedTuple, TextIO

from newsletter import characters
from newsletter.audience.importing import sources
from newsletter.audience.importing.reading.text_encoding import UnknownEncoding
from newsletter.errors import Invalid

_DELIMITERS = ",;\t|"
_LONGEST_ROW = 500
"""Lines; a quotation mark that is closed no sooner was opened by mistake."""
LONGEST_LINE = 1 << 20
"""Characters; no list has a longer one, and a file without line ends would not fit into memory."""
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


class CsvRow(NamedTuple):
    """One row: the number of its first line in the file, from 1, and its cells."""

    number: int
    cells: list[str]
    doubt: str = ""
    """Why its reader may not be meant to be imported, as a sentence; empty if nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A refused row: its line, the reason as a sentence, and its cells as far as they could be read."""

    line: int
    reason: str
    cells: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CsvFile:
    """An open list: its header, the rows below it that are not blank, and the position of reading."""

    name: str
    header: CsvRow
    rows: Iterator[CsvRow | RefusedRow]
    size: int
    """In bytes."""
    _tell: Callable[[], int]
    file_name: str = ""
    """The last part of its name, by which some programs tell what is in it; a sheet's name before its workbook's."""

    @property
    def position(self) -> int:
        """How much of its size has been read, accurate to a few rows."""
        return self._tell()


@contextmanager
def read_csv(file: IO[bytes], name: str, size: int, encoding: str, file_name: str = "") -> Iterator[CsvFile]:
    """Read an open file, called `name`, once; it stays open. Invalid if it is empty.

    All of it has to be text in this encoding (`find_encoding`).
    """
    text = TextIOWrapper(file, encoding, newline="")
    try:
        rows = _rows(text, has_bare_quotes=sources.has_bare_quotes(file_name))
        with naming(name):
            header = _header(rows)
        yield CsvFile(name, header, rows, size, file.tell, file_name)
    finally:
        # The caller may read the file again.
        text.detach()


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Says in each Invalid which file it is about."""
    try:
        yield
    except UnknownEncoding as error:
        raise UnknownEncoding(f"{name}: {error}", error.readings) from None
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from None


def _header(rows: Iterator[CsvRow | RefusedRow]) -> CsvRow:
    header = next(rows, None)
    if not isinstance(header, CsvRow):
        raise Invalid(f"line 1: {header.reason if header else 'the file is empty'}")
    return header


def _rows(file: TextIO, *, has_bare_quotes: bool) -> Iterator[CsvRow | RefusedRow]:
    lines = _Lines(file)
    first = next(lines, "")
    if named := _SEP_LINE.fullmatch(first):
        return _parsed(lines, named[1], 2, has_bare_quotes=has_bare_quotes)
    lines.put_back([first] if first else [])
    outside_quotes = re.sub(r'"[^"]*"', "", first)
    return _parsed(lines, max(_DELIMITERS, key=outside_quotes.count), 1, has_bare_quotes=has_bare_quotes)


class _Lines:
    """The lines of a file, with those of a broken row put back to be read again."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        # The end, as far as this row is concerned.
        if len(self.taken) == _LONGEST_ROW:
            raise StopIteration
        line = self._again.popleft() if self._again else self._file.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.taken.append(line)
        if len(line) == LONGEST_LINE:
            self._skip_rest()
        return line

    def _skip_rest(self) -> None:
        """Leave out the rest of an endless line; what is kept of it is refused, because a cell of it is too long."""
        while (rest := self._file.readline(LONGEST_LINE)) and len(rest) == LONGEST_LINE:
            pass

    @property
    def is_cut_off(self) -> bool:
        """Whether the last line that was taken has no end."""
        return bool(self.taken) and self.taken[-1][-1:] not in {"\n", "\r"}

    def put_back(self, lines: Sequence[str]) -> None:
        self._again.extendleft(reversed(lines))


def _parsed(lines: _Lines, delimiter: str, number: int, *, has_bare_quotes: bool) -> Iterator[CsvRow | RefusedRow]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    widths: set[int] = set()
    width = 0  # the header's
    while True:
        lines.taken.clear()
        try:
            cells = next(reader, None)
            if cells is None:
                return
            if len(lines.taken) > 1:
                _check_whole(lines.taken, width or len(cells), delimiter)
        except csv.Error as error:
            yield _misquoted(lines.taken, number, delimiter, error, has_bare_quotes=has_bare_quotes)
            # A misplaced quotation mark spoils only its own line.
            lines.put_back(lines.taken[1:])
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            number += 1
            continue
        width = width or len(cells)
        if any(cells) and any(map(characters.trimmed, cells)):
            is_short = len(widths) == 1 and len(cells) < min(widths)
            if is_short and number > _FIRST_FULL and lines.is_cut_off:
                yield RefusedRow(number, _CUT_OFF, cells)
            else:
                yield CsvRow(number, cells)
            widths.add(len(cells))
        number += len(lines.taken)


def _misquoted(
    taken: Sequence[str], number: int, delimiter: str, error: csv.Error, *, has_bare_quotes: bool
) -> CsvRow | RefusedRow:
    line = taken[0].strip()
    if has_bare_quotes and line[:1] == line[-1:] == '"':
        return CsvRow(number, line[1:-1].split(f'"{delimiter}"'))
    return RefusedRow(number, _why(error, len(taken)), [line])


_FIRST_FULL = 2
"""The line up to which nobody can say how many cells a row has."""
_CUT_OFF = "the file ends in the middle of this row; export it again, or put a line end behind it if it is whole"
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
_UNCLOSED = "unexpected end of data"


def _check_whole(taken: Sequence[str], width: int, delimiter: str) -> None:
    # An extra quotation mark is closed by the next one, some rows below, which have as many cells, and an address.
    *between, last = taken[1:]
    # What stands behind the mark in the last line is of the row that was begun, such as its address after a long note.
    quoted, _, rest = last.partition('"')
    is_row = quoted.count(delimiter) + rest.count(delimiter) + 1 >= width and _has_address(quoted, delimiter)
    if is_row or any(line.count(delimiter) + 1 >= width and _has_address(line, delimiter) for line in between):
        raise csv.Error(_UNCLOSED)


def _has_address(text: str, delimiter: str) -> bool:
    return any(_ADDRESS.fullmatch(cell.strip()) for cell in text.split(delimiter))


def _why(error: csv.Error, lines: int) -> str:
    if _UNCLOSED in str(error) or lines > 1:
        return "a quotation mark is opened here and never closed; close it, or double it if it is part of the text"
    return f"this row is not CSV ({error})"
