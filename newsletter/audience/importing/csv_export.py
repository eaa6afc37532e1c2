"""CSV of an import's refused rows, and cells without formulas for a spreadsheet to run."""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

from newsletter.audience.importing.fates import RowFate
from newsletter.audience.importing.reading.csv_reader import RefusedRow

# The characters that make a spreadsheet take a cell for a formula (OWASP, "CSV injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Preceding apostrophes are included, so that unescaping restores a text that began with one.
_FORMULA = re.compile(f"'*[{re.escape(''.join(FORMULA))}]")


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


def escape_formula(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """The text that `escape_formula` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
