"""Run the inbox: start both servers and stop them at a signal."""

import logging
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import structlog
from waitress import create_server

from newsletter.inbox import smtp
from newsletter.inbox.listeners import listen
from newsletter.inbox.store import Store
from newsletter.inbox.web import create_inbox
from newsletter.system import lifeline, waitress_stop

_LOOPBACK = "127.0.0.1"
THREADS = 8  # one browser holds up to six connections
_LOOK = 0.2  # seconds between two checks for a signal

log = structlog.get_logger(__name__)


class WebServer:
    """The web server on a bound socket, in its own thread; `stop` returns when everything is closed."""

    def __init__(self, listener: socket.socket, store: Store, smtp_address: str) -> None:
        self.port: int = listener.getsockname()[1]
        self._sockets: dict[int, object] = {}
        # waitress warns of every request that is queued, or is cut off by the stop.
        logging.getLogger("waitress").setLevel(logging.ERROR)
        app = create_inbox(store, smtp_address)
        self._server = create_server(app, map=self._sockets, sockets=[listener], threads=THREADS)
        self._thread = threading.Thread(target=self._server.run, name="inbox-web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection; a second call does nothing."""
        if self._thread.is_alive():
            waitress_stop.close_server(self._server, self._sockets)
            self._thread.join()


@dataclass(frozen=True, slots=True)
class Inbox:
    """Both servers, running; the ports are the actual ones, also if 0 was requested."""

    store: Store
    mail_server: smtp.MailServer
    web_server: WebServer

    @property
    def smtp_port(self) -> int:
        return self.mail_server.port

    @property
    def web_port(self) -> int:
        return self.web_server.port

    @property
    def url(self) -> str:
        return f"http://{_LOOPBACK}:{self.web_port}"

    def stop(self) -> None:
        """Stop the SMTP server, then the web server."""
        self.mail_server.stop()
        self.web_server.stop()


def start_inbox(folder: Path, mail: int | socket.socket, web_port: int) -> Inbox:
    """Start both servers and return; Refused if a port is taken. The caller calls `stop`.

    `mail` is a port, or a socket that listens on one.
    """
    listener = listen(_LOOPBACK, web_port, "INBOX_PORT")
    try:
        store = Store(folder)
        mail_server = smtp.start(_LOOPBACK, mail, store) if isinstance(mail, int) else smtp.start_on(mail, store)
    except BaseException:
        listener.close()
        raise
    web_server = WebServer(listener, store, f"{_LOOPBACK}:{mail_server.port}")
    return Inbox(store, mail_server, web_server)


def serve_inbox(folder: Path, mail: int | socket.socket, web_port: int) -> None:
    """Run the inbox until a signal; Refused if a port is taken. Main thread only."""
    asked = lifeline.watch_stop_signals()
    inbox = start_inbox(folder, mail, web_port)
    log.info("inbox ready", url=inbox.url, smtp=f"{_LOOPBACK}:{inbox.smtp_port}")
    while not asked:
        time.sleep(_LOOK)
    inbox.stop()
