"""The encoding of a text file: UTF-8 and UTF-16 are recognised, any other has to be named, and none is guessed.

An eight-bit encoding cannot be told from another: whoever imports is shown how a word reads in each of them.
"""

import codecs
import re
from collections.abc import Sequence
from typing import IO, NamedTuple

from newsletter.errors import Invalid

SAMPLE = 65_536
_CHUNK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
EIGHT_BIT = {
    "windows-1252": "Excel in Western Europe",
    "windows-1250": "Central Europe",
    "mac-roman": "an old Mac",
}
"""The encodings that are offered for what is not UTF-8, and where each is in use."""
_BETWEEN_WORDS = re.compile(rb"[\s,;|\"]+")
_LONGEST_WORD = 40


class WordReading(NamedTuple):
    """How a word reads in an encoding, and where that is in use; "" for a word that makes no sense in it."""

    encoding: str
    where: str
    text: str


class UnknownEncoding(Invalid):
    """A file that is not in UTF-8; somebody has to say in which of these encodings it is."""

    def __init__(self, sentence: str, readings: Sequence[WordReading]) -> None:
        super().__init__(sentence)
        self.readings = readings


def find_encoding(file: IO[bytes], named: str = "") -> str:
    """The encoding of a file, which is read through and rewound; Invalid if it cannot be read so from end to end."""
    head = file.read(SAMPLE)
    file.seek(0)
    encoding = _named(named) if named else _guessed(head)
    if named and not codecs.lookup(encoding).name.startswith("utf") and _is_utf8(file):
        raise Invalid(f"it is in UTF-8, and reads wrongly as {named}; leave --encoding out")
    line_end = b"\n" if b"\n" in head else b"\r"
    _check(file, encoding, line_end)
    file.seek(0)
    return encoding


def _named(encoding: str) -> str:
    try:
        codecs.getincrementaldecoder(encoding)
        "".encode(encoding)
    except LookupError:
        raise Invalid(f"no encoding is called {encoding!r}; known are utf-8, utf-16, windows-1252 and others") from None
    return encoding


def _guessed(head: bytes) -> str:
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    # In UTF-16 every second byte of Latin text is zero; whether the first or the second gives the byte order.
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if (even + odd) * 8 < len(head):
        return "utf-8"
    if min(even, odd) * 4 > max(even, odd):
        raise Invalid("this is not a text file; export it as CSV UTF-8")
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_utf8(file: IO[bytes]) -> bool:
    """Whether the file is in UTF-8 and has more than ASCII; it is rewound."""
    decoder, beyond_ascii = codecs.getincrementaldecoder("utf-8")(), False
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
            beyond_ascii = beyond_ascii or not chunk.isascii()
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    finally:
        file.seek(0)
    return beyond_ascii


def _check(file: IO[bytes], encoding: str, line_end: bytes) -> None:
    """Invalid unless the whole file can be decoded; otherwise the rows before the error would be imported already."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    while chunk := file.read(_CHUNK):
        try:
            decoder.decode(chunk)
        except UnicodeError as error:
            start = error.start if isinstance(error, UnicodeDecodeError) else 0
            raise _unreadable(encoding, lines + chunk[:start].count(line_end), _word(chunk, start)) from None
        lines += chunk.count(line_end)
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise _unreadable(encoding, lines, b"") from None


def _word(chunk: bytes, at: int) -> bytes:
    """The word around a byte."""
    before = _BETWEEN_WORDS.split(chunk[max(at - _LONGEST_WORD, 0) : at])[-1]
    return before + _BETWEEN_WORDS.split(chunk[at : at + _LONGEST_WORD])[0]


def _unreadable(encoding: str, line: int, word: bytes) -> Invalid:
    if encoding.startswith(("utf-16", "utf-32")):
        return Invalid("it is damaged or cut off; export it again, as CSV UTF-8")
    if encoding.startswith("utf-8"):
        readings = _readings(word)
        named = ", ".join(
            f"{one.encoding} ({one.where}{f'; it reads {one.text!r} then' if one.text else ''})" for one in readings
        )
        return UnknownEncoding(
            f"line {line} is not UTF-8, so nothing was imported; save it as CSV UTF-8, or name its encoding: "
            f"--encoding {named}",
            readings,
        )
    return Invalid(
        f"line {line} is not {encoding}, so nothing was imported; name another --encoding, or save it as CSV UTF-8"
    )


def _readings(word: bytes) -> list[WordReading]:
    texts = {encoding: word.decode(encoding, "replace") for encoding in EIGHT_BIT}
    return [
        WordReading(encoding, where, text if (text := texts[encoding]).isprintable() and "\ufffd" not in text else "")
        for encoding, where in EIGHT_BIT.items()
    ]
