import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from newsletter.outbound import Answer, GuardedClient
from newsletter.outbound.ssrf_guard import is_open
from tests.outbound.conftest import Site

Send = Callable[..., GuardedClient]

PRIVATE = (
    *("127.0.0.1", "127.255.0.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1"),  # noqa: S104
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "168.63.129.16", "198.18.0.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.7"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:4136:e378::"),
    *("fc00::1", "fd00:ec2::254", "fe80::1", "ff02::1", "2001:db8::1", "100::1"),
)
OPEN = ("8.8.8.8", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808")


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_of_the_open_internet_is_never_reached(text: str) -> None:
    assert not is_open(ip_address(text))


@pytest.mark.parametrize("text", OPEN)
def test_an_address_of_the_open_internet_may_be_reached(text: str) -> None:
    assert is_open(ip_address(text))


def test_an_address_that_this_machine_has_is_never_reached_however_public(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(_socket: socket.socket, _address: object) -> None:
        """As if the machine had every address."""

    monkeypatch.setattr(socket.socket, "bind", bind)
    assert not is_open(ip_address("8.8.8.8"))


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://127.0.0.1/", "leads into a private network"),
        ("http://[::1]/", "leads into a private network"),
        ("http://[::ffff:127.0.0.1]/", "leads into a private network"),
        ("http://[::ffff:7f00:1]/", "leads into a private network"),
        ("http://localhost/", "leads into a private network"),
        ("http://2130706433/", "a disguised number"),
        ("http://0x7f000001/", "a disguised number"),
        ("http://0177.0.0.1/", "a disguised number"),
        ("http://127.1/", "a disguised number"),
        ("http://127.0.0.1./", "a disguised number"),
        ("http://１２７.0.0.1/", "a disguised number"),
        ("http://a:b@site.example/", "contains a user name or password"),
        ("http://@site.example/", "contains a user name or password"),
        ("http://site.example:22/", "port 22"),
        ("https://site.example:8443/", "port 8443"),
        ("ftp://site.example/", "is not a web address"),
        ("file:///etc/passwd", "is not a web address"),
        ("http://", "is not a web address"),
        ("http://site.example:http/", "is not a web address"),
        ("http://site.example\r\nHost: x/", "is not a web address"),
        ("http://site.example\\@127.0.0.1/", "is not a web address"),
        ("http://[fe80::1%25lo]/", "cannot be found"),
        ("http://a..example/", "an invalid host name"),
        ("http://[/", "is not a web address"),
    ],
)
def test_an_address_that_is_no_plain_web_address_is_refused_with_the_reason(url: str, fault: str) -> None:
    answer = GuardedClient().ask(url)
    assert (answer.status, fault in answer.fault) == (None, True), answer


@pytest.mark.parametrize("text", PRIVATE)
def test_a_name_that_means_a_private_address_is_refused_and_nothing_is_connected(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it went there"))
    answer = GuardedClient(resolve=lambda _host, _port: ["8.8.8.8", text]).ask("http://site.example/")
    assert "leads into a private network" in answer.fault


def test_a_page_that_is_there_answers_with_its_status(site: Site, make_client: Send) -> None:
    site.pages["/there"] = (200, {})
    assert make_client().ask(site.url("/there")) == Answer(site.url("/there"), 200, site.url("/there"))
    assert make_client().ask(site.url("/gone")).status == 404


def test_only_the_head_is_asked_for_unless_the_server_refuses_that(site: Site, make_client: Send) -> None:
    site.pages |= {"/a": (200, {}), "/b": (200, {})}
    site.only_get = {"/b"}
    assert [make_client().ask(site.url(path)).status for path in ("/a", "/b")] == [200, 200]
    assert site.asked == ["HEAD /a", "HEAD /b", "GET /b"]


def test_redirects_are_followed_and_the_last_address_is_told(site: Site, make_client: Send) -> None:
    site.pages |= {"/old": (301, {"Location": "/new"}), "/new": (200, {})}
    answer = make_client().ask(site.url("/old"))
    assert (answer.status, answer.final_url) == (200, site.url("/new"))


def test_redirects_that_never_end_are_given_up(site: Site, make_client: Send) -> None:
    site.pages["/round"] = (302, {"Location": "/round"})
    assert "redirects more than" in make_client().ask(site.url("/round")).fault
    assert len(site.asked) == 6


def test_a_client_that_follows_no_redirects_goes_nowhere_else(site: Site, make_client: Send) -> None:
    site.pages["/round"] = (302, {"Location": "/round"})
    answer = make_client(most_redirects=0).fetch(site.url("/round"), 1_000)
    assert answer.status is None
    assert "redirects more than 0 times" in answer.fault
    assert site.asked == ["GET /round"]


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:{port}/secret", "http://0x7f.1/secret", "http://[::ffff:127.0.0.1]:{port}/secret"]
)
def test_a_redirect_into_a_private_network_is_not_followed(site: Site, make_client: Send, target: str) -> None:
    site.pages |= {"/in": (302, {"Location": target.format(port=site.port)}), "/secret": (200, {})}
    public = {"site.example": "127.0.0.1"}
    seen: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        seen.append(host)
        return [public.get(host, host)]

    # The site stands for one of the open internet as long as it is asked by its name.
    allowed = make_client(resolve=resolve, may_reach=lambda address: seen[-1] in public or is_open(address))
    assert allowed.ask(site.url("/in")).status is None
    assert site.asked == ["HEAD /in"]


def test_a_name_whose_address_changes_between_two_hops_is_judged_anew(site: Site, make_client: Send) -> None:
    site.pages |= {"/in": (302, {"Location": "/secret"}), "/secret": (200, {})}
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    rebinding = make_client(
        resolve=lambda _host, _port: next(answers), may_reach=lambda address: str(address) == "127.0.0.1"
    )
    assert "leads into a private network" in rebinding.ask(site.url("/in")).fault
    assert site.asked == ["HEAD /in"]


def test_the_connection_goes_to_the_very_address_that_was_judged(site: Site, make_client: Send) -> None:
    site.pages["/"] = (200, {})
    site.only_get = {"/"}
    looked_up: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        # A second question would be answered with another address, where nobody listens.
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["127.0.0.2"]

    assert make_client(resolve=resolve).ask(site.url()).status == 200
    assert (looked_up, site.asked) == (["site.example"], ["HEAD /", "GET /"])


def test_no_proxy_of_the_environment_is_used(site: Site, make_client: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    site.pages["/"] = (200, {})
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert make_client().ask(site.url()).status == 200
    assert site.hosts == [f"site.example:{site.port}"]


def test_our_own_address_is_not_asked_by_its_name_or_by_another(site: Site, make_client: Send) -> None:
    ours = make_client(own_hosts=frozenset({"letters.example"}))
    faults = [ours.ask(site.url(host=host)).fault for host in ("letters.example", "letters.example.", "other.example")]
    assert all("our own address" in fault for fault in faults)
    assert site.asked == []


def test_a_server_that_drips_is_left_when_the_time_is_up(site: Site, make_late_client: Send) -> None:
    site.drip = True
    began = time.monotonic()
    assert "did not respond within 60 seconds" in make_late_client().ask(site.url()).fault
    assert time.monotonic() - began < 60


def test_a_resolver_that_hangs_is_left_when_the_time_is_up(make_client: Send) -> None:
    free = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        free.wait(60)
        return []

    answer = make_client(resolve=resolve, seconds=0.3, ports=frozenset({80})).ask("http://site.example/")
    free.set()
    assert "whose name server does not respond" in answer.fault


def test_a_head_without_an_end_is_given_up_after_so_many_bytes(make_client: Send) -> None:
    with one_answer(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 500_000) as port:
        assert "does not answer" in make_client(ports=frozenset({port})).ask(f"http://site.example:{port}/").fault


@pytest.mark.parametrize("nonsense", [b"", b"\r\n\r\n", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\xff" * 99])
def test_nonsense_is_no_answer(make_client: Send, nonsense: bytes) -> None:
    with one_answer(nonsense) as port:
        assert "does not answer" in make_client(ports=frozenset({port})).ask(f"http://site.example:{port}/").fault


def test_an_early_hint_is_not_taken_for_the_answer(make_client: Send) -> None:
    hinted = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
    with one_answer(hinted) as port:
        assert make_client(ports=frozenset({port})).ask(f"http://site.example:{port}/").status == 204


def test_many_addresses_are_asked_at_once_and_each_once(site: Site, make_client: Send) -> None:
    site.pages |= {f"/{number}": (200, {}) for number in range(20)}
    urls = [site.url(f"/{number}") for number in range(20)]
    answers = list(make_client().ask_all([*urls, *urls]))
    assert sorted(answer.url for answer in answers) == sorted(urls)
    assert len(site.asked) == 20


def test_asking_ends_soon_when_it_is_to_stop(site: Site, make_client: Send) -> None:
    site.drip = True
    began = time.monotonic()
    assert list(make_client().ask_all([site.url()], stopping=lambda: time.monotonic() - began > 0.3)) == []
    assert time.monotonic() - began < 50


def test_tls_is_verified_with_the_hosts_name(make_client: Send, tmp_path: Path) -> None:
    certificate = certify("site.example", tmp_path)
    trusting = ssl.create_default_context(cafile=certificate)
    answers = []
    for host, context in (
        ("site.example", trusting),
        ("other.example", trusting),
        ("site.example", ssl.create_default_context()),
    ):
        with one_answer(b"HTTP/1.1 200 OK\r\n\r\n", certificate) as port:
            asked = make_client(ports=frozenset({port}), tls=context).ask(f"https://{host}:{port}/")
        answers.append((asked.status, "certificate" in asked.fault))
    assert answers == [(200, False), (None, True), (None, True)]


def test_a_tls_handshake_that_drips_is_left_when_the_time_is_up(make_late_client: Send) -> None:
    began = time.monotonic()
    # The beginning of a TLS record that never comes to its end.
    with one_answer(b"\x16\x03\x03\x40\x00" + b"\x02" * 2_000, each=0.05) as port:
        asked = make_late_client(ports=frozenset({port})).ask(f"https://site.example:{port}/")
        assert "did not respond within 60 seconds" in asked.fault
        assert time.monotonic() - began < 60


@pytest.mark.parametrize("framing", [b"Content-Length: 2000", b"Connection: close", b"Transfer-Encoding: chunked"])
def test_a_file_that_drips_is_left_when_the_time_is_up(make_late_client: Send, framing: bytes) -> None:
    began = time.monotonic()
    with one_answer(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + b"1" * 2_000, each=0.05, whole=60) as port:
        asked = make_late_client(ports=frozenset({port})).fetch(f"http://site.example:{port}/", 1_000)
        assert "did not respond within 60 seconds" in asked.fault
        assert time.monotonic() - began < 60


def test_a_file_is_fetched_whole_as_it_was_sent(make_client: Send) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n"
    with one_answer(head + b"12345") as port:
        asked = make_client(ports=frozenset({port})).fetch(f"http://site.example:{port}/", 5)
    assert (asked.status, asked.headers["content-type"], asked.content) == (200, "image/png", b"12345")


@pytest.mark.parametrize(
    "words",
    [
        b"Content-Length: 900000\r\n\r\n" + b"x" * 900_000,
        b"Connection: close\r\n\r\n" + b"x" * 900_000,
        b"Transfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4_096 + b"\r\n0\r\n\r\n",
    ],
)
def test_a_file_of_more_bytes_than_were_asked_for_is_refused(make_client: Send, words: bytes) -> None:
    with one_answer(b"HTTP/1.1 200 OK\r\n" + words) as port:
        asked = make_client(ports=frozenset({port})).fetch(f"http://site.example:{port}/", 1_000)
    assert (asked.status, asked.fault, asked.content) == (None, "holds more than 1000 bytes", b"")


def test_a_file_that_breaks_off_is_not_taken_for_the_whole(make_client: Send) -> None:
    with one_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf") as port:
        asked = make_client(ports=frozenset({port})).fetch(f"http://site.example:{port}/", 1_000)
    assert (asked.status, asked.fault) == (None, "does not answer")


def test_a_file_behind_a_redirect_into_a_private_network_is_not_fetched(site: Site, make_client: Send) -> None:
    site.pages["/in"] = (302, {"Location": f"http://127.0.0.1:{site.port}/secret"})
    names = make_client(resolve=lambda host, _port: ["127.0.0.1"] if host == "site.example" else ["10.0.0.1"])
    judged = replace(names, may_reach=lambda address: str(address) == "127.0.0.1")
    assert "leads into a private network" in judged.fetch(site.url("/in"), 1_000).fault
    assert site.asked == ["GET /in"]


def test_the_next_address_of_a_name_is_tried_if_the_first_does_not_take_the_connection(
    site: Site, make_client: Send
) -> None:
    site.pages["/"] = (200, {})
    assert make_client(resolve=lambda _host, _port: ["127.0.0.9", "127.0.0.1"]).ask(site.url()).status == 200


@contextmanager
def one_answer(words: bytes, certificate: Path | None = None, *, each: float = 0.0, whole: int = 0) -> Iterator[int]:
    """The port of a server that gives every caller the same bytes, those after the first `whole` one by one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, words, certificate, each, whole))
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def serve(listener: socket.socket, words: bytes, certificate: Path | None, each: float, whole: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate:
        context.load_cert_chain(certificate)
    while True:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        with suppress(OSError), line:
            talk = context.wrap_socket(line, server_side=True) if certificate else line
            with talk:
                talk.recv(4_096)
                talk.sendall(words[: whole if each else None])
                for byte in words[whole:] if each else b"":
                    time.sleep(each)
                    talk.sendall(bytes([byte]))


def certify(host: str, folder: Path) -> Path:
    """A certificate for a host, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path
