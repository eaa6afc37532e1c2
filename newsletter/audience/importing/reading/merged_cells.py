"""Cells that are merged with those below: each of their rows has the text, which only the first one stores."""

import re
from typing import IO

from newsletter.audience.importing.reading.cell_columns import MOST_COLUMNS, column_number
from newsletter.errors import Invalid
from newsletter.i18n import formats

_MOST = 100_000
_CHUNK = 1 << 20
_LONGEST = 1_000
"""Bytes of what names one merged cell."""
_WORD = b"mergeCell"
_RANGE = re.compile(rb"mergeCell\s[^>]*?\bref\s*=\s*[\"']([A-Za-z]{1,3})(\d{1,8}):[A-Za-z]{1,3}(\d{1,8})[\"']")


class MergedCells:
    """The merged cells of a sheet; they are listed behind its rows, so it is searched before it is read."""

    def __init__(self, sheet: IO[bytes]) -> None:
        self._beginning: dict[int, dict[int, int]] = {}
        """By the first row of merged cells, the last row of each by its place."""
        self._under_way: dict[int, tuple[int, str]] = {}
        """By its place, the last row of a merged cell, and its text."""
        count, rest = 0, b""
        while chunk := sheet.read(_CHUNK):
            window = rest + chunk
            # Next to no list has any, and a word is found in a tenth of the time.
            for letters, top, bottom in _RANGE.findall(window) if _WORD in window else ():
                if int(bottom) > int(top) and (column := column_number(letters.decode())) <= MOST_COLUMNS:
                    self._beginning.setdefault(int(top), {})[column - 1] = int(bottom)
                    count += 1
            if count > _MOST:
                most = formats.number(_MOST)
                raise Invalid(f"a sheet of this workbook has more than {most} merged cells; save it as CSV UTF-8")
            rest = window[-_LONGEST:]

    def __bool__(self) -> bool:
        return bool(self._beginning)

    def fill(self, number: int, texts: list[str]) -> None:
        """Put the text of each merged cell into its place in this row; rows come in their order."""
        for place, (last, text) in list(self._under_way.items()):
            if last < number:
                del self._under_way[place]
            else:
                texts += [""] * (place + 1 - len(texts))
                texts[place] = texts[place] or text
        for place, last in self._beginning.get(number, {}).items():
            if place < len(texts) and texts[place]:
                self._under_way[place] = last, texts[place]
