"""A sheet: a CSV file as other programs write it, read line by line, however long it is.

Understands UTF-8 and UTF-16, with or without BOM; comma, semicolon, tab and bar; Excel's `sep=` line;
line breaks inside quotes (RFC 4180). What it cannot read is a Problem with its line, and reading goes on.
"""

import codecs
import csv
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from newsletter.errors import Invalid, NotFound

_DELIMITERS = ",;\t|"
_SAMPLE = 65_536
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the number of its first line in the file, from 1, and its cells."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that was refused: where it is, and why, in a sentence."""

    line: int
    reason: str


def lines(path: Path) -> Iterator[Line | Problem]:
    """Every row that is not blank, the header first; NotFound if it cannot be opened, Invalid if it is no text."""
    try:
        file = path.open(encoding=_encoding(path), errors="surrogateescape", newline="")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from None
    with file:
        try:
            yield from _rows(file)
        except UnicodeError:
            raise Invalid(f"{path} is damaged or cut off; export it again, as CSV (UTF-8)") from None


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" not in head:
        return "utf-8-sig"
    # Every second byte of plain text in UTF-16 is zero; which of the two tells the order.
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if min(even, odd) * 4 > max(even, odd):
        raise Invalid(f"{path} is no text file; export it as CSV (UTF-8)")
    return "utf-16-le" if odd > even else "utf-16-be"


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
    while True:
        number = reader.line_num + above + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Problem(number, _why(error))
        else:
            if any(cells):
                yield Line(number, cells)


def _why(error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return "a quotation mark is opened here and never closed, so nothing below could be read"
    return f"this row is not CSV ({error})"
