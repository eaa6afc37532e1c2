"""A mail server that counts. It runs in the test's own process, so it outlives every worker.

What it took, it took: a message counts as soon as its final dot is in, whether or not the sender
lives to hear so. That is how a real server behaves, and what a copy in doubt is about.
"""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.delivery.peers import Peer

_EHLO = b"250-sink.example.org\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n"
_LARGEST = 1_000_000
_MESSAGE_ID = re.compile(rb"^Message-ID: (<.+>)\r$", re.MULTILINE)

Answer = Callable[[str], str]


def known(_recipient: str) -> str:
    """What RCPT is answered unless the test says otherwise."""
    return "250 2.1.5 Known"


@dataclass
class Tally:
    """What came in, and how the server behaves."""

    answer: Answer = known
    """What RCPT is answered."""
    delay: float = 0.0
    """Seconds between a final dot and its answer."""
    taken: list[tuple[str, str]] = field(default_factory=list)
    """Recipient and Message-ID of each message, in order."""
    closing: bool = False
    """Whether every command is answered with 421."""

    @property
    def recipients(self) -> Counter[str]:
        """How many copies each recipient got."""
        return Counter(recipient for recipient, _ in list(self.taken))

    @property
    def twice(self) -> list[str]:
        """Who got more than one copy."""
        return sorted(recipient for recipient, count in self.recipients.items() if count > 1)

    @property
    def one_message_id_each(self) -> bool:
        """Whether whoever got a copy again got it under the same Message-ID, and no two readers share one."""
        pairs = set(self.taken)
        return len(pairs) == len({reader for reader, _ in pairs}) == len({name for _, name in pairs})

    def take(self, recipient: str, content: bytes) -> None:
        """Count a message; each has exactly one Message-ID."""
        head, _, _ = content.partition(b"\r\n\r\n")
        (name,) = _MESSAGE_ID.findall(head + b"\r\n")
        self.taken.append((recipient, name.decode()))


class _Hung(Exception):
    """The server hangs up."""


class _Conversation:
    """One connection."""

    def __init__(self, tally: Tally, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tally = tally
        self._reader = reader
        self._writer = writer
        self._recipient = ""

    async def run(self) -> None:
        # Cancelled: the server falls.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, _Hung):
            await self._say("220 sink.example.org")
            while line := await self._reader.readline():
                await self._heed(line.decode().strip())
        self._writer.close()

    async def _heed(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "EHLO" and not self._tally.closing:
            self._writer.write(_EHLO)
        elif verb == "RCPT":
            address = line.partition("<")[2].partition(">")[0]
            answer = self._tally.answer(address)
            self._recipient = address if answer.startswith("2") else ""
            await self._say(answer)
        elif verb == "DATA" and self._recipient:
            await self._take()
        elif verb == "QUIT":
            await self._say("221 Bye")
            raise _Hung
        else:
            await self._say("250 Fine" if verb != "DATA" else "503 5.5.1 To whom?")

    async def _take(self) -> None:
        await self._say("354 Go on")
        # The answer to DATA was awaited, so what comes now is the message, and no command before its end.
        content = await self._reader.readuntil(b"\r\n.\r\n")
        self._tally.take(self._recipient, content)
        await asyncio.sleep(self._tally.delay)
        self._recipient = ""
        await self._say("250 2.0.0 Taken")

    async def _say(self, answer: str) -> None:
        # A message that is in was taken, so its answer is still given; anything else is not begun any more.
        if self._tally.closing and not answer.startswith("250 2.0.0"):
            answer = "421 4.3.2 Closing"
        self._writer.write(f"{answer}\r\n".encode())
        await self._writer.drain()
        if answer.startswith("421"):
            raise _Hung


@contextlib.contextmanager
def counting(tally: Tally, port: int = 0) -> Iterator[Peer]:
    """The server, on this port or any; at its end it hangs up on everybody, in mid-word if need be."""

    def protocol() -> asyncio.BaseProtocol:
        reader = asyncio.StreamReader(limit=_LARGEST)
        return asyncio.StreamReaderProtocol(reader, lambda *ends: _Conversation(tally, *ends).run())

    peer = Peer(protocol, port)
    try:
        yield peer
    finally:
        peer.stop()
