"""SMTP replies: parsed from bytes; ProtocolError for anything that is not a reply."""

import re
from functools import lru_cache
from typing import NamedTuple, Protocol

from newsletter.characters import as_line
from newsletter.errors import TransportDown

# RFC 5321 (4.5.3.1.5) allows 512 octets a line; real servers write longer ones, but none a megabyte.
MAX_LINE = 4096
MAX_LINES = 128
MAX_TEXT = 500
"""The most characters of a reply that the ledger stores."""

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s|$)")


class ServerReply(Protocol):
    """The code, enhanced code and text of a server's reply."""

    @property
    def code(self) -> int: ...
    @property
    def status(self) -> str | None: ...
    @property
    def text(self) -> str: ...


class ProtocolError(TransportDown):
    """The server sent something that is not SMTP."""


class Reply(NamedTuple):
    """One reply (RFC 5321, 4.2): its code, and the text of each of its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def status(self) -> str | None:
        """The enhanced code (RFC 3463) that the text begins with, if it does."""
        found = _STATUS.match(self.lines[0])
        return found[1] if found else None

    @property
    def text(self) -> str:
        """The text in one line, cut to what the ledger stores."""
        return " ".join(self.lines)[:MAX_TEXT]

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class ReplyReader:
    """Assembles replies from bytes as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self._code = 0
        self._lines: list[str] = []

    @property
    def idle(self) -> bool:
        """Whether no part of a next reply has come."""
        return not self._rest and not self._lines

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that these bytes complete; raises ProtocolError if they are not SMTP."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise ProtocolError(f"a reply line of more than {MAX_LINE} octets")
        return [reply for line in lines if (reply := self._take(line))]

    def _take(self, line: bytes) -> Reply | None:
        read, more = _parsed(line)
        return self._join(read, more) if more or self._lines else read

    def _join(self, read: Reply, more: bool) -> Reply | None:
        if (self._lines and read.code != self._code) or len(self._lines) == MAX_LINES:
            raise ProtocolError("a reply whose lines do not belong together")
        self._code = read.code
        self._lines += read.lines
        if more:
            return None
        lines, self._lines = tuple(self._lines), []
        return Reply(read.code, lines)


@lru_cache(maxsize=256)
def _parsed(ended: bytes) -> tuple[Reply, bool]:
    """The reply that a line is, and whether more lines of it follow."""
    # Cached, because a server repeats most of its replies within a run.
    line = ended.removesuffix(b"\r")
    found = _LINE.fullmatch(line)
    if found is None or len(line) > MAX_LINE:
        raise ProtocolError(f"not a reply: {printable(line[:80])!r}")
    return Reply(int(found[1]), (printable(found[3] or b""),)), found[2] == b"-"


def printable(text: bytes) -> str:
    """A server's text in one line, without the characters that a log or a database would refuse."""
    return as_line(text.decode("utf-8", "replace"))
