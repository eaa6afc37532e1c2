"""One part of an office file as a stream of XML, of whatever length; what a stranger made is not trusted.

Nearly all of a large part are rows, or shared texts, that are written alike. Those are taken without the parser, which
makes a call of each tag; it gets whatever is written in any other way.
"""

from functools import lru_cache
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
_LONGEST_UNIT = 1 << 20
"""Bytes that are kept until a row or a text ends, before the parser gets what there is of it."""
PLAIN_TEXT = r"[^<>&\x00-\x08\x0b-\x1f]{0,32767}+"
"""Matches a text that XML means as it stands, no longer than Excel stores."""
_NO_CHARACTERS = "\ufffe", "\uffff"
"""The only ones above U+001F that XML forbids and UTF-8 can have."""
_MOST_NAMES = 10_000
"""Of elements and attributes, for the parser remembers each; a worksheet has some dozens."""


class _LocalNames(dict[str, str]):
    """Names without their prefixes: some programs write `row`, and others `x:row`."""

    def __missing__(self, name: str) -> str:
        self[name] = local = name.rpartition(":")[2]
        return local


class XmlPart:
    """A part that is read piece by piece; a class for one kind of part says what becomes of its elements.

    Its *units* are the elements that it repeats. A document type is refused, and with it every entity: no office
    program writes one.
    """

    _UNIT_END = ">"
    """The end tag of a unit; where a part has none, it is parsed from tag to tag."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._is_read = False
        self._held = b""
        """The beginning of a unit whose end was not read yet."""
        self.parsed_bytes = 0
        """How much of it the parser got."""
        self._is_plain = True
        """Whether what is read means what it says: it is UTF-8, and no tag can stand in a CDATA section."""
        self._is_between = False
        """Whether the last tag that was parsed began what holds the units, or ended one."""
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
        self._parser.XmlDeclHandler = self._declare
        self._parser.StartCdataSectionHandler = self._begin_cdata

    def read_piece(self) -> bool:
        """Read some more of it; False if all was read. Invalid if it is no such part."""
        if self._is_read:
            return False
        try:
            piece = self._stream.read(_PIECE)
            self._read(piece)
        except (expat.ExpatError, ValueError, *zip_reader.BROKEN):
            raise Invalid(DAMAGED) from None
        del self._texts[LONGEST_TEXT // _BUFFER :]
        if len(self._names) > _MOST_NAMES:
            raise Invalid(DAMAGED)
        self._is_read = not piece
        return True

    def _read(self, piece: bytes) -> None:
        text = self._held + piece
        units, end, self._held = text.rpartition(self._UNIT_END.encode())
        if not piece or len(self._held) > _LONGEST_UNIT:
            self._held = b""
            self._parse(text, is_last=not piece)
        else:
            self._read_units(units + end)

    def _read_units(self, units: bytes) -> None:
        text = units.decode() if self._takes_units() else ""
        if not text or any(character in text for character in _NO_CHARACTERS):
            self._parse(units)
            return
        at, is_between = 0, True
        while at < len(text):
            at = self._take(text, at) if is_between else at
            if unit := text[at : text.find(self._UNIT_END, at) + len(self._UNIT_END)]:
                self._parse(unit.encode())
                is_between = self._takes_units()
                at += len(unit)

    def _takes_units(self) -> bool:
        """Whether the next byte is of a unit, for certain: the parser is behind a tag, and not within a comment."""
        return self._is_plain and self._is_between and self._parser.CurrentByteIndex == self.parsed_bytes

    def _parse(self, text: bytes, *, is_last: bool = False) -> None:
        self.parsed_bytes += len(text)
        self._parser.Parse(text, is_last)

    def _declare(self, _: str, encoding: str | None, __: int) -> None:
        self._is_plain = (encoding or "utf-8").lower() == "utf-8"

    def _begin_cdata(self) -> None:
        self._is_plain = False

    def _take(self, units: str, at: int) -> int:
        """Take the units from there on, up to one that is not written plainly; returns where that stands."""
        raise NotImplementedError

    def _start(self, name: str, attributes: dict[str, str], /) -> None:
        raise NotImplementedError

    def _end(self, name: str) -> None:
        raise NotImplementedError


def _refuse(*_: object) -> None:
    raise Invalid(DAMAGED)


@lru_cache(1024)
def tag_attributes(text: str) -> dict[str, str] | None:
    """The attributes of a tag, given as they stand in it; None if they are not well-formed."""
    found: dict[str, str] = {}
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda _, attributes: found.update(attributes)
    try:
        parser.Parse(f"<tag {text}/>", True)
    except expat.ExpatError:
        return None
    return found
