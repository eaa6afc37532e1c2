"""The rows of a file in stretches that are sorted by address, packed so that they take little memory until used."""

import itertools
import pickle
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

from newsletter.audience.importing.column_fields import DEFAULT_CHOICES, ColumnChoices
from newsletter.audience.importing.reading import list_rows
from newsletter.audience.importing.reading.csv_reader import CsvFile, RefusedRow
from newsletter.audience.importing.reading.files import ListFile
from newsletter.audience.importing.reading.list_rows import ImportRow

STRETCH = 50_000
"""The rows that are sorted by address together, so that a group touches few pages of the index."""
STRETCH_OF_MORE = 20_000
"""The same where a row has more than an address and a name, so that a stretch fits into memory."""
LARGEST = 8 << 20
"""How much of a list is read before a stretch ends early, so that it fits into memory whatever its rows hold."""
AT_ONCE = 100
"""The rows after which this is looked at."""
PART = 2_000
"""The rows that are packed together."""


class Stretch(NamedTuple):
    """Some rows that stand one after the other in a list of a file, in the order of their addresses."""

    list_number: int
    list_size: int
    first_line: int
    last_line: int
    start: int
    """The position in the list before it, and after it `position`."""
    position: int
    problems: Sequence[RefusedRow]
    length: int
    """How many rows it has that are not refused."""
    ended: Sequence[str]
    """The keys of those who, by these rows, have left."""
    parts: Sequence[bytes]

    def rows(self, skipped: int = 0) -> Iterator[ImportRow]:
        """The rows after the first `skipped` ones."""
        whole, rest = divmod(skipped, PART)
        packed = itertools.chain.from_iterable(map(_unpacked, self.parts[whole:]))
        return itertools.islice(packed, rest, None)


def read_stretches(file: ListFile, choices: ColumnChoices = DEFAULT_CHOICES, source: str = "") -> Generator[Stretch]:
    """Every row of a file, list by list, parsed or refused."""
    with file.lists() as lists:
        for number, sheet in enumerate(lists):
            yield from _of_list(number, sheet, choices.within(sheet.header.cells), source)


def _of_list(number: int, sheet: CsvFile, choices: ColumnChoices, source: str) -> Iterator[Stretch]:
    layout, lines = list_rows.opened(sheet, choices, source)
    entries, rows_at_once = list_rows.parsed(layout, lines), STRETCH_OF_MORE if layout.details() else STRETCH
    # Whoever gets a stretch may take long, and nothing of it is kept here meanwhile.
    yield from iter(lambda: _next_stretch(number, sheet, entries, rows_at_once), None)


def _next_stretch(
    number: int, sheet: CsvFile, entries: Iterator[ImportRow | RefusedRow], rows_at_once: int
) -> Stretch | None:
    start = sheet.position
    some: list[ImportRow | RefusedRow] = []
    while len(some) < rows_at_once and sheet.position - start < LARGEST:
        more = list(itertools.islice(entries, min(AT_ONCE, rows_at_once - len(some))))
        if not more:
            break
        some += more
    if not some:
        return None
    lines = some[0].line, some[-1].line
    problems = [entry for entry in some if isinstance(entry, RefusedRow)]
    rows = sorted((entry for entry in some if isinstance(entry, ImportRow)), key=lambda row: row.key)
    del some
    ended = [row.key for row in rows if row.is_ended]
    parts = [_packed(rows[at : at + PART]) for at in range(0, len(rows), PART)]
    return Stretch(number, sheet.size, *lines, start, sheet.position, problems, len(rows), ended, parts)


def _packed(rows: Sequence[ImportRow]) -> bytes:
    # As plain tuples, which take half the time.
    return pickle.dumps(list(map(tuple, rows)), pickle.HIGHEST_PROTOCOL)


def _unpacked(part: bytes) -> Iterator[ImportRow]:
    return map(ImportRow._make, pickle.loads(part))  # noqa: S301  (our own reader packed it)
