"""Cells that are merged with those below: each of their rows has the text, which only the first one stores."""

import re
from collections import defaultdict
from collections.abc import Mapping
from zipfile import ZipFile

from newsletter.audience.importing.reading.cell_columns import MOST_COLUMNS, column_number
from newsletter.errors import Invalid
from newsletter.i18n import formats

_MOST = 100_000
_CHUNK = 1 << 20
_LONGEST = 1_000
"""Bytes of what names one merged cell."""
_WORD = b"mergeCell"
_RANGE = re.compile(rb"mergeCell\s[^>]*?\bref\s*=\s*[\"']([A-Za-z]{1,3})(\d{1,8}):[A-Za-z]{1,3}(\d{1,8})[\"']")


MergedRanges = Mapping[int, Mapping[int, int]]
"""By the first row of merged cells, the last row of each by its place."""


def merged_ranges(opened: ZipFile) -> dict[str, MergedRanges]:
    """Where cells are merged with those below, by the part of their sheet; Invalid for too many.

    All of the zip is read, because a sheet lists them behind its rows; so what is damaged in it raises.
    """
    found: dict[str, MergedRanges] = {}
    count = 0
    for part in opened.infolist():
        found[part.filename] = ranges = defaultdict[int, dict[int, int]](dict)
        with opened.open(part) as stream:
            rest = b""
            while chunk := stream.read(_CHUNK):
                window = rest + chunk
                # Next to no list has any, and a word is found in a tenth of the time.
                for letters, top, bottom in _RANGE.findall(window) if _WORD in window else ():
                    if int(bottom) > int(top) and (column := column_number(letters.decode())) <= MOST_COLUMNS:
                        ranges[int(top)][column - 1] = int(bottom)
                        count += 1
                if count > _MOST:
                    most = formats.number(_MOST)
                    raise Invalid(f"this workbook has more than {most} merged cells; save it as CSV UTF-8")
                rest = window[-_LONGEST:]
    return found


class MergedCells:
    """Fills the merged cells of a sheet while its rows are read once, from the first to the last."""

    def __init__(self, ranges: MergedRanges) -> None:
        self._ranges = ranges
        self._under_way: dict[int, tuple[int, str]] = {}
        """By its place, the last row of a merged cell, and its text."""

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def fill(self, number: int, texts: list[str]) -> None:
        """Put the text of each merged cell into its place in this row; rows come in their order."""
        for place, (last, text) in list(self._under_way.items()):
            if last < number:
                del self._under_way[place]
            else:
                texts += [""] * (place + 1 - len(texts))
                texts[place] = texts[place] or text
        for place, last in self._ranges.get(number, {}).items():
            if place < len(texts) and texts[place]:
                self._under_way[place] = last, texts[place]
