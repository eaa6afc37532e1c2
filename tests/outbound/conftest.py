"""A web server on loopback that answers as it is told, and a link client that is allowed to ask it."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from newsletter.outbound import GuardedClient, guarded_client


@dataclass
class Site:
    """What a site answers for each path: a status and headers, given when asked by one of the methods."""

    port: int = 0
    pages: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    only_get: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    drip: bool = False
    """Whether it gives its head a letter at a time, and never all of it."""

    def url(self, path: str = "/", host: str = "site.example") -> str:
        return f"http://{host}:{self.port}{path}"


class _Answers(BaseHTTPRequestHandler):
    site: Site

    def do_HEAD(self) -> None:
        self.site.asked.append(f"{self.command} {self.path}")
        self.site.hosts.append(self.headers["Host"])
        if self.site.drip:
            return self._drip()
        status, headers = self.site.pages.get(self.path, (404, {}))
        if self.command == "HEAD" and self.path in self.site.only_get:
            status, headers = 405, {}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        return None

    do_GET = do_HEAD  # noqa: N815

    def _drip(self) -> None:
        try:
            for _ in range(2_000):
                self.wfile.write(b"H")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    answers = type("Answers", (_Answers,), {"site": Site()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
    server.daemon_threads = True
    answers.site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield answers.site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def make_client(site: Site) -> Callable[..., GuardedClient]:
    """Makes link clients for which every name is this machine, which they may reach at the site's port."""

    def send(**changes: object) -> GuardedClient:
        usual = {"resolve": lambda _host, _port: ["127.0.0.1"], "may_reach": lambda _address: True}
        return GuardedClient(**{**usual, "ports": frozenset({site.port}), "seconds": 60.0, **changes})  # type: ignore[arg-type]

    return send


@pytest.fixture
def make_late_client(
    make_client: Callable[..., GuardedClient], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., GuardedClient]:
    """Makes the same, whose time is up half a second after they have found the host, and never before."""
    skipped = 0.0

    def resolve(_host: str, _port: int) -> list[str]:
        nonlocal skipped
        skipped = 59.5
        return ["127.0.0.1"]

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + skipped)
    monkeypatch.setattr(guarded_client, "time", clock)
    return lambda **changes: make_client(resolve=resolve, **changes)
