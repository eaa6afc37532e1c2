"""CSV files as other programs write them, read line by line, whatever their length.

Understands UTF-8 and UTF-16, with or without BOM, and any encoding given by name; comma, semicolon, tab and bar;
Excel's `sep=` line; line breaks inside quotes (RFC 4180). A row that cannot be read becomes a RefusedRow with its
line, and reading continues with the next row.
"""

import codecs
import csv
import os
import re
import shutil
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple, TextIO

from newsletter import characters
from newsletter.errors import Invalid, NotFound

STANDARD_INPUT = Path("-")
_DELIMITERS = ",;\t|"
_SAMPLE = 65_536
_CHUNK = 1 << 20
_LONGEST_ROW = 500
"""In lines; a quotation mark that is not closed by then was opened by mistake."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


class CsvRow(NamedTuple):
    """One row: the number of its first line in the file, from 1, and its cells."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A refused row: its line, the reason as a sentence, and its cells as far as they could be read."""

    line: int
    reason: str
    cells: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CsvFile:
    """An open file: its header, the rows below it that are not blank, and the position of reading."""

    name: str
    header: CsvRow
    rows: Iterator[CsvRow | RefusedRow]
    _file: IO[bytes]

    @property
    def size(self) -> int:
        """The size in bytes."""
        return os.fstat(self._file.fileno()).st_size

    @property
    def position(self) -> int:
        """How many bytes have been read, accurate to a few rows."""
        return self._file.tell()


@contextmanager
def open_csv(path: Path, encoding: str = "") -> Iterator[CsvFile]:
    """Open a file, or standard input for `-`, to be read once.

    NotFound if it cannot be opened; Invalid if it is empty, or not valid text in its encoding from beginning to end.
    """
    name = "standard input" if path == STANDARD_INPUT else str(path)
    with _bytes_of(path) as file:
        with _naming(name):
            encoding = _encoding(file, encoding)
        with TextIOWrapper(file, encoding, newline="") as text:
            rows = _rows(text)
            with _naming(name):
                header = _header(rows)
            yield CsvFile(name, header, rows, file)


@contextmanager
def _bytes_of(path: Path) -> Iterator[IO[bytes]]:
    if path == STANDARD_INPUT:
        with _kept(sys.stdin.buffer) as file:
            yield file
        return
    try:
        source = path.open("rb")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from None
    with source, nullcontext(source) if source.seekable() else _kept(source) as file:
        yield file


@contextmanager
def _kept(pipe: IO[bytes]) -> Iterator[IO[bytes]]:
    # The encoding is known for certain only at the end, and a pipe can be read only once.
    with TemporaryFile() as file:
        shutil.copyfileobj(pipe, file)
        file.seek(0)
        yield file


@contextmanager
def _naming(name: str) -> Iterator[None]:
    try:
        yield
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from None


def _header(rows: Iterator[CsvRow | RefusedRow]) -> CsvRow:
    header = next(rows, None)
    if not isinstance(header, CsvRow):
        raise Invalid(f"line 1: {header.reason if header else 'the file is empty'}")
    return header


def _encoding(file: IO[bytes], named: str) -> str:
    head = file.read(_SAMPLE)
    if head.startswith(_WORKBOOKS):
        raise Invalid("this is a workbook or a zip, not a text file; save its sheet as CSV UTF-8, and import that")
    encoding = _named(named) if named else _guessed(head)
    file.seek(0)
    _check(file, encoding, b"\n" if b"\n" in head else b"\r")
    file.seek(0)
    return encoding


def _named(encoding: str) -> str:
    try:
        codecs.getincrementaldecoder(encoding)
        "".encode(encoding)
    except LookupError:
        raise Invalid(f"no encoding is called {encoding!r}; known are utf-8, utf-16, windows-1252 and others") from None
    return encoding


def _guessed(head: bytes) -> str:
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    # In UTF-16 every second byte of Latin text is zero; whether the first or the second gives the byte order.
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if (even + odd) * 8 < len(head):
        return "utf-8"
    if min(even, odd) * 4 > max(even, odd):
        raise Invalid("this is not a text file; export it as CSV UTF-8")
    return "utf-16-le" if odd > even else "utf-16-be"


def _check(file: IO[bytes], encoding: str, line_end: bytes) -> None:
    """Invalid unless the whole file can be decoded; otherwise the rows before the error would be imported already."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    while chunk := file.read(_CHUNK):
        try:
            decoder.decode(chunk)
        except UnicodeError as error:
            start = error.start if isinstance(error, UnicodeDecodeError) else 0
            raise Invalid(_unreadable(encoding, lines + chunk[:start].count(line_end))) from None
        lines += chunk.count(line_end)
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise Invalid(_unreadable(encoding, lines)) from None


def _unreadable(encoding: str, line: int) -> str:
    if encoding.startswith(("utf-16", "utf-32")):
        return "it is damaged or cut off; export it again, as CSV UTF-8"
    if encoding.startswith("utf-8"):
        return (
            f"line {line} is not UTF-8, so nothing was imported; save it as CSV UTF-8, or name its encoding: "
            "--encoding windows-1252 (Excel in Western Europe), windows-1250 (Central Europe), mac-roman"
        )
    return f"line {line} is not {encoding}, so nothing was imported; name another --encoding, or save it as CSV UTF-8"


def _rows(file: TextIO) -> Iterator[CsvRow | RefusedRow]:
    first = file.readline(_SAMPLE)
    lines = _Lines(file)
    if named := _SEP_LINE.fullmatch(first):
        return _parsed(lines, named[1], 2)
    lines.put_back([first])
    outside_quotes = re.sub(r'"[^"]*"', "", first)
    return _parsed(lines, max(_DELIMITERS, key=outside_quotes.count), 1)


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
        line = self._again.popleft() if self._again else next(self._file)
        self.taken.append(line)
        return line

    def put_back(self, lines: Sequence[str]) -> None:
        self._again.extendleft(reversed(lines))


def _parsed(lines: _Lines, delimiter: str, number: int) -> Iterator[CsvRow | RefusedRow]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken.clear()
        try:
            cells = next(reader, None)
            taken = len(lines.taken)
            if cells is None:
                return
            if taken > 1:
                _check_whole(lines.taken, cells, delimiter)
            if any(cells) and any(map(characters.trimmed, cells)):
                yield CsvRow(number, cells)
            number += taken
        except csv.Error as error:
            yield RefusedRow(number, _why(error, len(lines.taken)), [lines.taken[0].rstrip("\r\n")])
            # A misplaced quotation mark spoils only its own line.
            lines.put_back(lines.taken[1:])
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            number += 1


_UNCLOSED = "unexpected end of data"


def _check_whole(taken: Sequence[str], cells: Sequence[str], delimiter: str) -> None:
    # An extra quotation mark is closed by the next one, some rows below, whose addresses are in the same column.
    before = taken[0].partition('"')[0].split(delimiter)
    at = next((place for place, cell in enumerate(before) if "@" in cell), None)
    if at is not None and any(_is_row(line, at, len(cells), delimiter) for line in taken[1:]):
        raise csv.Error(_UNCLOSED)


def _is_row(line: str, at: int, width: int, delimiter: str) -> bool:
    inside = line.split(delimiter)
    return width > 1 and len(inside) == width and "@" in inside[at] and " " not in inside[at].strip()


def _why(error: csv.Error, lines: int) -> str:
    if _UNCLOSED in str(error) or lines > 1:
        return "a quotation mark is opened here and never closed; close it, or double it if it is part of the text"
    return f"this row is not CSV ({error})"
