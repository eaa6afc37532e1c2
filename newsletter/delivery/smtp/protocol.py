"""The client's side of SMTP (RFC 5321) without a socket: each dialogue says what to write, and is told the replies.

A dialogue is a generator. It yields an `Ask`: bytes, how many replies they call for, and how long to
wait for them. It is sent those replies, and returns what it found out. When the server hangs up,
ConnectionLost is thrown into it with the replies that still came. `connection` runs dialogues over a socket; a
test runs them over lists. An Ask without bytes reads what was asked before, so a dialogue can ride behind
the one before it in the same write (RFC 2920).
"""

import base64
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, NewType, Self, TypeVar

from newsletter.delivery.smtp import retry
from newsletter.delivery.smtp.replies import ProtocolError, Reply
from newsletter.delivery.smtp.retry import ReplyKind
from newsletter.errors import TransportDown

T = TypeVar("T")

DotStuffed = NewType("DotStuffed", bytes)
"""A message that ends with CRLF, and in which no line begins with a dot that is not doubled (RFC 5321, 4.5.2)."""

# Seconds, as RFC 5321 (4.5.3.2) asks for.
_GREETING = _MAIL = _RCPT = _COMMAND = 300.0
_DATA = 120.0
_FINAL_DOT = 600.0

# What may be said to MAIL and is about this copy: a parameter that it alone needs. Its size is the whole letter's.
_ABOUT_THE_COPY = 555


class RateLimited(TransportDown):
    """The server asks for less, before it has heard of any reader."""


class SenderRefused(TransportDown):
    """The server will not take what this sender sends, whoever is to read it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"the server answers {reply}")
        self.reply = reply


class ConnectionLost(TransportDown):
    """The server closed the connection, or fell silent, with these replies given of those asked for."""

    def __init__(self, why: str, replies: Sequence[Reply] = ()) -> None:
        super().__init__(why)
        self.replies = replies


class Ask(NamedTuple):
    """Bytes to write, how many replies they call for, and how many seconds to wait for each."""

    data: bytes
    replies: int
    patience: float


Dialogue = Generator[Ask, list[Reply], T]


@dataclass(frozen=True, slots=True)
class Extensions:
    """What a server offers: each keyword of its EHLO reply in capitals, with its parameters."""

    offered: Mapping[str, str]

    @classmethod
    def parse(cls, reply: Reply) -> Self:
        offered: dict[str, str] = {}
        for line in reply.lines[1:]:
            # Old servers write AUTH=PLAIN, some beside a line as RFC 4954 has it; all that they offer counts.
            keyword, _, parameters = line.upper().replace("AUTH=", "AUTH ", 1).partition(" ")
            before = f"{offered[keyword]} " if keyword == "AUTH" and keyword in offered else ""
            offered[keyword] = before + parameters
        return cls(offered)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.offered

    @property
    def mechanisms(self) -> frozenset[str]:
        """The ways to log in (RFC 4954)."""
        return frozenset(self.offered.get("AUTH", "").split())


class Envelope(NamedTuple):
    """From whom and to whom, as the server is told; `size` in octets.

    `id` comes back with a report about the message (RFC 3461, 4.4); without one, no report is asked for.
    """

    sender: str
    recipient: str
    size: int
    id: str = ""

    @property
    def international(self) -> bool:
        """Whether it takes SMTPUTF8 (RFC 6531) to carry it."""
        return not (self.sender + self.recipient).isascii()


def greeting() -> Dialogue[None]:
    """Read the server's greeting; TransportDown unless it is ready."""
    [reply] = yield Ask(b"", 1, _GREETING)
    _require(reply, "greets")


def hello(name: str) -> Dialogue[Extensions]:
    """Say who we are, in the old way (HELO) where the new one (EHLO) is not understood."""
    [reply] = yield _command(f"EHLO {name}")
    if reply.positive:
        return Extensions.parse(reply)
    if reply.code != 421:
        [reply] = yield _command(f"HELO {name}")
    _require(reply, "answers HELO")
    return Extensions({})


def start_tls(extensions: Extensions) -> Dialogue[None]:
    """Ask for TLS (RFC 3207); TransportDown where it is not to be had, for we never go on without."""
    if "STARTTLS" not in extensions:
        raise TransportDown("the server does not offer STARTTLS")
    [reply] = yield _command("STARTTLS")
    _require(reply, "answers STARTTLS")


def log_in(extensions: Extensions, username: str, password: str) -> Dialogue[None]:
    """Say user name and password (RFC 4954) in a way that the server offers."""
    if "PLAIN" in extensions.mechanisms:
        [reply] = yield _command("AUTH PLAIN " + _base64(f"\0{username}\0{password}"))
    elif "LOGIN" in extensions.mechanisms:
        reply = yield from _log_in_by_steps(username, password)
    else:
        offered = ", ".join(sorted(extensions.mechanisms)) or "none at all"
        raise TransportDown(f"the server offers no way to log in that we know (PLAIN, LOGIN), but {offered}")
    _require(reply, "answers AUTH")


def offer(extensions: Extensions, envelope: Envelope, *, written: bool = False) -> Dialogue[Reply]:
    """Open a transaction: 354 when the content may follow, else the reply that refused it; TransportDown when
    the server will not hear of any.

    `written` when its commands went out behind the message before it, and only the replies are to be read.
    """
    try:
        if "PIPELINING" in extensions:
            lines = b"" if written else b"".join(_envelope_lines(extensions, envelope))
            replies = yield Ask(lines, 3, _MAIL)
        else:
            replies = yield from _step_by_step(_envelope_lines(extensions, envelope))
    except ConnectionLost as end:
        # A refusal stands, even when it is the server's last word.
        if refusal := _refusal(end.replies):
            return refusal
        raise
    refusal = _refusal(replies)
    if refusal is None:
        return replies[-1]
    with suppress(ConnectionLost):
        yield from _abandon(replies)
    return refusal


def message_bytes(content: DotStuffed, behind: bytes = b"") -> bytes:
    """The message, its final dot and what rides behind it."""
    return b"".join((content, b".\r\n", behind))


def final_reply() -> Dialogue[Reply]:
    """What the server says to a message that is written."""
    try:
        [reply] = yield Ask(b"", 1, _FINAL_DOT)
    except ConnectionLost as end:
        # A refusal stands, even when it is the server's last word, said while we were still writing.
        if not (end.replies and end.replies[0].code >= 400):
            raise
        reply = end.replies[0]
    if 300 <= reply.code < 400:
        raise ProtocolError(f"{reply} is no answer to a message")
    return reply


def pipelined_commands(extensions: Extensions, envelope: Envelope) -> bytes:
    """The commands that open a transaction, to ride behind a final dot (RFC 2920, 3.1); empty where none may."""
    may = "PIPELINING" in extensions and (not envelope.international or "SMTPUTF8" in extensions)
    return b"".join(_envelope_lines(extensions, envelope)) if may else b""


def quit() -> Dialogue[None]:  # noqa: A001  (the command's name)
    """Say QUIT."""
    yield _command("QUIT")


def _envelope_lines(extensions: Extensions, envelope: Envelope) -> tuple[bytes, bytes, bytes]:
    size = f" SIZE={envelope.size}" if "SIZE" in extensions else ""
    international = " BODY=8BITMIME SMTPUTF8" if envelope.international else ""
    about_it, about_reader = dsn_parameters(envelope) if "DSN" in extensions else ([], [])
    return (
        f"MAIL FROM:<{envelope.sender}>{size}{international}{_spaced(about_it)}\r\n".encode(),
        f"RCPT TO:<{envelope.recipient}>{_spaced(about_reader)}\r\n".encode(),
        b"DATA\r\n",
    )


def dsn_parameters(envelope: Envelope) -> tuple[list[str], list[str]]:
    """What to ask of MAIL and of RCPT where DSN is offered, so that we hear of a failure, and can tell whose it is.

    Of the message it is to hold the headers only (RFC 3461, 4.1 to 4.4). Nothing for an envelope without an id.
    """
    if not envelope.id:
        return [], []
    whose = [] if envelope.international else [f"ORCPT=rfc822;{xtext(envelope.recipient)}"]
    return ["RET=HDRS", f"ENVID={envelope.id}"], ["NOTIFY=FAILURE", *whose]


def xtext(text: str) -> str:
    """ASCII as a parameter of DSN has it (RFC 3461, 4): a plus sign and an equals sign would be taken for more."""
    return "".join(each if "!" <= each <= "~" and each not in "+=" else f"+{ord(each):02X}" for each in text)


def _spaced(parameters: Sequence[str]) -> str:
    return "".join(f" {each}" for each in parameters)


def _step_by_step(lines: Sequence[bytes]) -> Dialogue[list[Reply]]:
    replies: list[Reply] = []
    for line, patience in zip(lines, (_MAIL, _RCPT, _DATA), strict=True):
        replies += yield Ask(line, 1, patience)
        if _refusal(replies):
            break
    return replies


def _refusal(replies: Sequence[Reply]) -> Reply | None:
    """The first reply that ends the transaction; ProtocolError for one that makes no sense.

    TransportDown where the server will not even hear who sends: that is about no copy.
    """
    for place, reply in enumerate(replies):
        if place == 0 and retry.is_rate_limited(reply):
            raise RateLimited(f"the server answers {reply}")
        if place == 0 and reply.code >= 500 and reply.code != _ABOUT_THE_COPY:
            raise SenderRefused(reply)
        if place == 0 and retry.classify(reply) is ReplyKind.SERVER_WIDE:
            raise TransportDown(f"the server answers {reply}")
        if reply.code >= 400:
            return reply
        if not (reply.code == 354 if place == 2 else reply.positive):
            raise ProtocolError(f"{reply} is no answer to {('MAIL', 'RCPT', 'DATA')[place]}")
    return None


def _abandon(replies: Sequence[Reply]) -> Dialogue[None]:
    """Make room for the next transaction after one that was refused."""
    if replies[-1].code == 421:
        return
    # DATA was let through although nobody is to get it: an empty message ends it (RFC 2920, 3.1).
    yield Ask(b".\r\n", 1, _FINAL_DOT) if replies[-1].code == 354 else _command("RSET")


def _log_in_by_steps(username: str, password: str) -> Dialogue[Reply]:
    [reply] = yield _command("AUTH LOGIN")
    for word in (username, password):
        if reply.code == 334:
            [reply] = yield _command(_base64(word))
    return reply


def _command(line: str) -> Ask:
    return Ask(f"{line}\r\n".encode(), 1, _COMMAND)


def _require(reply: Reply, does: str) -> None:
    if not reply.positive:
        raise (RateLimited if retry.is_rate_limited(reply) else TransportDown)(f"the server {does} with {reply}")


def _base64(word: str) -> str:
    return base64.b64encode(word.encode()).decode()
