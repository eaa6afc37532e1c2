"""The texts that the cells of a workbook share, kept in a file: a million readers have millions of them.

They are numbered as they were first typed, mostly in the order of the rows, so they are read only as far as asked for.
"""

import os
import re
from array import array
from functools import lru_cache
from typing import IO, cast

from newsletter.audience.importing.reading.xml_part import DAMAGED, LONGEST_TEXT, PLAIN_TEXT, XmlPart
from newsletter.errors import Invalid, Unavailable

_LOT = 16
"""Texts that are kept and read together."""
_LOTS_AT_HAND = 8
_AT_HAND = 2 << 20
"""Characters of the texts that are kept in memory, with those that each text costs beside its own."""
_OVERHEAD = 100
_BETWEEN = "\0"
"""Which no text of XML has."""
_PLAIN = re.compile(rf'<si><t(?: xml:space="preserve")?>({PLAIN_TEXT})</t></si>')
_RUN = re.compile(f"(?:{_PLAIN.pattern})*+")
_ESCAPE = re.compile("_x(?!0000|[dD][89a-fA-F])([0-9a-fA-F]{4})_")


def unescaped(text: str) -> str:
    """A text without the escapes of characters that XML cannot have, such as `_x000D_`."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class SharedStrings(dict[str, str]):
    """Each text by its number as a cell has it, from the part that has them and by way of an empty file.

    In the dictionary itself are those that were asked for again. Invalid where there is no such text, Unavailable if
    the disk is full.
    """

    def __init__(self, part: IO[bytes], file: IO[bytes]) -> None:
        self._part = _StringsPart(part)
        self._file = file
        self._ends = array("Q", [0])
        """Where each lot ends in the file."""
        self._last_kept: dict[str, str] = {}
        """Each text of the last piece, which the next rows ask for."""
        self._lot = lru_cache(_LOTS_AT_HAND)(self._read_lot)
        self._size = 0

    def __missing__(self, stated: str) -> str:
        if text := self._last_kept.get(stated):
            return text
        text = self._find_text(stated)
        self._size += len(text) + _OVERHEAD
        if self._size > _AT_HAND:
            self.clear()
            self._size = 0
        self[stated] = text
        return text

    def _find_text(self, stated: str) -> str:
        lot, at = divmod(int(stated), _LOT)
        while len(self._ends) - 1 <= lot:
            if not self._keep_more():
                raise Invalid(DAMAGED)
        try:
            return self._lot(lot)[at]
        except IndexError:
            raise Invalid(DAMAGED) from None

    def _read_lot(self, lot: int) -> list[str]:
        start, end = self._ends[lot : lot + 2]
        return os.pread(self._file.fileno(), end - start, start).decode().split(_BETWEEN)

    def _keep_more(self) -> bool:
        """Keep the lots of the next piece of the part; False if there is none."""
        is_more, read = self._part.read_piece(), self._part.strings
        whole = len(read) - len(read) % _LOT if is_more else len(read)
        texts, first = list(map(unescaped, read[:whole])), (len(self._ends) - 1) * _LOT
        del read[:whole]
        try:
            for at in range(0, whole, _LOT):
                written = self._file.write(_BETWEEN.join(texts[at : at + _LOT]).encode())
                self._ends.append(self._ends[-1] + written)
            self._file.flush()
        except OSError as error:
            raise Unavailable(f"the texts of a workbook cannot be kept meanwhile: {error.strerror}") from None
        self._last_kept = dict(zip(map(str, range(first, first + whole)), texts, strict=True))
        return is_more or whole > 0


class _StringsPart(XmlPart):
    """Texts, some with a font for each piece; how a Chinese or Japanese one is pronounced is left out."""

    _UNIT_END = "</si>"

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self.strings: list[str] = []
        self._text = ""
        self._is_phonetic = False

    def _start(self, name: str, _: dict[str, str]) -> None:
        kind = self._local[name]
        if kind == "t":
            self._texts.clear()
        elif kind == "si":
            self._is_between, self._text = False, ""
        elif kind == "sst":
            self._is_between = True
        elif kind == "rPh":
            self._is_phonetic = True

    def _end(self, name: str) -> None:
        kind = self._local[name]
        if kind == "t":
            if not self._is_phonetic and len(self._text) < LONGEST_TEXT:
                self._text += "".join(self._texts)
        elif kind == "si":
            self._is_between = True
            self.strings.append(self._text[:LONGEST_TEXT])
        elif kind == "rPh":
            self._is_phonetic = False

    def _take(self, units: str, at: int) -> int:
        end = cast("re.Match[str]", _RUN.match(units, at)).end()
        self.strings += _PLAIN.findall(units, at, end)
        return end
