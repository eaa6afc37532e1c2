"""PROXY_HOPS over real sockets: the real server, and a real proxy before it."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock
from uuid import uuid4

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from newsletter.audience.models import ConsentEvent
from newsletter.db import Sessions, open_engine
from newsletter.web import proxies
from newsletter.wiring import Services
from tests import sample_services
from tests.originals import Originals
from tests.web.served import appending, ask, asking, proxied, served

FOR = "X-Forwarded-For"
CLAIMS = (
    *("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host", "CF-Connecting-IP", "True-Client-IP"),
    *("X-Original-URL", "X-Rewrite-URL", "Front-End-Https", "X-Scheme", "X-Host", "CF-Ray", "X-ARR-LOG-ID"),
)


@pytest.fixture(scope="module")
def sessions(originals: Originals, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    """One SQLite database for all of these tests: each signs up an address of its own."""
    folder = tmp_path_factory.mktemp("proxies")
    with originals.copy("sqlite", sample_services.opened, folder) as url:
        engine = open_engine(url)
        yield Sessions(engine)
        engine.dispose()


@contextmanager
def running(sessions: Sessions, folder: Path, hops: int, **changes: object) -> Iterator[tuple[Services, int]]:
    services = sample_services.build(sessions, folder, proxy_hops=hops, signup_cap_client=1000, **changes)
    with served(services) as port:
        yield services, port


def origin(services: Services, port: int, address: str, *claimed: str) -> str | None:
    """What is kept of where this sign-up came from."""
    status, _, _ = ask(port, "/subscribe", asking(services, address), [(FOR, entry) for entry in claimed])
    assert status == 200
    with services.sessions.reading() as session:
        return session.scalars(select(ConsentEvent.origin).order_by(ConsentEvent.id.desc())).first()


def test_behind_a_proxy_each_reader_is_a_client_of_their_own(sessions: Sessions, tmp_path: Path) -> None:
    services = sample_services.build(sessions, tmp_path, proxy_hops=1, signup_cap_client=1)
    with (
        served(services) as port,
        proxied(port, appending(FOR), "198.51.100.7") as here,
        proxied(port, appending(FOR), "203.0.113.9") as there,
    ):
        assert origin(services, here, "ada") == "198.51.100.0/24"
        assert origin(services, there, "bob") == "203.0.113.0/24"
        assert ask(here, "/subscribe", asking(services, "cyd"))[0] == 429


def test_without_proxies_nothing_that_a_client_says_is_believed(sessions: Sessions, tmp_path: Path) -> None:
    with running(sessions, tmp_path, 0) as (services, port), proxied(port, appending(FOR), "203.0.113.7") as proxy:
        for number, claimed in enumerate([[], ["198.51.100.7"], ["198.51.100.7, 192.0.2.1", "::1"]]):
            assert origin(services, proxy, f"zero{number}", *claimed) == "127.0.0.0/24"


@pytest.mark.parametrize(
    "claimed",
    [
        ["198.51.100.7"],
        ["198.51.100.7, 198.51.100.8"],
        ["198.51.100.7", "198.51.100.8"],
        ['"'],  # a quote left open does not swallow what the proxy adds
        ['"198.51.100.7, '],
        [", ,"],
        ["for=198.51.100.7"],
    ],
)
def test_what_a_client_wrote_there_itself_is_never_looked_at(
    sessions: Sessions, tmp_path: Path, claimed: list[str]
) -> None:
    with running(sessions, tmp_path, 1) as (services, port), proxied(port, appending(FOR), "203.0.113.7") as proxy:
        assert origin(services, proxy, f"spoof-{uuid4().hex}", *claimed) == "203.0.113.0/24"


def test_of_two_proxies_the_outer_one_tells(sessions: Sessions, tmp_path: Path) -> None:
    with (
        running(sessions, tmp_path, 2) as (services, port),
        proxied(port, appending(FOR), "10.0.0.2") as inner,
        proxied(inner, appending(FOR), "203.0.113.7") as outer,
    ):
        assert origin(services, outer, "outer", "198.51.100.7") == "203.0.113.0/24"
        # Whoever goes round the outer one has too few entries, and none of them is believed.
        assert origin(services, inner, "inner") == "127.0.0.0/24"


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("203.0.113.7:4711", "203.0.113.0/24"),
        ("2001:db8:7:8::9", "2001:db8:7::/48"),
        ("[2001:db8:7:8::9]", "2001:db8:7::/48"),
        ("[2001:db8:7:8::9]:4711", "2001:db8:7::/48"),
        ('"[2001:db8:7:8::9]:4711"', "2001:db8:7::/48"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("unknown", "127.0.0.0/24"),
        ("_hidden", "127.0.0.0/24"),
        ("203.0.113.7.evil.example", "127.0.0.0/24"),
    ],
)
def test_an_address_is_read_in_each_form_that_proxies_write(
    sessions: Sessions, tmp_path: Path, entry: str, kept: str
) -> None:
    with running(sessions, tmp_path, 1) as (services, port):
        assert origin(services, port, f"form-{uuid4().hex}", entry) == kept


@pytest.mark.parametrize("hops", [0, 1, 2])
def test_health_is_told_to_whoever_comes_without_a_proxy(sessions: Sessions, tmp_path: Path, hops: int) -> None:
    with running(sessions, tmp_path, hops) as (_, port):
        assert ask(port, "/healthz")[0] == 200
        assert ask(port, "/readyz")[2].startswith('{"clock":"ok"')


@pytest.mark.parametrize("hops", [0, 1])
def test_the_numbers_are_for_this_machine_and_for_nobody_that_a_proxy_forwards(
    sessions: Sessions, tmp_path: Path, hops: int
) -> None:
    with running(sessions, tmp_path, hops) as (_, port), proxied(port, lambda _headers, _client: None) as silent:
        assert ask(port, "/metrics")[0] == 200
        for claim in CLAIMS:
            assert ask(port, "/metrics", headers=[(claim, "127.0.0.1")])[0] == 403, claim
        with proxied(port, appending(FOR), "203.0.113.7") as proxy:
            assert ask(proxy, "/metrics")[0] == 403
        # A proxy that notes nothing passes on which host was asked for.
        assert ask(silent, "/metrics", headers=[("Host", "letters.example.org")])[0] == 403


def test_the_numbers_are_not_for_whom_nginx_forwards_with_no_word_of_it(sessions: Sessions, tmp_path: Path) -> None:
    # `proxy_pass http://127.0.0.1:8000;` alone sends our own name as Host, and HTTP/1.0.
    with running(sessions, tmp_path, 0) as (_, port), socket.create_connection(("127.0.0.1", port)) as nginx:
        nginx.sendall(f"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        assert nginx.recv(12) == b"HTTP/1.0 403"


def test_host_and_scheme_are_our_own_whatever_is_forwarded(sessions: Sessions, tmp_path: Path) -> None:
    told = [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Port", "81")]
    with running(sessions, tmp_path, 1) as (_, port), proxied(port, appending(FOR)) as proxy:
        status, headers, _ = ask(proxy, "/archive", headers=told)
        assert (status, headers["Location"]) == (308, "/archive/")
        _, headers, page = ask(proxy, "/subscribe", headers=told)
        assert "Secure" in headers["Set-Cookie"]
        assert headers["Strict-Transport-Security"]
        assert "evil.example" not in f"{headers}{page}"


def test_a_proxy_that_is_not_believed_is_told_of_once(sessions: Sessions, tmp_path: Path) -> None:
    for hops, entry in ((0, "203.0.113.7"), (2, "203.0.113.7"), (1, "unknown")):
        with capture_logs() as said, running(sessions, tmp_path, hops) as (_, port):
            for _ in range(3):
                ask(port, "/", headers=[(FOR, entry)])
        assert [line["event"] for line in said].count("a proxy's word was not believed") == 1
        assert "PROXY_HOPS" in str(said)
        assert "203.0.113.7" not in str(said)


def test_a_client_who_had_enough_is_told_of_without_the_address(sessions: Sessions, tmp_path: Path) -> None:
    services = sample_services.build(sessions, tmp_path, proxy_hops=1, signup_cap_client=1)
    with served(services) as port, capture_logs() as said:
        for name in ("eve", "eva"):
            status, _, _ = ask(port, "/subscribe", asking(services, name), [(FOR, "192.0.2.77")])
    assert status == 429
    assert [line["client"] for line in said if line["event"] == "client capped"] == ["192.0.2.0/24"]
    assert "192.0.2.77" not in str(said)


def test_many_guesses_at_sign_in_are_told_of_too(sessions: Sessions, tmp_path: Path) -> None:
    with running(sessions, tmp_path, 1) as (_, port), capture_logs() as said:
        for _ in range(11):
            ask(port, "/desk/sign-in", "email=ann@press.example&password=x", [(FOR, "192.0.2.77")])
    assert [line["client"] for line in said if line["event"] == "client capped"] == ["192.0.2.0/24"]


@pytest.mark.parametrize("words", ["IP_", "FORWARDED_", "A_IP_B_", "VIEWER_ADDR_", "CLIENT", "USER_IP_"])
def test_no_header_holds_everybody_up_by_its_name(words: str) -> None:
    environ = {"REMOTE_ADDR": "127.0.0.1", f"HTTP_X_{words * 8_000}.": "1"}
    began = time.process_time()
    list(proxies.ProxyHeaders(lambda _environ, _start: [], 0)(environ, Mock()))
    assert time.process_time() - began < 2


def test_no_address_is_made_of_any_other_word() -> None:
    for entry in ("", "1.2.3", "1.2.3.4:123456", "[1.2.3.4", "fe80::1%eth0", "::1]", "1.2.3.4 5.6.7.8", "\x001.2.3.4"):
        assert proxies.parse_address(entry) is None, entry
