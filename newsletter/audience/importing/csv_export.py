"""CSV of an import: its refused rows, and what became of each row."""

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

from newsletter.audience.importing.fates import RowFate
from newsletter.audience.importing.reading.csv_reader import RefusedRow
from newsletter.formulas import escape_formula


def refused_rows_writer(header: Sequence[str], file: TextIO) -> Callable[[RefusedRow], None]:
    """Returns a function that writes refused rows under the header of their file: corrected, they can be imported.

    Open `file` with newline="".
    """
    sheet = csv.writer(file)

    def write(line: object, reason: str, cells: Iterable[str]) -> None:
        sheet.writerow([line, reason, *map(escape_formula, cells)])

    write("line", "reason", header)
    return lambda problem: write(problem.line, problem.reason, problem.cells)


def fates_writer(file: TextIO) -> Callable[[str, RowFate], None]:
    """Writes what became of each row, with the name of its list. Open `file` with newline=""."""
    sheet = csv.writer(file)
    sheet.writerow(["list", *RowFate._fields])
    return lambda name, fate: sheet.writerow(
        [escape_formula(name), fate.line, *map(escape_formula, (fate.email, fate.fate, fate.status, fate.reason))]
    )
