"""One SMTP connection over a socket: asyncio, TLS and time-outs. It runs the dialogues of `protocol`."""

import asyncio
import contextlib
import math
import socket
import ssl
from asyncio import Future, TimerHandle
from collections import deque
from collections.abc import Callable
from typing import Self, TypeVar, cast

from newsletter.delivery.smtp import protocol, tls_trust
from newsletter.delivery.smtp.protocol import ConnectionLost, Dialogue, DotStuffed, Envelope, Extensions
from newsletter.delivery.smtp.replies import ProtocolError, Reply, ReplyReader
from newsletter.errors import TransportDown
from newsletter.mail_settings import MailServer

T = TypeVar("T")

_CONNECT = 30.0  # seconds, as all below
# A name may stand for several hosts, one of which swallows what is sent to it.
_NEXT_ADDRESS = 5.0
_QUIT = 2.0
_WORTH_REPORTING = 30.0
# More replies than are ever asked for at once, so that a server that sends without end cannot fill the memory.
_MAX_UNREAD = 100


class _ReplyStream(asyncio.Protocol):
    """Receives replies as they come, and reports when the connection is lost or silent."""

    def __init__(self, report_after: float, on_silence: Callable[[], None]) -> None:
        self._report_after = report_after
        self._on_silence = on_silence
        self._report_at = math.inf
        self.unread: deque[Reply] = deque()
        self.reader = ReplyReader()
        self.gone = False
        self._lost_by: Exception | None = None
        self._fault: ProtocolError | None = None
        self._change: Future[None] | None = None
        self._may_write = True
        self._silence: TimerHandle | None = None
        self._deadline = math.inf

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        try:
            self.unread.extend(self.reader.feed(data))
        except ProtocolError as fault:
            self._fail(fault)
        if len(self.unread) > _MAX_UNREAD:
            self._fail(ProtocolError("replies to what was never asked"))
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        self._lost_by = error
        if self._silence:
            self._silence.cancel()
        self._wake()

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        self._wake()

    async def replies(self, count: int, patience: float) -> list[Reply]:
        """The next replies, within `patience` seconds; raises ProtocolError, or ConnectionLost with those so far."""
        if len(self.unread) < count or not self._may_write:
            await self._wait_for(count, patience)
        return [self.unread.popleft() for _ in range(count)]

    async def lost(self) -> None:
        """Wait until the connection is closed."""
        while not self.gone:
            await self._next_change()

    async def _wait_for(self, count: int, patience: float) -> None:
        now = self._loop.time()
        self._deadline, self._report_at = now + patience, now + self._report_after
        self._watch_for_silence()
        while len(self.unread) < count or not self._may_write:
            if self._fault:
                raise self._fault
            if self.gone:
                by_tls = isinstance(self._lost_by, ssl.SSLError)
                why = str(tls_trust.tls_failed(self._lost_by)) if by_tls and self._lost_by else "the server hung up"
                raise ConnectionLost(why, list(self.unread))
            if self._loop.time() >= self._deadline:
                raise ConnectionLost("the server fell silent", list(self.unread))
            await self._next_change()
        self._deadline = self._report_at = math.inf

    def _next_change(self) -> Future[None]:
        self._change = self._loop.create_future()
        return self._change

    def _wake(self) -> None:
        if self._change and not self._change.done():
            self._change.set_result(None)

    def _watch_for_silence(self) -> None:
        # One timer for many waits: most of them end long before it rings, and it then looks for the next.
        due_at = min(self._deadline, self._report_at)
        if self._silence and self._silence.when() <= due_at:
            return
        if self._silence:
            self._silence.cancel()
        self._silence = self._loop.call_at(due_at, self._on_timer)

    def _on_timer(self) -> None:
        self._silence = None
        if self._loop.time() >= self._report_at:
            self._report_at = math.inf
            self._on_silence()
        if self._loop.time() >= self._deadline:
            self._wake()
        elif self._deadline < math.inf:
            self._watch_for_silence()

    def _fail(self, fault: ProtocolError) -> None:
        self._fault = fault
        self._transport.close()


class SmtpConnection:
    """A connection that is ready for transactions; `patience` scales every time-out."""

    def __init__(
        self,
        server: MailServer,
        tls: ssl.SSLContext | None = None,
        patience: float = 1.0,
        on_silence: Callable[[], None] = lambda: None,
    ) -> None:
        self.extensions = Extensions({})
        self.served = 0
        """How many messages went over this connection."""
        self.awaiting_reply = False
        """Whether a final dot may be out whose answer is not in."""
        self._opened: Envelope | None = None
        """The envelope whose commands went out already, behind the last message."""
        self._server = server
        self._tls = tls
        self._patience = patience
        self._on_silence = on_silence

    @classmethod
    async def open(
        cls,
        server: MailServer,
        tls: ssl.SSLContext | None = None,
        patience: float = 1.0,
        on_silence: Callable[[], None] = lambda: None,
    ) -> Self:
        """Connect, secure and log in; raises TransportDown, with the reason, if that fails.

        `on_silence` is called once a reply has taken half a minute; RFC 5321 allows it ten minutes.
        """
        connection = cls(server, tls, patience, on_silence)
        try:
            await connection._connect()
            await connection._introduce()
        except (OSError, ValueError, TransportDown) as error:
            connection.drop()
            kind = type(error) if isinstance(error, protocol.RateLimited) else TransportDown
            raise kind(f"{server.host_port}: {str(error) or type(error).__name__}") from error
        except BaseException:
            connection.drop()
            raise
        return connection

    def usable(self, envelope: Envelope | None = None) -> bool:
        """Whether it is open, and `envelope` can be offered now: no other was sent ahead, and no reply is unread."""
        if self._stream.gone or self._transport.is_closing():
            return False
        return self._opened is envelope if self._opened else not self._stream.unread

    async def offer(self, envelope: Envelope) -> Reply:
        """Open a transaction; returns 354 if the content may follow, else the refusal.

        Raises ConnectionLost or ProtocolError.
        """
        written, self._opened = self._opened is envelope, None
        reply = await self._run(protocol.offer(self.extensions, envelope, written=written))
        if not (envelope.id and "DSN" in self.extensions and protocol.refuses_parameters(reply)):
            return reply
        # A proxy may offer reports that the server behind it does not know: then none is asked for.
        self.extensions = self.extensions.without("DSN")
        return await self._run(protocol.offer(self.extensions, envelope))

    def write(self, content: DotStuffed) -> None:
        """Write the message without its final dot: until `complete`, `drop` takes it back."""
        self._transport.write(content)

    async def complete(self, following: Envelope | None = None) -> Reply:
        """Write the final dot; returns the server's reply. Raises ConnectionLost or ProtocolError.

        The envelope that follows, if there is one, must be the next to be offered: where the server allows
        it, its commands are pipelined behind the dot, and a message takes one round trip.
        """
        behind = protocol.pipelined_commands(self.extensions, following) if following else b""
        self._opened = following if behind else None
        self.awaiting_reply = not self._stream.gone
        self._transport.write(protocol.FINAL_DOT + behind)
        reply = await self._run(protocol.final_reply())
        self.awaiting_reply = False
        self.served += 1
        return reply

    async def close(self) -> None:
        """Say QUIT if the server still listens, and close."""
        with contextlib.suppress(TransportDown, TimeoutError):
            async with asyncio.timeout(_QUIT):
                if self.usable():
                    await self._run(protocol.quit())
                self._transport.close()
                await self._stream.lost()
        self.drop()

    def drop(self) -> None:
        """Close without QUIT: the only way to take back a message before its final dot."""
        if hasattr(self, "_transport"):
            self._transport.abort()

    async def _connect(self) -> None:
        tls = (self._tls or tls_trust.verified_context()) if self._server.use_ssl else None
        try:
            async with asyncio.timeout(_CONNECT * self._patience):
                self._transport, self._stream = await self._reach(tls)
        except (ssl.SSLError, ConnectionResetError, ConnectionAbortedError) as error:
            raise (tls_trust.tls_failed(error) if tls else error) from error
        except TimeoutError:
            raise TransportDown("the server does not answer") from None

    async def _reach(self, tls: ssl.SSLContext | None) -> tuple[asyncio.Transport, _ReplyStream]:
        """Connect to the first of the server's addresses that answers; each but the last has a few seconds for it."""
        host, port = self._server.host, self._server.port
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = cast("list[tuple[str, int]]", list(dict.fromkeys(place[:2] for *_, place in found)))
        # asyncio's own way (happy eyeballs) leaves a connection open that is made as it is cancelled.
        for address in addresses[:-1]:
            with contextlib.suppress(OSError):
                async with asyncio.timeout(_NEXT_ADDRESS):
                    return await self._reach_address(address, tls)
        return await self._reach_address(addresses[-1], tls)

    async def _reach_address(
        self, address: tuple[str, int], tls: ssl.SSLContext | None
    ) -> tuple[asyncio.Transport, _ReplyStream]:
        loop, name = asyncio.get_running_loop(), self._server.host if tls else None
        return await loop.create_connection(self._listener, *address, ssl=tls, server_hostname=name)

    def _listener(self) -> _ReplyStream:
        return _ReplyStream(_WORTH_REPORTING * self._patience, self._on_silence)

    async def _introduce(self) -> None:
        await self._run(protocol.greeting())
        self.extensions = await self._run(protocol.hello(self._server.own_name))
        if self._server.use_tls and not self._server.use_ssl:
            await self._run(protocol.start_tls(self.extensions))
            await self._secure()
            self.extensions = await self._run(protocol.hello(self._server.own_name))
        await self._log_in()

    async def _secure(self) -> None:
        if self._stream.unread or not self._stream.reader.idle:
            # A reply injected before the encryption would count as part of the encrypted session (CVE-2011-0411).
            raise ProtocolError("the server went on talking after STARTTLS")
        if self._stream.gone:
            raise tls_trust.tls_failed(EOFError())
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT * self._patience):
                secured = await loop.start_tls(
                    self._transport,
                    self._stream,
                    self._tls or tls_trust.verified_context(),
                    server_hostname=self._server.host,
                )
        except OSError as error:
            raise tls_trust.tls_failed(error) from error
        if secured is None:
            raise tls_trust.tls_failed(EOFError())
        self._transport = secured
        self._stream.connection_made(secured)

    async def _log_in(self) -> None:
        if self._server.username is None or self._server.password is None:
            return
        peer = self._transport.get_extra_info("peername")[0]
        encrypted = self._transport.get_extra_info("ssl_object") is not None
        tls_trust.require_privacy(self._server.host, peer, encrypted=encrypted)
        password = self._server.password.get_secret_value()
        await self._run(protocol.log_in(self.extensions, self._server.username, password))

    async def _run(self, dialogue: Dialogue[T]) -> T:
        try:
            ask = next(dialogue)
            while True:
                if ask.data:
                    self._transport.write(ask.data)
                try:
                    replies = await self._stream.replies(ask.replies, ask.patience * self._patience)
                except ConnectionLost as end:
                    self.drop()
                    ask = dialogue.throw(end)
                else:
                    ask = dialogue.send(replies)
        except StopIteration as done:
            value: T = done.value
            return value
        except ProtocolError:
            self.drop()
            raise
