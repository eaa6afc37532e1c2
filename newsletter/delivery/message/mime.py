"""MIME encoding (RFC 5322, 2045, 2047): what needs no encoding goes as it is, the rest is 7-bit safe.

Lines are folded only between encoded words, so an address, a URL or a token never breaks; callers keep
other text under the 998 octets that a line may have.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from newsletter.addresses import mailboxes
from newsletter.characters import as_line
from newsletter.errors import Invalid

_PLAIN = re.compile(r"[ -~]*")
_LOOKS_ENCODED = "=?"
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_LONGEST_PLAIN = 900
# 45 octets are 60 in base64: a word of 72, within the 75 that RFC 2047 (2) allows.
_WORD = 45
# A line with an encoded word in it has at most so many characters, the header's name among them (RFC 2047, 2).
_ENCODED_LINE = 76

# What a soft line break leaves of the 76 characters that a line may have.
_LINE = 75
# Nothing to encode, no leading dot, two lines at most.
_ENCODES_TO_ITSELF = re.compile(rf"(?!\.)[ -<>-~]{{0,{_LINE}}}+(?:(?!\.)[ -<>-~]{{1,{_LINE}}}+)?")
# The same without the five characters that HTML escapes, and without spaces at the ends: most values of merge fields.
_SAME_IN_HTML = re.compile(rf"(?![ .])[ !#-%(-;?-~]{{1,{_LINE}}}+(?:(?!\.)[ !#-%(-;?-~]{{1,{_LINE}}}+)?(?<! )")
_LEADING_DOTS = re.compile(rb"(?<=\r\n)\.+")

# What could end an address in a header or in an SMTP command, or make it a list of several.
_NO_PART_OF_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f-\x9f<>,;:\\\"()\[\]]")


class NoAddress(Invalid):
    """A text is not an address that mail can be sent to."""


@lru_cache(maxsize=64)
def encoded_subject(text: str) -> str:
    """The value of the header Subject: the text, as encoded words where needed (RFC 2047)."""
    # Cached, because the copies of a letter mostly have one subject.
    line = as_line(text)
    if _PLAIN.fullmatch(line) and len(line) <= _LONGEST_PLAIN and _LOOKS_ENCODED not in line:
        return line
    return _encoded(line, "Subject")


def address_header(name: str, address: str, header: str) -> str:
    """`Name <address>` for that header; the bare address where there is no name."""
    line = as_line(name)
    return _named(line, address, header) if line else address


def list_id(text: str) -> str:
    """`Name <id>` as List-Id wants it (RFC 2919)."""
    name, _, identifier = as_line(text).rpartition("<")
    return _named(name.strip(), identifier.rstrip(">"), "List-Id").lstrip()


@lru_cache(maxsize=256)
def sendable(address: str) -> str:
    """The address with its domain as A-labels (RFC 5890), as SMTP needs it; raises Invalid if it is not an address."""
    # Cached, because a copy needs it for its envelope and for its header.
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or "@" in local or _NO_PART_OF_ADDRESS.search(address) or len(address) > 254:
        raise NoAddress("not an address that mail can be sent to")
    return f"{local}@{domain if domain.isascii() else a_labels(domain)}"


def a_labels(domain: str) -> str:
    """The domain as A-labels, as in the DNS; raises Invalid if it is not a domain."""
    try:
        return mailboxes.a_labels(domain)
    except UnicodeError:
        raise NoAddress("not a domain that mail can be sent to") from None


def date_header(date: datetime) -> str:
    """The value of a Date header (RFC 5322, 3.3), to the second."""
    return _second(int(date.timestamp()))


@lru_cache(maxsize=8)
def _second(timestamp: int) -> str:
    # Cached, because many copies leave within one second.
    return format_datetime(datetime.fromtimestamp(timestamp, UTC))


def quoted_printable(text: str) -> bytes:
    """A body part (RFC 2045, 6.7): CRLF, no line over 76 octets or with a leading dot, ends with a line break."""
    return quoted_piece(text.rstrip("\r\n")) + b"\r\n"


def quoted_piece(text: str) -> bytes:
    """A piece of a quoted-printable part: it begins a line, and its last line may be continued by the next piece."""
    if _ENCODES_TO_ITSELF.fullmatch(text):
        return _in_two_lines(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    # The mark keeps room at the end of the last line for the soft line break that takes its place.
    encoded = b"\r\n" + binascii.b2a_qp(lines.encode() + b"~")[:-1] + b"=\r\n"
    # The encoder breaks lines as the first line of its text does, and there may be only one.
    whole = encoded if "\n" in lines else encoded.replace(b"=\n", b"=\r\n")
    # Without a leading dot there is nothing to double on the wire (RFC 5321, 4.5.2).
    return _LEADING_DOTS.sub(lambda dots: b"=2E=\r\n" * len(dots[0]), whole)[2:]


def plain_piece(value: str) -> bytes:
    """The piece that a value is in plain text as in HTML; empty if it has to be escaped, trimmed or encoded."""
    return _in_two_lines(value) if _SAME_IN_HTML.fullmatch(value) else b""


def _in_two_lines(text: str) -> bytes:
    first, rest = text[:_LINE], text[_LINE:]
    return (f"{first}=\r\n{rest}=\r\n" if rest else f"{first}=\r\n").encode()


def _named(name: str, identifier: str, header: str) -> str:
    if _PLAIN.fullmatch(name) and _LOOKS_ENCODED not in name:
        return f"{_phrase(name)} <{identifier}>"
    # Folded, because with an encoded word the line would be too long.
    return f"{_encoded(name, header)}\r\n <{identifier}>"


def _phrase(name: str) -> str:
    if _ATOMS.fullmatch(name):
        return name
    escaped = name.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def _encoded(text: str, header: str) -> str:
    first = (_ENCODED_LINE - len(f"{header}: =?utf-8?b??=")) // 4 * 3
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(piece).decode()}?=" for piece in _pieces(text, first))


def _pieces(text: str, first: int) -> Iterator[bytes]:
    """The text's octets, at most `first` in the first piece, cut between characters as encoded words require."""
    piece, most = b"", min(first, _WORD)
    for character in text:
        octets = character.encode()
        if len(piece) + len(octets) > most:
            yield piece
            piece, most = b"", _WORD
        piece += octets
    yield piece
