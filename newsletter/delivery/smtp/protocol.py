"""The client's side of SMTP (RFC 5321) without a socket: each dialogue says what to write, and is sent the replies.

A dialogue is a generator. It yields an `Ask`: bytes, how many replies they call for, and how long to
wait for them. It is sent those replies, and returns what it found out. When the server hangs up,
ConnectionLost is thrown into it with the replies that still came. `connection` runs dialogues over a socket; a
test runs them over lists. An Ask without bytes reads replies to what was written before, so a dialogue can be
pipelined behind the one before it in the same write (RFC 2920).
"""

import base64
import re
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

FINAL_DOT = b".\r\n"
"""Ends a message, which the server must forget if the connection ends before (RFC 5321, 4.1.1.10)."""

# Seconds, as RFC 5321 (4.5.3.2) asks for.
_GREETING = _MAIL = _RCPT = _COMMAND = 300.0
_DATA = 120.0
_FINAL_REPLY = 600.0

# Replies to MAIL that are about this copy, because it alone needs the parameter; its size is the whole letter's.
_ABOUT_THE_COPY = 555


class RateLimited(TransportDown):
    """The server asks for a lower rate before it has heard of any reader."""


class TooManyConnections(RateLimited):
    """The server takes no further connection while it has as many as there are."""


class SenderRefused(TransportDown):
    """The server refuses the sender, whoever the recipient is."""

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

    def without(self, keyword: str) -> Self:
        """The same without one of them."""
        return type(self)({name: parameters for name, parameters in self.offered.items() if name != keyword})

    @property
    def mechanisms(self) -> frozenset[str]:
        """The ways to log in (RFC 4954)."""
        return frozenset(re.findall(r"[\w-]+", self.offered.get("AUTH", "")))


class Envelope(NamedTuple):
    """A message's SMTP sender and recipient; `size` in octets.

    `id` comes back with a report about the message (RFC 3461, 4.4); without one, no report is asked for.
    """

    sender: str
    recipient: str
    size: int
    id: str = ""

    @property
    def international(self) -> bool:
        """Whether it needs SMTPUTF8 (RFC 6531)."""
        return not (self.sender + self.recipient).isascii()


def greeting() -> Dialogue[None]:
    """Read the server's greeting; raises TransportDown unless the server is ready for one more connection."""
    [reply] = yield Ask(b"", 1, _GREETING)
    if retry.is_rate_limited(reply) and retry.limits_connections(reply):
        raise TooManyConnections(f"the server greets with {reply}")
    _require(reply, "greets")


def hello(name: str) -> Dialogue[Extensions]:
    """Send EHLO, or HELO where that is not understood; returns the server's extensions."""
    [reply] = yield _command(f"EHLO {name}")
    if reply.positive:
        return Extensions.parse(reply)
    if reply.code != 421:
        [reply] = yield _command(f"HELO {name}")
    _require(reply, "answers HELO")
    return Extensions({})


def start_tls(extensions: Extensions) -> Dialogue[None]:
    """Send STARTTLS (RFC 3207); raises TransportDown if it is not available, because we never go on without it."""
    if "STARTTLS" not in extensions:
        raise TransportDown("the server does not offer STARTTLS")
    [reply] = yield _command("STARTTLS")
    _require(reply, "answers STARTTLS")


def log_in(extensions: Extensions, username: str, password: str) -> Dialogue[None]:
    """Log in (RFC 4954) by a mechanism that the server offers; raises TransportDown if it refuses or offers none."""
    if "PLAIN" in extensions.mechanisms:
        [reply] = yield _command("AUTH PLAIN " + _base64(f"\0{username}\0{password}"))
    elif "LOGIN" in extensions.mechanisms:
        reply = yield from _log_in_by_steps(username, password)
    else:
        offered = ", ".join(sorted(extensions.mechanisms)) or "none at all"
        raise TransportDown(f"the server offers no way to log in that we know (PLAIN, LOGIN), but {offered}")
    _require(reply, "answers AUTH")


def offer(extensions: Extensions, envelope: Envelope, *, written: bool = False) -> Dialogue[Reply]:
    """Open a transaction; returns 354 if the content may follow, else the reply that refused it.

    Raises TransportDown if the server takes no transaction at all. `written`: the commands were pipelined behind
    the message before, and only the replies are to be read.
    """
    try:
        if "PIPELINING" in extensions:
            lines = b"" if written else b"".join(_envelope_lines(extensions, envelope))
            replies = yield Ask(lines, 3, _MAIL)
        else:
            replies = yield from _step_by_step(_envelope_lines(extensions, envelope))
    except ConnectionLost as end:
        # A refusal stands, even if the server hung up after it.
        if refusal := _refusal(end.replies):
            return refusal
        raise
    refusal = _refusal(replies)
    if refusal is None:
        return replies[-1]
    with suppress(ConnectionLost):
        yield from _abandon(replies)
    return refusal


def final_reply() -> Dialogue[Reply]:
    """Read the server's reply to a message that is written."""
    try:
        [reply] = yield Ask(b"", 1, _FINAL_REPLY)
    except ConnectionLost as end:
        # A refusal stands, even if the server sent it while we were still writing, and hung up.
        if not (end.replies and end.replies[0].code >= 400):
            raise
        reply = end.replies[0]
    if 300 <= reply.code < 400:
        raise ProtocolError(f"{reply} is no answer to a message")
    return reply


def pipelined_commands(extensions: Extensions, envelope: Envelope) -> bytes:
    """The commands that open a transaction, to pipeline behind a final dot (RFC 2920, 3.1); empty if not allowed."""
    may = "PIPELINING" in extensions and (not envelope.international or "SMTPUTF8" in extensions)
    return b"".join(_envelope_lines(extensions, envelope)) if may else b""


def quit() -> Dialogue[None]:  # noqa: A001  (the command's name)
    """Send QUIT, and read the reply."""
    yield _command("QUIT")


def _envelope_lines(extensions: Extensions, envelope: Envelope) -> tuple[bytes, bytes, bytes]:
    size = [f"SIZE={envelope.size}"] if "SIZE" in extensions else []
    international = ["BODY=8BITMIME", "SMTPUTF8"] if envelope.international else []
    of_mail, of_rcpt = dsn_parameters(envelope) if "DSN" in extensions else ([], [])
    mail = " ".join([f"MAIL FROM:<{envelope.sender}>", *size, *international, *of_mail])
    rcpt = " ".join([f"RCPT TO:<{envelope.recipient}>", *of_rcpt])
    return f"{mail}\r\n".encode(), f"{rcpt}\r\n".encode(), b"DATA\r\n"


def dsn_parameters(envelope: Envelope) -> tuple[list[str], list[str]]:
    """The DSN parameters of MAIL and of RCPT (RFC 3461, 4.1 to 4.4); none for an envelope without an id.

    They ask for a report of each failure that carries the envelope's id, and of the message only the headers.
    """
    if not envelope.id:
        return [], []
    whose = [] if envelope.international else [f"ORCPT=rfc822;{xtext(envelope.recipient)}"]
    return ["RET=HDRS", f"ENVID={envelope.id}"], ["NOTIFY=FAILURE", *whose]


def refuses_parameters(reply: Reply) -> bool:
    """Whether a reply is to the parameters of MAIL or RCPT, not to an address (RFC 5321, 4.1.1.11; RFC 3463, 3.6)."""
    return reply.code in {504, 555} or reply.status == "5.5.4"


def xtext(text: str) -> str:
    """ASCII text as xtext (RFC 3461, 4), in which a plus sign and an equals sign are escaped."""
    return "".join(each if "!" <= each <= "~" and each not in "+=" else f"+{ord(each):02X}" for each in text)


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
        if reply.code >= 400:
            if place == 0:
                _require_about_the_copy(reply)
            return reply
        if not (reply.code == 354 if place == 2 else reply.positive):
            raise ProtocolError(f"{reply} is no answer to {('MAIL', 'RCPT', 'DATA')[place]}")
    return None


def _require_about_the_copy(reply: Reply) -> None:
    """Raise TransportDown if this refusal of the sender is about no copy."""
    if retry.is_rate_limited(reply):
        raise RateLimited(f"the server answers {reply}")
    if reply.code >= 500 and reply.code != _ABOUT_THE_COPY:
        raise SenderRefused(reply)
    if retry.classify(reply) is ReplyKind.SERVER_WIDE:
        raise TransportDown(f"the server answers {reply}")


def _abandon(replies: Sequence[Reply]) -> Dialogue[None]:
    """Make room for the next transaction after one that was refused."""
    if replies[-1].code == 421:
        return
    # DATA was accepted although no recipient was: an empty message ends it (RFC 2920, 3.1).
    yield Ask(FINAL_DOT, 1, _FINAL_REPLY) if replies[-1].code == 354 else _command("RSET")


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
