"""The LMTP server (RFC 2033): mail straight from the mail server, which gets a 250 only once it is committed."""

import asyncio
import errno
import fcntl
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from newsletter.characters import as_line
from newsletter.delivery.bounces.intake.incoming import IncomingMail
from newsletter.system import ports
from newsletter.system.asyncio_server import AsyncioServer

MOST_OCTETS = 20 * 1024 * 1024
"""The largest mail that is taken; aiosmtpd answers 552 to a larger one, and announces it in SIZE."""
_MOST_SESSIONS = 8
_LONGEST_LINE = 1024 * 1024
_TRY_LATER = "451 4.3.0 Not now; try again later"
_UNIX = "unix:"

log = structlog.get_logger(__name__)


class LmtpListener:
    """Listens at one place; where several workers do, the first has it, and another follows when it ends."""

    def __init__(self, where: str, is_ours: Callable[[str], bool], take: Callable[[IncomingMail], None]) -> None:
        """`is_ours` and `take` are called in threads; what they raise means "not now" to the other side."""
        # aiosmtpd logs addresses at info level, and warns of every client error.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self._where = where
        self._handler = _Handler(is_ours, take)
        self._server: AsyncioServer | None = None
        self._lock: int | None = None
        self._last_reason = ""

    def keep(self) -> None:
        """Begin to listen unless it does already; if that is not possible now, call it again later."""
        if self._server:
            return
        try:
            self._server = AsyncioServer(self._listen(), self._session, "lmtp")
            log.info("mail is taken by LMTP", at=self._where)
        except OSError as error:
            self._say_once(error)

    def close(self) -> None:
        """Close the port and every connection; the mail server delivers unanswered mail again."""
        if self._server:
            self._server.stop()
            self._server = None
        if self._lock is not None:
            Path(self._path).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    @property
    def _path(self) -> str:
        return self._where.removeprefix(_UNIX)

    def _listen(self) -> socket.socket:
        if not self._where.startswith(_UNIX):
            host, port = ports.host_and_port(self._where)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family)
        lock = os.open(f"{self._path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        listener = socket.socket(socket.AF_UNIX)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A leftover socket: this process has the lock, so nobody listens there.
            Path(self._path).unlink(missing_ok=True)
            listener.bind(self._path)
            # Anybody who may enter the folder may deliver, as on a port of this machine.
            Path(self._path).chmod(0o666)
            listener.listen()
        except OSError:
            listener.close()
            os.close(lock)
            raise
        self._lock = lock
        return listener

    def _session(self) -> asyncio.BaseProtocol:
        return _Busy() if self._handler.is_busy else _Session(self._handler)

    def _say_once(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        if reason != self._last_reason:
            if error.errno in {errno.EADDRINUSE, errno.EAGAIN}:
                log.info("another program listens there, most likely another worker of ours", at=self._where)
            else:
                log.error("cannot listen for mail by LMTP; see BOUNCE_LMTP", at=self._where, reason=reason)
        self._last_reason = reason


class _Handler:
    """What is answered to each command; the method names are aiosmtpd's."""

    def __init__(self, is_ours: Callable[[str], bool], take: Callable[[IncomingMail], None]) -> None:
        self._is_ours = is_ours
        self._take = take
        self._sessions = 0

    @property
    def is_busy(self) -> bool:
        """Whether there are as many connections as are served at once."""
        return self._sessions >= _MOST_SESSIONS

    def add_session(self) -> None:
        self._sessions += 1

    def remove_session(self) -> None:
        self._sessions -= 1

    async def handle_RCPT(  # noqa: N802
        self, _server: LMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        try:
            is_ours = await asyncio.to_thread(self._is_ours, address)
        except Exception as error:
            return _put_off(error)
        if not is_ours:
            return "550 5.1.1 No such address here"
        if envelope.rcpt_tos:
            # aiosmtpd gives one answer to a mail, and LMTP wants one for each recipient (RFC 2033, 4.2).
            return "452 4.5.3 One recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Known"

    async def handle_DATA(self, _server: LMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        sender = (envelope.mail_from or "").strip("<>")
        # As a mail server that delivers notes it (RFC 5321, 4.4).
        trace = f"Return-Path: <{_plain(sender)}>\r\nDelivered-To: {_plain(envelope.rcpt_tos[0])}\r\n"
        mail = IncomingMail.from_bytes(trace.encode() + (envelope.original_content or b""))
        try:
            await asyncio.to_thread(self._take, mail)
        except Exception as error:
            return _put_off(error)
        return "250 2.0.0 Recorded"

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours is temporary for the other side, so never a 5xx."""
        return _put_off(error)


class _Session(LMTP):
    """A connection of the mail server's."""

    # Mail with overlong lines exists, and would otherwise be lost.
    line_length_limit = _LONGEST_LINE

    def __init__(self, handler: _Handler) -> None:
        self._counted = handler
        super().__init__(
            handler,
            data_size_limit=MOST_OCTETS,
            enable_SMTPUTF8=True,
            # Pass the host name, or aiosmtpd would look it up in DNS for each connection.
            hostname="localhost",
            ident="Newsletter Press",
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._counted.add_session()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._counted.remove_session()
        super().connection_lost(error)


class _Busy(asyncio.Protocol):
    """Says that there are too many connections."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  (of a stream it always is)
        transport.write(b"421 4.3.2 Too many connections; try again later\r\n")
        transport.close()


def _put_off(error: Exception) -> str:
    log.warning("a mail could not be taken by LMTP now; it comes again", fault=type(error).__name__)
    return _TRY_LATER


def _plain(address: str) -> str:
    # aiosmtpd keeps bytes that are not UTF-8 as surrogates.
    return as_line(address.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
