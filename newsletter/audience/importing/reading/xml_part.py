"""One part of an office file as a stream of XML, of whatever length; what a stranger made is not trusted."""

from typing import IO
from xml.parsers import expat

from newsletter.audience.importing.reading import zip_reader
from newsletter.errors import Invalid

TRUE = frozenset({"1", "true"})
"""The values of an attribute or a cell that is true."""
DAMAGED = "this workbook is damaged or cut off; save it again, or save its sheet as CSV UTF-8"
LONGEST_TEXT = 1 << 16
"""Characters that are kept of a shared text: twice what Excel stores, and more than of any cell of a list."""
_PIECE = 1 << 14
"""Bytes; they may name a thousand texts that are shared, each of which may be long."""
_BUFFER = 1 << 13
_MOST_NAMES = 10_000
"""Of elements and attributes, for the parser remembers each; a worksheet has some dozens."""


class _LocalNames(dict[str, str]):
    """Names without their prefixes: some programs write `row`, and others `x:row`."""

    def __missing__(self, name: str) -> str:
        self[name] = local = name.rpartition(":")[2]
        return local


class XmlPart:
    """A part that is read piece by piece; a class for one kind of part says what becomes of its elements.

    A document type is refused, and with it every entity: no office program writes one.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._texts: list[str] = []
        """The pieces of the text that is being read."""
        self._local = _LocalNames()
        self._names: dict[str, str] = {}
        self._parser = expat.ParserCreate(intern=self._names)
        self._parser.buffer_text, self._parser.buffer_size = True, _BUFFER
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._texts.append
        self._parser.StartDoctypeDeclHandler = _refuse

    def read_piece(self) -> bool:
        """Read some more of it; False at its end. Invalid if it is no such part."""
        try:
            piece = self._stream.read(_PIECE)
            self._parser.Parse(piece, not piece)
        except (expat.ExpatError, ValueError, *zip_reader.BROKEN):
            raise Invalid(DAMAGED) from None
        del self._texts[LONGEST_TEXT // _BUFFER :]
        if len(self._names) > _MOST_NAMES:
            raise Invalid(DAMAGED)
        return bool(piece)

    def _start(self, name: str, attributes: dict[str, str], /) -> None:
        raise NotImplementedError

    def _end(self, name: str) -> None:
        raise NotImplementedError


def _refuse(*_: object) -> None:
    raise Invalid(DAMAGED)
