"""A tolerant MIME parser (RFC 2045–2047): keeps only the beginning of each part, and never fails.

The standard library's parser holds a whole message several times over and trusts its nesting. This one goes through the
lines once, with a stack of boundaries, whatever is in them.
"""

import base64
import binascii
import html
import quopri
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

_KEPT_OF_A_PART = 64 * 1024
_KEPT_OF_ALL = 1024 * 1024
MOST_PARTS = 200
"""Whatever exceeds these limits is read and discarded."""

_CHUNK = 256 * 1024
_LINE = 8 * 1024
_HEADER_LINES = 500
_LONGEST_FIELD = 4096
_BOUNDARIES = 1000
_OF_A_MESSAGE = ("message-id", "from", "to")

_PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"([^"]*)"|([^;\s]*))')
# Up to what may follow it: a semicolon, or a parameter that lacks one.
_TYPE = re.compile(r"\s*([\w!#$&^.+-]+/[\w!#$&^.+-]+)")
_FIELD_NAME = re.compile(r"[!-~]{1,100} *")
_ENCODED_WORD = re.compile(r"=\?([\w.:-]+)(?:\*[\w-]+)?\?([bBqQ])\?([^?\s]*)\?=(?:\s+(?==\?))?")
# Python's codecs that are not character sets are excluded: some fail, one takes quadratic time.
_CHARSET = re.compile(
    r"utf-?(8|7|16|16le|16be)|us-ascii|ascii|iso-?8859-?\d+|latin-?\d|windows-?\d+|cp\d+|koi8-?[ru]|iso-2022-(jp|kr)\w*"
    r"|shift.?jis|sjis|euc-?(jp|kr)|gb2312|gbk|gb18030|big5|mac-?roman|ks_c_5601-1987",
    re.IGNORECASE,
)


class ByteReader(Protocol):
    """Where a mail is read from, such as a binary file."""

    def read(self, size: int, /) -> bytes: ...


Headers = Mapping[str, list[str]]
"""Header fields by their names in small letters; each as often as it stands there, unfolded, its words decoded."""


@dataclass
class Part:
    """One leaf of a mail's tree."""

    headers: Headers
    media_type: str
    """As in text/plain."""
    is_returned: bool
    """Whether it belongs to the message that is sent back."""
    body: bytearray = field(default_factory=bytearray)
    """The beginning of it, as it was sent."""

    @property
    def content(self) -> bytes:
        """The beginning of it, less its transfer encoding."""
        encoding = first(self.headers, "content-transfer-encoding").lower()
        if "base64" in encoding:
            return _from_base64(bytes(self.body))
        if "quoted-printable" in encoding:
            return quopri.decodestring(bytes(self.body))
        return bytes(self.body)

    @cached_property
    def text(self) -> str:
        """The beginning of it as text, in lines that end in a newline alone; of HTML only what is read."""
        decoded = decode(self.content, parameter(first(self.headers, "content-type"), "charset"))
        return _words_of(decoded) if self.media_type == "text/html" else decoded


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, taken apart."""

    headers: Headers
    media_type: str
    report: str
    """What it reports, if it is multipart/report (RFC 6522): delivery-status, feedback-report, …"""
    parts: tuple[Part, ...]
    returned_headers: Headers
    """The header of the message that is sent back, if it is there as such."""

    def header(self, name: str) -> str:
        """The first header field of this name; empty if there is none."""
        return first(self.headers, name)


def read_mail(raw: ByteReader) -> Mail:
    """Take a mail apart, in memory that does not grow with it."""
    return _Splitter().run(_lines(raw))


def first(headers: Headers, name: str) -> str:
    """The first header field of this name; empty if there is none."""
    return headers.get(name, [""])[0]


def parameter(value: str, name: str) -> str:
    """A parameter of a header field such as Content-Type; empty if it is not there."""
    parameters: list[tuple[str, str, str]] = _PARAMETER.findall(value)
    return next((quoted or plain for key, quoted, plain in parameters if key.lower().rstrip("*0") == name), "")


def read_headers(lines: Iterable[str]) -> Headers:
    """The header fields in these lines; a line that begins none goes on with the one before, indented or not."""
    fields: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        head, colon, value = line.partition(":")
        if colon and _FIELD_NAME.fullmatch(head):
            name = head.strip().lower()
            fields.setdefault(name, []).append(value.strip())
        elif name:
            fields[name][-1] += " " + line.strip()
    return {name: [_decode_words(value[:_LONGEST_FIELD]) for value in values] for name, values in fields.items()}


def _decode_words(value: str) -> str:
    """A header field's value with its encoded words (RFC 2047) as text."""
    if "=?" not in value:
        return value
    return _ENCODED_WORD.sub(lambda found: _word(*found.group(1, 2, 3)), value)


def decode(content: bytes, charset: str = "") -> str:
    """The text, in the character set that it claims, or the likeliest, or as far as it can be read."""
    for name in (charset.strip("\"' "), "utf-8"):
        if _CHARSET.fullmatch(name):
            try:
                return _newlines(content.decode(name))
            except (UnicodeError, LookupError):
                continue
    if content.count(b"\x1b$"):
        return _newlines(content.decode("iso-2022-jp", "replace"))
    known = _CHARSET.fullmatch(charset) and charset.lower() not in {"us-ascii", "ascii"}
    try:
        return _newlines(content.decode(charset if known else "cp1252", "replace"))
    except LookupError:
        return _newlines(content.decode("cp1252", "replace"))


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _word(charset: str, encoding: str, text: str) -> str:
    raw = text.encode("utf-8", "replace")
    content = _from_base64(raw) if encoding in "bB" else quopri.decodestring(raw, header=True)
    return decode(content, charset).replace("\n", " ")


def _from_base64(raw: bytes) -> bytes:
    clean = raw.translate(None, _NOT_BASE64)
    try:
        return base64.b64decode(
            clean[: len(clean) // 4 * 4] if len(clean) % 4 == 1 else clean + b"=" * (-len(clean) % 4)
        )
    except (binascii.Error, ValueError):
        return b""


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(byte for byte in range(256) if byte not in _BASE64)


def _lines(raw: ByteReader) -> Iterator[bytes]:
    """The lines, whichever way they end; one that is very long comes in pieces."""
    # A file may begin with the mark of an editor that knows UTF-8.
    rest = raw.read(3).removeprefix(b"\xef\xbb\xbf")
    while chunk := raw.read(_CHUNK):
        if chunk.endswith(b"\r"):
            # Half of a line end, perhaps.
            chunk += raw.read(1)
        *whole, rest = (rest + chunk).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        yield from whole
        if len(rest) > _LINE:
            yield rest
            rest = b""
    if rest:
        yield rest


class _Level(NamedTuple):
    """Where in the tree of parts a line stands."""

    in_returned: bool = False
    """In the message that is sent back."""
    in_digest: bool = False
    """In a multipart/digest, whose parts are messages unless they say otherwise (RFC 2046, 5.1.5)."""


class _Splitter:
    """Splits the lines of a mail into its parts."""

    def __init__(self) -> None:
        self._headers: Headers = {}
        self._returned: Headers = {}
        self._parts: list[Part] = []
        self._part: Part | None = None
        self._preamble: Part | None = None
        self._kept = 0
        # Each open boundary, with the level of what is between; the innermost is the last.
        self._boundaries: dict[bytes, _Level] = {}
        self._level = _Level()
        self._block: list[str] | None = []

    def run(self, lines: Iterator[bytes]) -> Mail:
        for line in lines:
            if line[:2] == b"--" and self._boundaries and self._is_boundary(line):
                continue
            if self._block is not None:
                self._header_line(self._block, line)
            elif self._part is not None:
                self._body_line(self._part, line)
        if self._block:
            self._begin_part()
        media_type, content_type = _media_type(self._headers), first(self._headers, "content-type")
        report = parameter(content_type, "report-type").lower() if media_type == "multipart/report" else ""
        if not self._parts and self._preamble is not None:
            # Its parts are not separated as its header says: all of it is one.
            self._parts.append(self._preamble)
        return Mail(self._headers, media_type, report, tuple(self._parts), self._returned)

    def _is_boundary(self, line: bytes) -> bool:
        name = line[2:].rstrip()
        closed = name not in self._boundaries and name.endswith(b"--") and name[:-2] in self._boundaries
        if closed:
            name = name[:-2]
        elif name not in self._boundaries:
            return False
        self._finish_headers()
        while name != next(reversed(self._boundaries)):
            self._boundaries.popitem()
        self._level = self._boundaries[name]
        self._part = None
        if closed:
            del self._boundaries[name]
            self._block = None
        else:
            self._block = []
        return True

    def _finish_headers(self) -> None:
        # A part that is cut off in its header, as the last of a cut mail.
        if self._block:
            self._begin_part()

    def _header_line(self, block: list[str], line: bytes) -> None:
        if line.strip():
            if len(block) < _HEADER_LINES:
                block.append(decode(line[:_LINE]))
        elif block or self._headers:
            self._begin_part()

    def _begin_part(self) -> None:
        headers = read_headers(self._block or [])
        self._block = None
        if not self._headers:
            self._headers = headers
        elif self._level.in_returned and not self._returned and not headers.keys().isdisjoint(_OF_A_MESSAGE):
            self._returned = headers
        media_type = _media_type(headers, "message/rfc822" if self._level.in_digest else "text/plain")
        boundary = parameter(first(headers, "content-type"), "boundary").encode("utf-8", "replace").rstrip()
        encoded = first(headers, "content-transfer-encoding").strip().lower() in {"base64", "quoted-printable"}
        if media_type.startswith("multipart/") and boundary and len(self._boundaries) < _BOUNDARIES:
            self._open_boundary(boundary, headers, media_type)
        elif media_type in {"message/rfc822", "message/global", "message/news"} and not encoded:
            self._level, self._block = _Level(in_returned=True), []
        elif len(self._parts) < MOST_PARTS:
            self._open_part(headers, media_type)

    def _open_boundary(self, boundary: bytes, headers: Headers, media_type: str) -> None:
        self._boundaries.pop(boundary, None)
        self._boundaries[boundary] = self._level._replace(in_digest=media_type == "multipart/digest")
        if headers is self._headers:
            self._part = self._preamble = Part(headers, "text/plain", is_returned=False)

    def _open_part(self, headers: Headers, media_type: str) -> None:
        if headers is not self._headers and "from" in headers:
            # The returned message, with no type of its own.
            self._returned, self._level = self._returned or headers, self._level._replace(in_returned=True)
        self._part = Part(headers, media_type, self._level.in_returned)
        self._parts.append(self._part)

    def _body_line(self, part: Part, line: bytes) -> None:
        room = min(_KEPT_OF_A_PART - len(part.body), _KEPT_OF_ALL - self._kept)
        if room > 0:
            shortened = line[:room] + b"\n"
            part.body += shortened
            self._kept += len(shortened)


def _media_type(headers: Headers, default: str = "text/plain") -> str:
    found = _TYPE.match(first(headers, "content-type"))
    return found[1].lower() if found else default


# The standard library's parser takes quadratic time for some that is broken.
_TAG = re.compile(r"<(?:!--.{0,500}?--|(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]{0,2000}|![^<>]{0,2000})>", re.DOTALL)
_BLOCKS = frozenset({"p", "div", "br", "tr", "table", "h1", "h2", "h3", "h4", "li", "pre", "hr", "center", "td"})
_UNSEEN = frozenset({"style", "script", "head", "title"})


def _words_of(markup: str) -> str:
    """What a person reads of HTML, a line for each block."""
    words, at, hidden = [], 0, ""
    for tag in _TAG.finditer(markup):
        if not hidden:
            words.append(html.unescape(markup[at : tag.start()]))
        at, name = tag.end(), (tag[2] or "").lower()
        if name in _UNSEEN and not hidden and not tag[1]:
            hidden = name
        elif (name == hidden and tag[1]) or name == "body":
            hidden = ""
        if name in _BLOCKS:
            words.append("\n")
    return "".join(words) + ("" if hidden else html.unescape(markup[at:]))
