"""Parse a mail from untrusted bytes. Nothing here raises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32

# The newer policies parse each header by its grammar and fail on malformed ones; compat32 only splits.
POLICY = compat32

# RFC 2047 section 5: encoded words belong in these. Elsewhere (List-Unsubscribe …) one is a fault of the
# sender that other programs will not read, so it is shown as it came.
_PHRASES = frozenset(
    ("subject", "comments", "from", "sender", "reply-to", "to", "cc", "bcc", "list-id", "content-description")
)


@dataclass(frozen=True, slots=True)
class MailPart:
    """One leaf part of a mail: its headers and decoded bytes."""

    number: int
    content_type: str
    charset: str
    name: str
    content_id: str
    attached: bool
    body: bytes

    @property
    def text(self) -> str:
        """The bytes decoded by the declared charset; undecodable ones become U+FFFD."""
        return decoded(self.body, self.charset)


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """A parsed mail; `text` and `html` are None if it has none."""

    headers: tuple[tuple[str, str], ...]
    parts: tuple[MailPart, ...]

    @property
    def text(self) -> str | None:
        return self._body("text/plain")

    @property
    def html(self) -> str | None:
        return self._body("text/html")

    @property
    def attachments(self) -> tuple[MailPart, ...]:
        """The parts that are neither the text nor the HTML, including pictures shown in the HTML."""
        bodies = {part.number for part in (self._leaf("text/plain"), self._leaf("text/html")) if part}
        return tuple(part for part in self.parts if part.number not in bodies)

    def part_by_content_id(self, content_id: str) -> MailPart | None:
        return next((part for part in self.parts if part.content_id == content_id), None)

    def _body(self, content_type: str) -> str | None:
        leaf = self._leaf(content_type)
        return None if leaf is None else leaf.text

    def _leaf(self, content_type: str) -> MailPart | None:
        leaves = (part for part in self.parts if part.content_type == content_type and not part.attached)
        return next(leaves, None)


def parse_mail(source: bytes) -> ParsedMail:
    """Parse a mail; one that cannot be parsed becomes a single plain text part."""
    try:
        mail = message_from_bytes(source, policy=POLICY)
        return ParsedMail(tuple(_headers(mail)), tuple(_leaves(mail)))
    except Exception:  # the parser's errors on garbage are many and undocumented
        return ParsedMail((), (MailPart(1, "text/plain", "utf-8", "", "", attached=False, body=source),))


def read_headers(source: bytes, *names: str) -> tuple[str, ...]:
    """The first value of each named header, decoded; empty if there is none."""
    try:
        headers = dict(reversed([(name.lower(), value) for name, value in _headers(_head(source))]))
    except Exception:  # as above
        headers = {}
    return tuple(headers.get(name.lower(), "") for name in names)


def decoded(body: bytes, charset: str) -> str:
    """Decode bytes; an unknown charset is treated as UTF-8."""
    try:
        return _without_surrogates(body.decode(charset, "replace"))
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")


def _head(source: bytes) -> Message:
    end = re.search(rb"\r?\n\r?\n", source)
    return BytesHeaderParser(policy=POLICY).parsebytes(source[: end.end()] if end else source)


def _headers(mail: Message) -> Iterator[tuple[str, str]]:
    for name, value in mail.raw_items():
        line = _unfolded(str(value))
        yield _utf8(name), _phrase(line) if name.lower() in _PHRASES else line


def _unfolded(value: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", _utf8(value)).strip()


def _phrase(line: str) -> str:
    """A header line with its encoded words decoded."""
    try:
        return _without_surrogates(str(make_header(decode_header(line)))) if "=?" in line else line
    except Exception:  # bad base64, unknown charsets …: then as it stands
        return line


def _utf8(value: str) -> str:
    # The parser keeps bytes over 127 as surrogates; SMTPUTF8 says that they are UTF-8.
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _without_surrogates(text: str) -> str:
    # UTF-7 and the like can produce lone surrogates, which neither HTML nor JSON can encode.
    return text.encode("utf-8", "replace").decode("utf-8")


def _leaves(mail: Message) -> Iterator[MailPart]:
    leaves = (part for part in mail.walk() if not part.is_multipart())
    for number, leaf in enumerate(leaves, start=1):
        yield _part(number, leaf)


def _part(number: int, leaf: Message) -> MailPart:
    body = leaf.get_payload(decode=True)
    return MailPart(
        number=number,
        content_type=_utf8(leaf.get_content_type()),
        charset=leaf.get_content_charset("utf-8"),
        name=_file_name(leaf),
        content_id=_utf8(str(leaf.get("Content-ID", ""))).strip().strip("<>"),
        attached=leaf.get_content_disposition() == "attachment",
        body=body if isinstance(body, bytes) else b"",
    )


def _file_name(leaf: Message) -> str:
    """The last path component of the declared file name, printable characters only."""
    name = _phrase(_unfolded(leaf.get_filename("") or ""))
    return "".join(letter for letter in re.split(r"[/\\]", name)[-1] if letter.isprintable())[:120]
