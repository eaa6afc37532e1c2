"""What the tests of delivery stand on: a clock, readers, two mail servers, and sending to them.

One server is aiosmtpd, which is honest; the other follows a script, and need not be.
"""

import asyncio
import contextlib
import email
import email.policy
import math
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.delivery.bulk.sender import BulkSender
from newsletter.delivery.smtp import connection, protocol
from newsletter.mail_settings import MailServer
from tests.waiting import PATIENCE

HANG_UP = b"<hang up>"
SILENCE = b"<silence>"

Answer = bytes | Callable[[bytes], bytes]


def send_all(sender: BulkSender) -> None:
    """Send until nothing is due.

    A run may end while another sender holds copies and gives them back; a worker begins the next a second later.
    """
    while sender.run_once():
        pass


def be_patient(monkeypatch: pytest.MonkeyPatch, *hurried: str) -> None:
    """Let bulk senders whose waits are scaled down wait for answers as long as a busy machine takes, but for these."""
    monkeypatch.setattr(connection, "_CONNECT", 12_000.0)
    monkeypatch.setattr(connection, "_QUIT", PATIENCE)
    monkeypatch.setattr("newsletter.delivery.bulk.sender._LAST_WRITE", PATIENCE)
    for name in ("_GREETING", "_COMMAND", "_MAIL", "_RCPT", "_DATA", "_FINAL_REPLY"):
        monkeypatch.setattr(protocol, name, 20.0 if name in hurried else 12_000.0)


class Clock:
    """A moment that moves only when told to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


class Peer:
    """A mail server on loopback, in a thread of its own."""

    def __init__(
        self, factory: Callable[[], asyncio.BaseProtocol], port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._factory = factory
        self._tls = tls
        self._started = threading.Event()
        self._protocols: list[asyncio.BaseProtocol] = []
        self.port = port
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._started.wait()

    @property
    def server(self) -> MailServer:
        return MailServer("127.0.0.1", self.port)

    def stop(self) -> None:
        """Close the port and hang up on everybody."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await self._loop.create_server(self._make, "127.0.0.1", self.port, reuse_address=True, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        server.close()
        for each in self._protocols:
            transport = getattr(each, "transport", None) or getattr(each, "_transport", None)
            if transport is not None:
                transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _make(self) -> asyncio.BaseProtocol:
        made = self._factory()
        self._protocols.append(made)
        return made


@dataclass
class Mailbox:
    """What an honest server took, and what it says to whom. The method names are aiosmtpd's."""

    answers: dict[str, str] = field(default_factory=dict)
    """What RCPT is answered, by recipient."""
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Sender, recipient and content of each message."""
    delay: float = 0.0
    most: float = math.inf
    """How many messages it takes before it falls silent."""

    @property
    def recipients(self) -> list[str]:
        return sorted(recipient for _, recipient, _ in self.taken)

    @property
    def messages(self) -> list[EmailMessage]:
        return [parsed(content) for _, _, content in self.taken]

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Known"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.delay)
        if len(self.taken) >= self.most:
            await asyncio.sleep(3600)
        self.taken.append((envelope.mail_from or "", envelope.rcpt_tos[0], envelope.original_content or b""))
        return "250 2.0.0 Taken"


@contextlib.contextmanager
def honest(mailbox: Mailbox, port: int = 0, **options: object) -> Iterator[Peer]:
    """aiosmtpd, which lays what comes into the mailbox."""
    settings = {"hostname": "localhost", "enable_SMTPUTF8": True} | options
    peer = Peer(lambda: SMTP(mailbox, loop=asyncio.get_running_loop(), **settings), port)
    try:
        yield peer
    finally:
        peer.stop()


_MANNERS: Mapping[str, Answer] = {
    "": b"220 liar.example.org ready\r\n",
    "EHLO": b"250-liar.example.org\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n",
    "HELO": b"250 liar.example.org\r\n",
    "AUTH": b"235 2.7.0 Welcome\r\n",
    "MAIL": b"250 2.1.0 Fine\r\n",
    "RCPT": b"250 2.1.5 Known\r\n",
    "DATA": b"354 Go on\r\n",
    ".": b"250 2.0.0 Taken\r\n",
    "RSET": b"250 2.0.0 Forgotten\r\n",
    "QUIT": b"221 2.0.0 Bye\r\n",
}


class Liar:
    """Answers as it is told to; what it is not told, it answers as a server should."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = {**_MANNERS, **answers}
        self.heard: list[bytes] = []
        self.taken: list[bytes] = []

    def protocol(self) -> asyncio.BaseProtocol:
        reader = asyncio.StreamReader()
        return asyncio.StreamReaderProtocol(reader, self._converse)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if await self._say("", b"", writer):
                while (line := await reader.readline()) and await self._listen(line, reader, writer):
                    pass
        writer.close()

    async def _listen(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.heard.append(line)
        verb = line[:4].decode().strip().upper()
        if not await self._say(verb, line, writer):
            return False
        if verb == "DATA" and self._said.startswith(b"354"):
            content = b"\r\n"
            while not content.endswith(b"\r\n.\r\n"):
                content += await reader.readuntil(b"\n")
            self.taken.append(content)
            return await self._say(".", content, writer)
        return verb != "QUIT"

    async def _say(self, verb: str, line: bytes, writer: asyncio.StreamWriter) -> bool:
        answer = self._answers.get(verb, b"502 5.5.1 What?\r\n")
        self._said = answer(line) if callable(answer) else answer
        if self._said == SILENCE:
            await asyncio.sleep(3600)
        writer.write(self._said.removesuffix(HANG_UP))
        await writer.drain()
        return not self._said.endswith(HANG_UP)


@contextlib.contextmanager
def scripted(answers: Mapping[str, Answer]) -> Iterator[tuple[Peer, Liar]]:
    """A server that answers each verb ("" is the greeting, "." the final dot) as the script says."""
    liar = Liar(answers)
    peer = Peer(liar.protocol)
    try:
        yield peer, liar
    finally:
        peer.stop()


def parsed(content: bytes) -> EmailMessage:
    """The message that a reader's program sees."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def trusting(certificate: str) -> ssl.SSLContext:
    """TLS that trusts this certificate beside nobody."""
    return ssl.create_default_context(cafile=certificate)


def readers(count: int) -> list[str]:
    return [f"reader{number:04}@example.org" for number in range(count)]
