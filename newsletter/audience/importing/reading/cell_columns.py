"""The columns of a worksheet, by their letters."""

import re
from functools import reduce

from newsletter.audience.importing.reading.xml_part import DAMAGED
from newsletter.errors import Invalid

MOST_COLUMNS = 2_000
"""Twice as many as any list has; without a limit, each of a million rows could reach to the 16,384th."""
_LETTERS = re.compile("[A-Za-z]{1,3}")


def column_number(letters: str) -> int:
    """The number of a column, from 1: A, B … Z, AA; Invalid for what is none."""
    if not _LETTERS.fullmatch(letters):
        raise Invalid(DAMAGED)
    return reduce(lambda number, letter: number * 26 + ord(letter) - ord("A") + 1, letters.upper(), 0)
