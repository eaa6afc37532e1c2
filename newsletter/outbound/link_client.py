"""Asking: out to an address, along its redirects, and back with what was said there."""

import io
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException, HTTPMessage, parse_headers
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from urllib.parse import urljoin

from newsletter.outbound.ssrf_guard import Address, Forbidden, Place, Unreachable, is_open, take_apart

Resolve = Callable[[str, int], Collection[str]]
"""The addresses of a host, as text; OSError if it has none."""

MOST_AT_ONCE = 8

_SECONDS = 8.0
_HOPS = 5
_HEAD_BYTES = 65_536
_AGENT = "Mozilla/5.0 (compatible; NewsletterPress link check)"
_REDIRECTS = {301, 302, 303, 307, 308}
# Some servers answer HEAD with one of these and GET with the page.
_ASK_AGAIN = {403, 404, 405, 501}
_LOOK = 0.2

_STATUS = re.compile(rb"HTTP/\d\.\d ([1-9]\d\d)\b")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking an address: a status and where it was given, or a fault."""

    url: str
    status: int | None = None
    final_url: str = ""
    fault: str = ""


def look_up(host: str, port: int) -> list[str]:
    """A host's addresses, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True)
class LinkClient:
    """Goes out and asks; `own_hosts` are names of ours, which it leaves alone. The rest is for tests to change."""

    own_hosts: frozenset[str] = frozenset()
    resolve: Resolve = look_up
    may_reach: Callable[[Address], bool] = is_open
    ports: frozenset[int] = frozenset({80, 443})
    seconds: float = _SECONDS
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def ask(self, url: str) -> Answer:
        """What the address answers, redirects followed; never raises, and is done within `seconds`."""
        until = time.monotonic() + self.seconds
        here = url
        try:
            for _ in range(_HOPS + 1):
                status, onward = self._hop(here, until)
                if onward is None:
                    return Answer(url, status, here)
                here = _joined(here, onward)
        except Unreachable as reason:
            return Answer(url, None, here, str(reason))
        return Answer(url, None, here, f"redirects more than {_HOPS} times")

    def ask_all(self, urls: Iterable[str], stopping: Callable[[], bool] = lambda: False) -> Iterator[Answer]:
        """The answers as they come, several asked at once; ends early, some unanswered, when it is to stop."""
        waiting, answers = list(dict.fromkeys(urls)), SimpleQueue[Answer]()
        open_ = 0
        while (waiting or open_) and not stopping():
            while waiting and open_ < MOST_AT_ONCE:
                url = waiting.pop(0)
                # Nobody waits for it at a stop: a resolver can take its time.
                _aside(partial(_put_answer, answers, self, url))
                open_ += 1
            try:
                yield answers.get(timeout=_LOOK)
                open_ -= 1
            except Empty:
                continue

    def _hop(self, url: str, until: float) -> tuple[int, str | None]:
        place = self._place(url)
        addresses = self._addresses(place, until)
        status, headers = self._exchange("HEAD", place, addresses, until)
        if status in _ASK_AGAIN:
            status, headers = self._exchange("GET", place, addresses, until)
        return status, headers.get("Location") if status in _REDIRECTS else None

    def _place(self, url: str) -> Place:
        place = take_apart(url)
        if place.port not in self.ports:
            raise Forbidden(f"asks for port {place.port}, and only 80 and 443 are checked")
        if place.host in self.own_hosts:
            raise Forbidden("is our own address, which is not checked")
        return place

    def _addresses(self, place: Place, until: float) -> list[Address]:
        """All of the host's addresses, each of them allowed; looked up once, here."""
        try:
            found = [ip_address(text) for text in _within(until, partial(self.resolve, place.host, place.port))]
        except (OSError, ValueError):
            raise Unreachable("leads to a host that cannot be found") from None
        if not found:
            raise Unreachable("leads to a host that cannot be found")
        if not all(map(self.may_reach, found)):
            raise Forbidden("leads into a private network, where no reader can follow")
        if self._own_addresses(place.port, until).intersection(found):
            raise Forbidden("is another name for our own address, which is not checked")
        return found

    def _own_addresses(self, port: int, until: float) -> set[Address]:
        ours: set[Address] = set()
        for host in self.own_hosts:
            with suppress(OSError, ValueError, Unreachable):
                ours.update(ip_address(text) for text in _within(until, partial(self.resolve, host, port)))
        return ours

    def _exchange(self, method: str, place: Place, addresses: list[Address], until: float) -> tuple[int, HTTPMessage]:
        try:
            with _connected(addresses, place.port, until) as plain, self._secured(plain, place, until) as line:
                _arm(line, until)
                line.sendall(_request(method, place))
                return _head(line, until)
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"has an invalid certificate: {error.verify_message}") from None
        except ssl.SSLError:
            raise Unreachable("does not support TLS as browsers do") from None
        except TimeoutError:
            raise Unreachable(f"did not respond within {self.seconds:g} seconds") from None
        except (OSError, HTTPException):
            raise Unreachable("does not answer") from None

    def _secured(self, line: socket.socket, place: Place, until: float) -> socket.socket:
        if place.scheme == "http":
            return line
        _arm(line, until)
        return self.tls.wrap_socket(line, server_hostname=place.host)


def _joined(here: str, onward: str) -> str:
    try:
        return urljoin(here, onward)
    except ValueError:
        raise Forbidden("redirects to something that is not a web address") from None


def _connected(addresses: list[Address], port: int, until: float) -> socket.socket:
    """A line to the first of these very addresses that takes it."""
    last: OSError = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection((str(address), port), timeout=_left(until))
        except OSError as error:
            last = error
    raise last


def _request(method: str, place: Place) -> bytes:
    host = f"[{place.host}]" if ":" in place.host else place.host
    usual = place.port == {"http": 80, "https": 443}[place.scheme]
    lines = [
        f"{method} {place.target} HTTP/1.1",
        f"Host: {host if usual else f'{host}:{place.port}'}",
        f"User-Agent: {_AGENT}",
        "Accept: text/html,*/*;q=0.5",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _head(line: socket.socket, until: float) -> tuple[int, HTTPMessage]:
    """Status and headers; whatever follows them is never read."""
    came = b""
    while True:
        head, end, rest = came.partition(b"\r\n\r\n")
        if end:
            status = _status(head)
            if status >= 200:
                return status, parse_headers(io.BytesIO(head.partition(b"\r\n")[2] + b"\r\n\r\n"))
            came = rest  # 103 Early Hints and the like announce the answer
            continue
        _arm(line, until)
        more = line.recv(8_192)
        if not more or len(came) > _HEAD_BYTES:
            raise HTTPException("no head, or one without an end")
        came += more


def _status(head: bytes) -> int:
    found = _STATUS.match(head)
    if found is None:
        raise HTTPException("no status")
    return int(found[1])


def _arm(line: socket.socket, until: float) -> None:
    line.settimeout(_left(until))


def _left(until: float) -> float:
    """Seconds; TimeoutError when there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _within(until: float, call: Callable[[], Collection[str]]) -> Collection[str]:
    """What the call gives, if it does so in time; a resolver knows no deadline of its own."""
    answers = SimpleQueue[Collection[str] | OSError]()

    def run() -> None:
        try:
            answers.put(call())
        except (OSError, UnicodeError) as error:
            answers.put(OSError(str(error)))

    _aside(run)
    try:
        answer = answers.get(timeout=_left(until))
    except Empty:
        raise Unreachable("leads to a host whose name server does not respond") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _put_answer(answers: SimpleQueue[Answer], link_client: LinkClient, url: str) -> None:
    answers.put(link_client.ask(url))


def _aside(run: Callable[[], None]) -> None:
    threading.Thread(target=run, daemon=True).start()
