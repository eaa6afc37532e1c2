"""The inbox's SMTP server, in its own thread."""

import asyncio
import logging
import socket

import structlog
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as SmtpEnvelope

from newsletter import clock
from newsletter.inbox.listeners import listen
from newsletter.inbox.store import Envelope, Store
from newsletter.system.asyncio_server import AsyncioServer

_MAX_SIZE = 25 * 1024 * 1024  # bytes; aiosmtpd announces it in SIZE and answers 552 above it

log = structlog.get_logger(__name__)


class _SmtpHandler:
    """Handles a received mail; the method names are aiosmtpd's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_DATA(self, _server: SMTP, _session: Session, received: SmtpEnvelope) -> str:  # noqa: N802
        """250 only once the mail is on disk; 452 asks the sender to try again."""
        try:
            sender = received.mail_from or ""
            mail = self._store.add(
                Envelope(_clean("" if sender == "<>" else sender), tuple(_clean(to) for to in received.rcpt_tos)),
                received.original_content or b"",
                clock.now(),
            )
        except OSError as error:
            log.warning("inbox cannot write", reason=error.strerror)
            return f"452 4.3.1 The inbox cannot write ({error.strerror}); try again later"
        return f"250 2.0.0 Kept as {mail.id}"

    async def handle_exception(self, error: Exception) -> str:
        """An internal error is temporary for the sender, so never a 5xx."""
        log.error("inbox fault", exc_info=error)
        return "451 4.3.0 The inbox has a fault; try again later"


class MailServer(AsyncioServer):
    """A running SMTP server; `stop` returns when its port and connections are closed."""

    def __init__(self, listener: socket.socket, store: Store) -> None:
        self.port: int = listener.getsockname()[1]
        self._intake = _SmtpHandler(store)
        super().__init__(listener, self._smtp_session, "inbox-smtp")

    def _smtp_session(self) -> SMTP:
        # Pass the host name, or aiosmtpd would look it up in DNS for each connection.
        return SMTP(
            self._intake,
            data_size_limit=_MAX_SIZE,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Newsletter Press inbox",
            loop=asyncio.get_running_loop(),
        )


def start(host: str, port: int, store: Store, *, beyond_loopback: bool = False) -> MailServer:
    """Start a server that stores mail; port 0 lets the system choose."""
    return start_on(listen(host, port, "MAIL_PORT", beyond_loopback=beyond_loopback), store)


def start_on(listener: socket.socket, store: Store) -> MailServer:
    """The same on a socket that listens already."""
    # aiosmtpd logs addresses at info level, and warns of every client error.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    return MailServer(listener, store)


def _clean(address: str) -> str:
    # aiosmtpd keeps bytes that are not UTF-8 as surrogates, which neither HTML nor JSON can encode.
    return address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
