"""The guarded HTTP client for URLs that we did not choose: links in issues, certificates that a webhook names."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin

from newsletter.outbound.ssrf_guard import Address, Forbidden, Place, Unreachable, is_open, take_apart

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse
    from urllib3.connection import HTTPConnection

T = TypeVar("T")
_Reply = tuple[int, Mapping[str, str], bytes]

Resolve = Callable[[str, int], Collection[str]]
"""The addresses of a host, as text; OSError if it has none."""

MOST_AT_ONCE = 8

_SECONDS = 8.0
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (compatible; NewsletterPress)",
    "Accept": "text/html,*/*;q=0.5",
    "Connection": "close",
}
_REDIRECTS = {301, 302, 303, 307, 308}
# Some servers answer HEAD with one of these and GET with the page.
_ASK_AGAIN = {403, 404, 405, 501}
_PIECE = 65_536
_LOOK = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a request: a status and the final URL, or a fault that completes a sentence about the URL."""

    url: str
    status: int | None = None
    final_url: str = ""
    fault: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    content: bytes = field(default=b"", repr=False)


def _look_up(host: str, port: int) -> list[str]:
    """A host's addresses, from the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True)
class GuardedClient:
    """Requests URLs; `own_hosts` are our own names, which it refuses. The other fields are for tests."""

    own_hosts: frozenset[str] = frozenset()
    resolve: Resolve = _look_up
    may_reach: Callable[[Address], bool] = is_open
    ports: frozenset[int] = frozenset({80, 443})
    seconds: float = _SECONDS
    most_redirects: int = 5
    tls: ssl.SSLContext | None = None
    """None for one that trusts the certificate authorities of this machine."""

    def ask(self, url: str) -> Answer:
        """Request a URL and follow redirects; never raises, and ends within `seconds`."""
        return _Visit(self, ("HEAD", "GET"), None).follow(url)

    def fetch(self, url: str, most_bytes: int) -> Answer:
        """GET a URL as `ask` does, and keep the raw content; more than `most_bytes` of it is a fault."""
        return _Visit(self, ("GET",), most_bytes).follow(url)

    def post(self, url: str, most_bytes: int) -> Answer:
        """Send an empty POST, and keep the raw content as `fetch` does; only for our own pages."""
        return _Visit(self, ("POST",), most_bytes).follow(url)

    def ask_all(self, urls: Iterable[str], stopping: Callable[[], bool] = lambda: False) -> Iterator[Answer]:
        """The answers as they come, several requests at a time; stops early when `stopping` says so."""
        waiting, answers = list(dict.fromkeys(urls)), SimpleQueue[Answer]()
        open_ = 0
        while (waiting or open_) and not stopping():
            while waiting and open_ < MOST_AT_ONCE:
                _aside(answers, partial(self.ask, waiting.pop(0)))
                open_ += 1
            with suppress(Empty):
                yield answers.get(timeout=_LOOK)
                open_ -= 1


class _Visit:
    """A request and its redirects, with the time left for all of them."""

    def __init__(self, client: GuardedClient, methods: Sequence[str], most_bytes: int | None) -> None:
        self._client, self._methods, self._most_bytes = client, methods, most_bytes
        self._until = time.monotonic() + client.seconds

    def follow(self, url: str) -> Answer:
        current, fault = url, f"redirects more than {self._client.most_redirects} times"
        try:
            for _ in range(self._client.most_redirects + 1):
                status, headers, content = self._hop(current)
                onward = headers.get("Location") if status in _REDIRECTS else None
                if onward is None:
                    return Answer(url, status, current, "", headers, content)
                current = urljoin(current, onward)
        except Unreachable as reason:
            fault = str(reason)
        except ValueError:
            fault = "redirects to something that is not a web address"
        return Answer(url, None, current, fault)

    def _hop(self, url: str) -> _Reply:
        """The reply of one URL, with the first method that its server accepts."""
        place = take_apart(url)
        if place.port not in self._client.ports:
            raise Forbidden(f"asks for port {place.port}, and only 80 and 443 are checked")
        if place.host in self._client.own_hosts:
            raise Forbidden("is our own address, which is not checked")
        addresses = self._addresses(place)
        for method in self._methods:
            reply = self._exchange(method, place, addresses)
            if reply[0] not in _ASK_AGAIN:
                break
        return reply

    def _addresses(self, place: Place) -> list[Address]:
        """All addresses of the host, each of them allowed; looked up only here."""
        try:
            found = self._resolved(place.host, place.port)
        except Empty:
            raise Unreachable("leads to a host whose name server does not respond") from None
        if not found:
            raise Unreachable("leads to a host that cannot be found")
        if not all(map(self._client.may_reach, found)):
            raise Forbidden("leads into a private network, where no reader can follow")
        for host in self._client.own_hosts:
            with suppress(Empty):
                if set(found).intersection(self._resolved(host, place.port)):
                    raise Forbidden("is another name for our own address, which is not checked")
        return found

    def _resolved(self, host: str, port: int) -> list[Address]:
        """A host's addresses; Empty at the deadline, because a resolver has none of its own."""

        def resolve() -> list[Address]:
            with suppress(OSError, ValueError):
                return [ip_address(text) for text in self._client.resolve(host, port)]
            return []

        answers = SimpleQueue[list[Address]]()
        _aside(answers, resolve)
        return answers.get(timeout=max(0, self._until - time.monotonic()))

    def _exchange(self, method: str, place: Place, addresses: Sequence[Address]) -> _Reply:
        # Imported here, as the authorities are read below: most processes never request anything.
        from urllib3.exceptions import HTTPError

        try:
            with closing(self._connect(place, addresses)) as connection, self._shut_in_time(connection.sock):
                headers = {"Host": place.authority, **_HEADERS}
                connection.request(method, place.target, headers=headers, preload_content=False)
                with closing(connection.getresponse()) as response:
                    content = b"".join(self._pieces(response))
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"has an invalid certificate: {error.verify_message}") from None
        except (OSError, HTTPException, HTTPError) as error:
            if time.monotonic() >= self._until:
                raise Unreachable(f"did not respond within {self._client.seconds:g} seconds") from None
            is_tls = isinstance(error, ssl.SSLError)
            raise Unreachable("does not support TLS as browsers do" if is_tls else "does not answer") from None
        return response.status, response.headers, content

    def _pieces(self, response: "BaseHTTPResponse") -> Iterator[bytes]:
        """The raw content, if it is wanted; not decompressed, because it could expand to any size."""
        room = self._most_bytes
        while room is not None and (piece := response.read(_PIECE, decode_content=False)):
            room -= len(piece)
            if room < 0:
                raise Unreachable(f"holds more than {self._most_bytes} bytes")
            yield piece

    def _connect(self, place: Place, addresses: Sequence[Address]) -> "HTTPConnection":
        """A connection to the first of these addresses that accepts it; urllib3 gets no name to look up."""
        from urllib3.connection import HTTPConnection, HTTPSConnection
        from urllib3.exceptions import HTTPError

        for address in map(str, addresses):
            left = max(0.01, self._until - time.monotonic())
            connection = HTTPConnection(address, place.port, timeout=left)
            if place.scheme == "https":
                tls = self._client.tls or _system_tls()
                connection = HTTPSConnection(
                    address, place.port, timeout=left, server_hostname=place.host, ssl_context=tls
                )
            connection.response_class = _FinalResponse
            with suppress(HTTPError):
                connection.connect()
                return connection
        raise ConnectionError

    @contextmanager
    def _shut_in_time(self, line: socket.socket) -> Iterator[None]:
        """Closes the connection at the deadline; urllib3's timeout is for each read, and one byte resets it."""

        def shut() -> None:
            with suppress(OSError):
                # Not an SSLSocket's own, which takes away what the other thread is reading through.
                socket.socket.shutdown(line, socket.SHUT_RDWR)

        timer = threading.Timer(self._until - time.monotonic(), shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        if time.monotonic() >= self._until:
            raise TimeoutError  # what was read may only look complete


class _FinalResponse(HTTPResponse):
    """Skips 103 Early Hints and other informational responses; http.client only skips 100."""

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200:
            self.headers = None  # type: ignore[assignment]
            super().begin()


@cache
def _system_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _aside(answers: SimpleQueue[T], call: Callable[[], T]) -> None:
    """Puts the result of a call; a daemon thread, because a resolver can hang when the process ends."""
    threading.Thread(target=lambda: answers.put(call()), daemon=True).start()
