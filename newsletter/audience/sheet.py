"""A sheet: a CSV file as other programs write it, read line by line, however long it is.

Understands UTF-8 and UTF-16, with or without BOM; comma, semicolon, tab and bar; Excel's `sep=` line;
line breaks inside quotes (RFC 4180). What it cannot read is a Problem with its line, and reading goes on.
"""

import codecs
import csv
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import NamedTuple, TextIO

from newsletter.errors import Invalid, NotFound

_DELIMITERS = ",;\t|"
_SAMPLE = 65_536
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


class Line(NamedTuple):
    """One row: the number of its first line in the file, from 1, and its cells."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that was refused: where it is, why, in a sentence, and its cells as far as they could be read."""

    line: int
    reason: str
    cells: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """An open file: its first row, the rows below it that are not blank, and how far they have been read."""

    path: Path
    header: Line
    rows: Iterator[Line | Problem]
    _file: BufferedReader

    @property
    def size(self) -> int | None:
        """Its bytes; None for a pipe, which ends when it ends."""
        return os.fstat(self._file.fileno()).st_size if self._file.seekable() else None

    @property
    def position(self) -> int:
        """How many of its bytes have been read, give or take a few rows; 0 for a pipe."""
        return self._file.tell() if self._file.seekable() else 0


@contextmanager
def opened(path: Path) -> Iterator[Sheet]:
    """Open a file for one reading; NotFound if it cannot be, Invalid if it is no text or has no first row."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from None
    with file, TextIOWrapper(file, _encoding(path, file.peek()), errors="surrogateescape", newline="") as text:
        rows = _readable(path, _rows(text))
        header = next(rows, None)
        if not isinstance(header, Line):
            raise Invalid(f"{path}: line 1: {header.reason if header else 'the file is empty'}")
        yield Sheet(path, header, rows, file)


def _encoding(path: Path, head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" not in head:
        return "utf-8-sig"
    # Every second byte of plain text in UTF-16 is zero; which of the two tells the order.
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if min(even, odd) * 4 > max(even, odd):
        raise Invalid(f"{path} is no text file; export it as CSV (UTF-8)")
    return "utf-16-le" if odd > even else "utf-16-be"


def _readable(path: Path, rows: Iterator[Line | Problem]) -> Iterator[Line | Problem]:
    try:
        yield from rows
    except UnicodeError:
        raise Invalid(f"{path} is damaged or cut off; export it again, as CSV (UTF-8)") from None


def _rows(file: TextIO) -> Iterator[Line | Problem]:
    first = file.readline(_SAMPLE)
    named = _SEP_LINE.fullmatch(first)
    if named:
        yield from _parsed(file, named[1], above=1)
    else:
        yield from _parsed(itertools.chain([first], file), _delimiter(first), above=0)


def _delimiter(header: str) -> str:
    outside_quotes = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=outside_quotes.count)


def _parsed(text: Iterable[str], delimiter: str, above: int) -> Iterator[Line | Problem]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    number = above + 1
    while True:
        try:
            for cells in reader:
                if any(cells):
                    yield Line(number, cells)
                number = reader.line_num + above + 1
        except csv.Error as error:
            yield Problem(number, _why(error))
            number = reader.line_num + above + 1
        else:
            return


def _why(error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return "a quotation mark is opened here and never closed, so nothing below could be read"
    return f"this row is not CSV ({error})"
