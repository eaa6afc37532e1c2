"""Rows of a sheet that are written like rows above them, each read by one regular expression.

It is made of the cells that were seen in the sheet, and matches nothing but a whole row of such. So a prefix, an
entity, a comment or whatever else XML allows does not match, and is left to the parser.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from newsletter.audience.importing.reading.cell_columns import MOST_COLUMNS, column_number
from newsletter.audience.importing.reading.number_formats import NumberReader
from newsletter.audience.importing.reading.xml_part import PLAIN_TEXT, TRUE, tag_attributes

_MOST_FORMS = 500
"""Of cells; each change of the expression compiles all of it."""
_MOST_CHANGES = 50
_NUMBER = "[0-9]{1,8}+"
_ROW = re.compile(f'<row r="({_NUMBER})"([^<>]{{0,500}})')
_BEGINNING = re.compile(
    r'<c r="([A-Z]{1,3})[0-9]{1,8}"([^<>/]{0,200})(/>|></c>|><v>|><is><t(?: xml:space="preserve")?>)'
)
_ENDS = {"><v>": "</v></c>", "><is><t>": "</t></is></c>", '><is><t xml:space="preserve">': "</t></is></c>"}
"""What follows on the text of a cell, by what stands before it."""


class PlainRows:
    """Reads rows of one sheet; `reader_of` says what gives the text of a cell of a type and a style."""

    def __init__(self, reader_of: Callable[[str | None, str], NumberReader]) -> None:
        self._reader_of = reader_of
        self._forms: dict[str, dict[tuple[str, str], NumberReader]] = {}
        """By the letters of a column, how its cells were written: their attributes, and what stands before the text."""
        self._changes = 0
        self._matched = re.compile("").fullmatch
        self._groups: list[tuple[int, NumberReader]] = []
        """Of each group in the expression, the place in the row, and what gives the text."""
        self._width = 0

    def read(self, row: str) -> tuple[int, list[str]] | None:
        """The number of a row, given without its end tag, and its cells; None if it has to be parsed."""
        head, _, rest = row.partition(">")
        begun = _ROW.fullmatch(head)
        if not (begun and _is_seen(begun[2])):
            return None
        found = self._matched(rest) or (self._learn(rest) and self._matched(rest))
        if not found:
            return None
        cells = [""] * self._width
        for (place, read), text in zip(self._groups, found.groups(""), strict=True):
            if text:
                cells[place] = read(text)
        while cells and not cells[-1]:
            cells.pop()
        return int(begun[1]), cells

    def _learn(self, cells: str) -> bool:
        """Whether there are cells among these of a form that was not seen before, and may be learned."""
        is_new = False
        for letters, attributes, before in _BEGINNING.findall(cells):
            forms, form = self._forms.setdefault(letters, {}), (attributes, before)
            its = tag_attributes(f'r="A1"{attributes}')
            if form not in forms and its is not None and column_number(letters) <= MOST_COLUMNS:
                forms[form] = self._reader_of(its.get("t"), its.get("s", "0"))
                is_new = True
        if not is_new or self._changes == _MOST_CHANGES or sum(map(len, self._forms.values())) > _MOST_FORMS:
            return False
        self._changes += 1
        self._compile()
        return True

    def _compile(self) -> None:
        pattern = ""
        self._groups.clear()
        for letters in sorted(self._forms, key=column_number):
            forms, self._width = self._forms[letters], column_number(letters)
            pattern += rf'(?:<c r="{letters}{_NUMBER}"(?:{"|".join(map(_pattern, forms))}))?+'
            self._groups += [(self._width - 1, read) for (_, before), read in forms.items() if before in _ENDS]
        self._matched = re.compile(pattern).fullmatch


def _pattern(form: tuple[str, str]) -> str:
    attributes, before = form
    end = _ENDS.get(before)
    return re.escape(attributes + before) + (f"({PLAIN_TEXT}){end}" if end else "")


@lru_cache(1024)
def _is_seen(attributes: str) -> bool:
    """Whether a row with these attributes beside its number is well-formed, and not hidden."""
    found = tag_attributes(f'r="1"{attributes}')
    return found is not None and found.get("hidden") not in TRUE
