"""What hosts answer the doctor: mail servers and our own pages, on real sockets."""

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr

from newsletter.doctor import gather_hosts
from newsletter.doctor.facts import MailHost, RelayFacts, WebFacts
from newsletter.mail_settings import MailServer
from newsletter.outbound import GuardedClient
from newsletter.wiring import Services
from tests.delivery.peers import Mailbox, honest, scripted, trusting
from tests.ports import free_port
from tests.web.served import served

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOST = MailHost("localhost", ("127.0.0.1",))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is too late because the machine is busy."""
    monkeypatch.setattr(gather_hosts, "_PATIENCE", 60.0)


def now() -> datetime:
    return NOW


def asked(port: int, **options: object) -> RelayFacts:
    relay = RelayFacts("MAIL_SERVER", "127.0.0.1", f"127.0.0.1:{port}", is_here=True)
    return gather_hosts.ask_relay(relay, MailServer("127.0.0.1", port, **options), now)  # type: ignore[arg-type]


def test_a_mail_server_tells_its_extensions_and_lets_us_in() -> None:
    with honest(Mailbox()) as peer:
        relay = asked(peer.port)
    assert (relay.fault, relay.is_encrypted) == ("", False)
    assert {"SIZE", "SMTPUTF8", "8BITMIME"} <= relay.extensions


def test_a_sign_in_that_is_refused_is_told_in_the_server_s_words() -> None:
    script = {"EHLO": b"250-liar.example.org\r\n250 AUTH PLAIN\r\n", "AUTH": b"535 5.7.8 No such user\r\n"}
    with scripted(script) as (peer, _):
        relay = asked(peer.port, username="press", password=SecretStr("wrong"))
    assert "5.7.8 No such user" in relay.fault
    assert "wrong" not in relay.fault


def test_a_server_that_is_not_there_is_told() -> None:
    assert asked(free_port()).fault == "Connection refused"


def test_a_greeting_with_a_date_tells_how_far_the_clock_is_off() -> None:
    with scripted({"": b"220 mx.example ESMTP Exim 4.98 Fri, 20 Nov 2026 12:02:00 +0000\r\n"}) as (peer, _):
        clock = asked(peer.port).clock
    assert clock
    assert clock.ahead == timedelta(minutes=-2)


def test_a_server_that_falls_silent_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather_hosts, "_PATIENCE", 0.2)
    with scripted({"EHLO": b""}) as (peer, _):
        assert asked(peer.port).fault


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, with its key."""
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*made, *names, "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
    with path.open("a", encoding="ascii") as both:
        both.write(Path(f"{path}.crt").read_text(encoding="ascii"))
    return path


def test_a_host_for_bounces_has_a_certificate_for_its_name(certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with honest(Mailbox(), tls_context=tls) as peer:
        good = gather_hosts.ask_mail_host(HOST, peer.port, "", trusting(f"{certificate}.crt"))
        other = gather_hosts.ask_mail_host(
            MailHost("mx.example", ("127.0.0.1",)), peer.port, "", trusting(f"{certificate}.crt")
        )
        unknown = gather_hosts.ask_mail_host(HOST, peer.port, "")
    assert (good.fault, good.has_starttls, good.tls_fault, good.certificate_fault) == ("", True, "", "")
    assert "Hostname mismatch" in other.certificate_fault
    assert "self-signed" in unknown.certificate_fault


def test_a_host_without_tls_or_without_an_answer_is_told() -> None:
    with honest(Mailbox()) as peer:
        assert not gather_hosts.ask_mail_host(HOST, peer.port, "").has_starttls
    assert gather_hosts.ask_mail_host(HOST, free_port(), "").fault == "Connection refused"


def test_a_host_that_does_not_let_us_in_is_not_taken_for_a_port_that_is_blocked() -> None:
    with scripted({"": b"554-5.7.1 No mail\r\n554 from here\r\n"}) as (peer, _):
        asked = gather_hosts.ask_mail_host(HOST, peer.port, "")
    assert (asked.has_answered, asked.fault) == (True, "554 5.7.1 No mail from here")


def test_a_port_at_which_another_protocol_is_spoken_is_told_with_its_words() -> None:
    with scripted({"": b"SSH-2.0-OpenSSH_9.2\r\n"}) as (peer, _):
        asked = gather_hosts.ask_mail_host(HOST, peer.port, "")
    assert (asked.has_answered, asked.fault) == (True, "not a reply: 'SSH-2.0-OpenSSH_9.2'")


def test_tls_that_does_not_work_is_not_taken_for_a_bad_certificate() -> None:
    with scripted({"EHLO": b"250-mx.example\r\n250 STARTTLS\r\n"}) as (peer, _):
        asked = gather_hosts.ask_mail_host(HOST, peer.port, "")
    assert (asked.tls_fault, asked.certificate_fault) == ("502 5.5.1 What?", "")


def client(port: int, **changes: object) -> GuardedClient:
    """One for which every name is this machine."""
    usual = {"resolve": lambda _host, _port: ["127.0.0.1"], "may_reach": lambda _address: True, "most_redirects": 0}
    return GuardedClient(**{**usual, "ports": frozenset({int(port)}), "seconds": 60.0, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_our_own_pages_answer_and_take_a_click(services: Services) -> None:
    with served(services) as port:
        web = gather_hosts.ask_web(WebFacts(f"http://letters.example.org:{port}"), client(port), now)
    assert (web.is_asked, web.health, web.one_click) == (True, "", "")
    assert web.clock


def test_pages_that_are_not_ours_are_told() -> None:
    class Parked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(
                b"ok" if self.path == "/healthz" and self.headers["Host"].startswith("half") else b"buy me"
            )

        def do_POST(self) -> None:
            self.send_response(405)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Parked) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        port = server.server_port
        try:
            parked = gather_hosts.ask_web(WebFacts(f"http://parked.example:{port}"), client(port), now)
            half = gather_hosts.ask_web(WebFacts(f"http://half.example:{port}"), client(port), now)
        finally:
            server.shutdown()
    assert parked.health == "answers 200, and not as this program does"
    assert (half.health, half.one_click) == ("", "answers 405 to a POST")


def test_an_address_in_a_private_network_is_told() -> None:
    inside = GuardedClient(resolve=lambda _host, _port: ["10.0.0.7"])
    web = gather_hosts.ask_web(WebFacts("https://letters.example.org"), inside, now)
    assert web.health == "leads into a private network, where no reader can follow"
