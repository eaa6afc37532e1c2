"""Slow clients, over real sockets: they cost a connection for a while, and nobody else anything."""

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from newsletter.audience.models import Status
from newsletter.db import Sessions, open_engine
from newsletter.errors import Refused
from newsletter.web import connections, create_app
from newsletter.web.connections import Awaited, Server
from newsletter.web.server import THREADS
from newsletter.wiring import Services
from tests import sample_services
from tests.originals import Originals
from tests.sample_services import NOW, Clock
from tests.waiting import PATIENCE, wait_for
from tests.web.conftest import browser_of, subscription
from tests.web.served import ask, running

LARGE = "/assets/vendor/writing/writing.js"
HEADER = b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "
BODY = b"POST /subscribe HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\nemail="
GET = f"GET {LARGE} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
# More than the system's own buffers take from us.
READING = GET * 12


@pytest.fixture(scope="module")
def services(originals: Originals, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """One SQLite database for all of these tests."""
    folder = tmp_path_factory.mktemp("connections")
    with originals.copy("sqlite", sample_services.opened, folder) as url:
        engine = open_engine(url)
        yield sample_services.build(Sessions(engine), folder)
        engine.dispose()


@pytest.fixture
def hold() -> Iterator[Callable[[int, bytes], socket.socket]]:
    """Opens connections that say this and then nothing, and read nothing."""
    held: list[socket.socket] = []

    def open_one(port: int, said: bytes) -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        held.append(client)
        client.connect(("127.0.0.1", int(port)))
        client.sendall(said)
        return client

    yield open_one
    for client in held:
        client.close()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is closed because the machine is busy."""
    monkeypatch.setattr(connections, "PATIENCE", dict.fromkeys(Awaited, 3600.0))


@contextmanager
def impatient(monkeypatch: pytest.MonkeyPatch, awaited: Awaited, slowest: float = 1_000_000) -> Iterator[None]:
    """Only this is waited for less long than at all times: half a second."""
    with monkeypatch.context() as patch:
        patch.setitem(connections.PATIENCE, awaited, 0.5)
        patch.setattr(connections, "_CHECK_INTERVAL", 0.1)
        patch.setattr(connections, "_SLOWEST", slowest)
        yield


def wait_for_connections(server: Server, awaited: Awaited, count: int) -> None:
    """Until so many connections stand there."""
    wait_for(lambda: sum(each.awaited is awaited for each in list(server.active_channels.values())) >= count)


def is_closed(client: socket.socket, drip: bytes = b"") -> bool:
    """Whether the server ends it, though a byte comes every now and then."""
    deadline = time.monotonic() + PATIENCE
    client.settimeout(0.1)
    while time.monotonic() < deadline:
        with suppress(TimeoutError):
            try:
                client.sendall(drip)
                if not client.recv(1):
                    return True
            except (ConnectionResetError, BrokenPipeError):
                return True
    return False


@pytest.mark.slow
def test_nine_hundred_slow_clients_keep_nobody_from_leaving(services: Services, hold) -> None:
    browser_of(create_app(services, Clock(NOW))).post("/subscribe", data={"email": "ada@example.org"})
    leave = sample_services.path_of(services.links.unsubscribe(subscription(services).id))
    with running(services) as server:
        for said, awaited in ((HEADER, Awaited.HEADER), (BODY, Awaited.BODY), (READING, Awaited.READING)):
            for _ in range(300):
                hold(server.effective_port, said)
            wait_for_connections(server, awaited, 300)
        assert ask(server.effective_port, "/healthz")[0] == 200
        status, _, text = ask(server.effective_port, leave, "List-Unsubscribe=One-Click")
        assert (status, text) == (200, "You have unsubscribed.\n")
        assert len(server.active_channels) >= 900
    assert subscription(services).status is Status.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("awaited", "said", "drip"),
    [
        (Awaited.HEADER, b"", b""),
        (Awaited.HEADER, b"", b"\r\n"),
        (Awaited.HEADER, HEADER, b"x"),
        (Awaited.BODY, BODY, b"x"),
        (Awaited.BODY, BODY.replace(b"Content-Length: 5000", b"Transfer-Encoding: chunked"), b"1;"),
        (Awaited.ANOTHER, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n"),
    ],
)
def test_who_sends_drop_by_drop_is_cut_off(
    services: Services, hold, monkeypatch, awaited: Awaited, said: bytes, drip: bytes
) -> None:
    with impatient(monkeypatch, awaited), running(services) as server:
        assert is_closed(hold(server.effective_port, said), drip)


def test_whoever_does_not_read_is_left(services: Services, hold, monkeypatch) -> None:
    with running(services) as server:
        hold(server.effective_port, READING)
        wait_for_connections(server, Awaited.READING, 1)
        with impatient(monkeypatch, Awaited.READING):
            wait_for(lambda: not server.active_channels)


def test_a_large_body_may_take_its_time_while_it_comes(services: Services, hold, monkeypatch) -> None:
    with impatient(monkeypatch, Awaited.BODY, slowest=0.01), running(services) as server:
        client = hold(server.effective_port, BODY)
        for _ in range(10):
            time.sleep(0.1)
            client.sendall(b"x" * 10)
        client.sendall(b"x" * (5000 - 6 - 100))
        assert client.recv(12) == b"HTTP/1.1 400"


def test_many_requests_in_one_packet_hold_no_thread(services: Services, hold) -> None:
    with running(services) as server:
        for _ in range(2 * THREADS):
            hold(server.effective_port, GET * 120)
        wait_for_connections(server, Awaited.READING, 2 * THREADS)
        assert ask(server.effective_port, "/healthz")[0] == 200


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("GET http://[::1 HTTP/1.1\r\n", 400),
        ("GET http://[letters.example]/ HTTP/1.1\r\n", 400),
        (f"POST / HTTP/1.1\r\nContent-Length: {'9' * 5_000}\r\n", 400),
        (f"GET /{'a' * 40_000} HTTP/1.1\r\n", 431),
        (f"GET / HTTP/1.1\r\nX-{'IP-' * 12_000}: 1\r\n", 431),
    ],
)
def test_what_is_no_request_is_answered_and_leaves_no_error_behind(
    services: Services, hold, caplog, said: str, status: int
) -> None:
    with running(services) as server:
        client = hold(server.effective_port, f"{said}Host: a\r\n\r\n".encode())
        assert client.recv(12)[9:] == str(status).encode()
    # A page that a browser closed in the test before may still be answered, which werkzeug notes.
    assert [each.getMessage() for each in caplog.records if each.name != "werkzeug"] == []


def test_when_all_connections_are_taken_the_one_that_waits_longest_gives_way(
    services: Services, hold, monkeypatch
) -> None:
    monkeypatch.setattr(connections, "MOST", 20)
    with running(services) as server:
        first = hold(server.effective_port, HEADER)
        wait_for_connections(server, Awaited.HEADER, 1)
        for _ in range(40):
            hold(server.effective_port, HEADER)
        assert ask(server.effective_port, "/healthz")[0] == 200
        assert len(server.active_channels) <= 20
        assert is_closed(first)


@pytest.mark.parametrize(("hops", "open_"), [(0, 5), (1, 12)])
def test_one_client_holds_so_many_where_no_proxy_speaks_for_all(
    services: Services, hold, monkeypatch, hops: int, open_: int
) -> None:
    monkeypatch.setattr(connections, "ONE_CLIENT", 5)
    monkeypatch.setattr(connections, "is_loopback", lambda _host: False)
    with running(services, proxy_hops=hops) as server:
        for _ in range(12):
            hold(server.effective_port, HEADER)
        wait_for_connections(server, Awaited.HEADER, open_)
        assert ask(server.effective_port, "/healthz")[0] == 200
        assert open_ - 1 <= len(server.active_channels) <= open_ + 1


@pytest.mark.parametrize(("soft", "hard", "fit"), [(4256, 4256, 2000), (1024, 20000, 2000), (1024, 1024, 384)])
def test_connections_are_as_many_as_there_are_files_for(monkeypatch, soft: int, hard: int, fit: int) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, limits: raised.append(limits))
    assert connections.affordable() == fit
    assert raised == ([] if soft == 4256 else [(min(4256, hard), hard)])


def test_too_few_files_are_told_at_the_start(monkeypatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (256, 256))
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, _limits: None)
    with pytest.raises(Refused, match="LimitNOFILE"):
        connections.affordable()


def test_the_threads_of_a_server_that_ends_end_too(services: Services) -> None:
    before = threading.active_count()
    with running(services):
        pass
    # waitress has been told by each of them, a moment before it ends.
    wait_for(lambda: threading.active_count() <= before)
