"""Limits on connections: a slow client occupies a socket but never a thread, and only for a limited time.

waitress gives a request to a thread once it is complete, and buffers the answer, so threads never wait for a client.
But it lets a client that sends or reads a byte now and then stay for ever, and stops at a hundred connections.
"""

import resource
import socket
import time
from enum import Enum, auto
from typing import Any
from wsgiref.types import WSGIApplication

import structlog
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer

from newsletter.audience import client_ip
from newsletter.errors import Refused
from newsletter.system.ports import is_loopback

log = structlog.get_logger(__name__)

MOST = 2_000
"""The number of connections that are held at once."""
ONE_CLIENT = MOST // 4
"""How many of them one client may hold; only without a proxy in front, which would be everybody's client."""
_FEWEST = 100
# A connection needs a socket, and a file while a large body is received or a picture is sent.
_FILES_EACH = 2
_FILES_BESIDE = 256
_SLOWEST = 10_000
"""Bytes a second; even slow networks of today stay above that for most of the time."""
# How much of an answer a client may leave unread before its next request is handled.
_UNREAD = 1_000_000
# As much as nginx takes; waitress by itself takes eight times that, and each header is looked at in several places.
_LARGEST_HEADER = 32 * 1024
_CHECK_INTERVAL = 1.0


class Awaited(Enum):
    """What we wait for on a connection."""

    NOTHING = auto()
    """Nothing: a request is being handled."""
    HEADER = auto()
    BODY = auto()
    READING = auto()
    ANOTHER = auto()
    """The next request on a keep-alive connection."""


PATIENCE = {
    Awaited.NOTHING: float("inf"),
    Awaited.HEADER: 20.0,
    Awaited.BODY: 30.0,
    Awaited.READING: 60.0,
    Awaited.ANOTHER: 120.0,
}
"""Seconds for the whole, however often a byte comes; bodies and answers get more time for the bytes moved."""


class _RequestParser(HTTPRequestParser):  # type: ignore[misc]
    """waitress's parser, which answers 400 to what it would end the connection for, with a traceback in the log."""

    def parse_header(self, header: bytes) -> None:
        """Parse the request line and the header; ParsingError for whatever is wrong with them."""
        try:
            super().parse_header(header)
        except ValueError as error:  # a host in brackets that is no IPv6 address, a length of thousands of digits
            raise ParsingError("Bad URI or Content-Length") from error


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client's connection that knows what it waits for, and since when."""

    parser_class = _RequestParser

    def __init__(self, server: Any, sock: Any, addr: Any, adj: Any, map: Any = None) -> None:  # noqa: A002  (its name)
        self.requests: list[HTTPRequestParser]
        self.client = client_ip.one_client(addr[0])
        self.since = time.monotonic()
        self._served = 0
        self._sent = 0
        self._looked = (Awaited.HEADER, 0)
        self._sent_before = 0
        super().__init__(server, sock, addr, adj, map)  # last, for it shows the connection to others

    @property
    def awaited(self) -> Awaited:
        """What the client has to do next."""
        request = self.request  # another thread may remove it meanwhile
        if self.total_outbufs_len:
            return Awaited.READING
        if self.requests:
            return Awaited.NOTHING
        if request is not None and request.headers_finished:
            return Awaited.BODY
        # Empty lines before a request are ignored (RFC 9112, 2.2), so they do not begin one.
        is_begun = request is not None and request.header_plus.strip()
        return Awaited.HEADER if is_begun or not self._served else Awaited.ANOTHER

    def is_late(self, now: float) -> bool:
        """Whether the client has exceeded the time allowed, given the bytes that it has moved."""
        looked = (self.awaited, self._served)
        if looked != self._looked:
            self._looked, self.since, self._sent_before = looked, now, self._sent
        return now - self.since > PATIENCE[looked[0]] + self._moved(looked[0]) / _SLOWEST

    def _moved(self, awaited: Awaited) -> int:
        request = self.request
        if awaited is Awaited.BODY and request is not None:
            received: int = request.body_bytes_received
            return received
        return self._sent - self._sent_before if awaited is Awaited.READING else 0

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close)
        self._sent += sent
        return sent

    def service(self) -> None:
        # Pipelined requests whose answers are not read: the thread would wait for buffer space.
        if self.total_outbufs_len > _UNREAD:
            self._stop_answering()
        else:
            super().service()
        self._served += 1

    def _stop_answering(self) -> None:
        with self.requests_lock:
            for request in self.requests:
                request.close()
            self.requests = []
            self.close_when_flushed = True
        self.server.pull_trigger()


class Server(TcpWSGIServer):  # type: ignore[misc]
    """waitress's server with a deadline for each state of a connection, and with room for new connections."""

    channel_class = Connection

    def __init__(
        self, app: WSGIApplication, listener: socket.socket, most: int, one_client: int | None, **adjustments: Any
    ) -> None:
        self._most = most
        self._one_client = one_client
        self._next_check = time.monotonic() + _CHECK_INTERVAL
        self._warned_at = float("-inf")
        # waitress stops accepting at its own limit, so that is set above ours. Its `select` cannot handle file
        # descriptors above 1,023.
        adjusted = Adjustments(
            connection_limit=most + 50,
            asyncore_use_poll=True,
            max_request_header_size=_LARGEST_HEADER,
            **adjustments,
        )
        known = (listener.family, listener.type, listener.proto, listener.getsockname())
        super().__init__(app, _sock=listener, bind_socket=False, sockinfo=known, adj=adjusted)

    def readable(self) -> bool:
        """Called in each round of waitress's loop, at least once a second."""
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + _CHECK_INTERVAL
            self._close_late(now)
        is_readable: bool = super().readable()
        return is_readable

    def maintenance(self, now: float) -> None:
        """Disabled: waitress's own goes by the wall clock, and counts from the last byte."""

    def accept(self) -> Any:
        accepted = super().accept()
        if accepted is not None:
            self._close_excess(accepted[1][0])
        return accepted

    def _close_late(self, now: float) -> None:
        for connection in list(self.active_channels.values()):
            if connection.is_late(now):
                # Closed at once: a socket whose client reads nothing never becomes writable.
                connection.handle_close()

    def _close_excess(self, address: str) -> None:
        if len(self.active_channels) < min(self._most, self._one_client or self._most):
            return
        client, connections = client_ip.one_client(address), list(self.active_channels.values())
        own = [each for each in connections if each.client == client]
        if self._one_client and len(own) >= self._one_client and not is_loopback(client or ""):
            self._close_longest(own)
        elif len(connections) >= self._most:
            self._close_longest(connections)

    def _close_longest(self, connections: list[Connection]) -> None:
        waiting = [each for each in connections if each.awaited is not Awaited.NOTHING]
        if waiting:
            min(waiting, key=lambda each: each.since).handle_close()
        if time.monotonic() - self._warned_at > 60:
            self._warned_at = time.monotonic()
            log.warning("connections are scarce", open=len(self.active_channels), most=self._most)


def affordable() -> int:
    """How many connections the limit on open files allows, up to the number wanted; Refused if too few."""
    wanted = MOST * _FILES_EACH + _FILES_BESIDE
    soft = _open_files(wanted)
    fit = min(MOST, (soft - _FILES_BESIDE) // _FILES_EACH)
    if fit < MOST:
        hint = f"allow this process {wanted} open files (`ulimit -n`, or LimitNOFILE= of systemd)"
        if fit < _FEWEST:
            raise Refused(f"{soft} open files are too few for a web server; {hint}")
        log.warning("fewer connections than usual", most=fit, open_files=soft, hint=hint)
    return fit


def _open_files(wanted: int) -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    if soft == infinite or soft >= wanted:
        return wanted
    raised = wanted if hard == infinite else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    except (OSError, ValueError):  # macOS reports a higher limit than it grants
        return soft
    return raised
