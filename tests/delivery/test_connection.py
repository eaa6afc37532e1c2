"""Connections: what must be there before a word is said, and what is never said without it."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from peers import HANG_UP, SILENCE, Liar, Mailbox, Peer, honest, scripted, trusting
from pydantic import SecretStr

from newsletter.delivery.smtp import connection, protocol, tls_trust
from newsletter.delivery.smtp.connection import SmtpConnection
from newsletter.delivery.smtp.protocol import ConnectionLost, DotStuffed, Envelope
from newsletter.delivery.smtp.replies import Reply
from newsletter.errors import TransportDown
from newsletter.mail_settings import MailServer

LETTER = DotStuffed(b"Subject: x\r\n\r\n..dot\r\n")
IN_THE_CLEAR = {"auth_require_tls": False}
ENVELOPE = Envelope("desk@example.org", "reader@example.org", len(LETTER))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate with its key, for `localhost` only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1))  # noqa: DTZ001  (the builder takes UTC without a zone)
        .not_valid_after(datetime(2020, 1, 1) + timedelta(days=36500))  # noqa: DTZ001
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def send(server: MailServer, tls: ssl.SSLContext | None = None) -> None:
    async def one_message() -> None:
        wire = await SmtpConnection.open(server, tls, patience=0.02)
        assert (await wire.offer(ENVELOPE)).code == 354
        assert (await deliver(wire)).code == 250
        await wire.close()

    asyncio.run(one_message())


async def deliver(wire: SmtpConnection, following: Envelope | None = None) -> Reply:
    wire.write(LETTER)
    return await wire.complete(following)


@pytest.mark.parametrize("pipelining", [True, False])
def test_the_next_transaction_rides_behind_the_final_dot_where_it_may(pipelining: bool) -> None:
    async def two_messages(server: MailServer) -> None:
        wire = await SmtpConnection.open(server, patience=0.02)
        following = Envelope("desk@example.org", "second@example.org", 9)
        assert (await wire.offer(ENVELOPE)).code == 354
        assert (await deliver(wire, following)).code == 250
        assert wire.usable(following)
        assert wire.usable(ENVELOPE) is not pipelining
        assert (await wire.offer(following)).code == 354
        assert (await deliver(wire)).code == 250
        await wire.close()

    with scripted({} if pipelining else {"EHLO": b"250 plain.example.org\r\n"}) as (peer, liar):
        asyncio.run(two_messages(peer.server))
    assert isinstance(liar, Liar)
    assert [line[:4] for line in liar.heard] == [b"EHLO", *[b"MAIL", b"RCPT", b"DATA"] * 2, b"QUIT"]
    assert len(liar.taken) == 2


@pytest.mark.parametrize("where", ["MAIL", "RCPT"])
@pytest.mark.parametrize("offered", [b"250-PIPELINING\r\n250 DSN\r\n", b"250 DSN\r\n"])
def test_reports_that_are_offered_and_then_refused_are_done_without(where: str, offered: bytes) -> None:
    asks = {"MAIL": b"RET=", "RCPT": b"NOTIFY="}[where]
    script = {
        "EHLO": b"250-proxy.example.org\r\n" + offered,
        where: lambda line: b"555 5.5.4 Unsupported option\r\n" if asks in line else b"250 2.1.0 Fine\r\n",
    }

    async def two_messages(server: MailServer) -> None:
        wire = await SmtpConnection.open(server, patience=0.02)
        for number in range(2):
            envelope = Envelope("desk@example.org", f"r{number}@example.org", len(LETTER), "token")
            assert (await wire.offer(envelope)).code == 354
            assert (await deliver(wire)).code == 250
        await wire.close()

    with scripted(script) as (peer, liar):
        asyncio.run(two_messages(peer.server))
    assert len([content for content in liar.taken if b"Subject" in content]) == 2
    assert len([line for line in liar.heard if asks in line]) == 1


def test_a_message_without_its_final_dot_can_be_taken_back() -> None:
    async def take_back(server: MailServer) -> None:
        wire = await SmtpConnection.open(server, patience=0.02)
        assert (await wire.offer(ENVELOPE)).code == 354
        wire.write(LETTER)
        assert not wire.awaiting_reply
        wire.drop()

    with scripted({}) as (peer, liar):
        asyncio.run(take_back(peer.server))
    assert [line[:4] for line in liar.heard] == [b"EHLO", b"MAIL", b"RCPT", b"DATA"]
    assert liar.taken == []


def test_a_final_dot_that_can_no_longer_leave_awaits_no_reply() -> None:
    async def too_late(server: MailServer) -> None:
        wire = await SmtpConnection.open(server, patience=0.02)
        assert (await wire.offer(ENVELOPE)).code == 354
        wire.write(LETTER)
        while wire.usable():
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # it is closing; in the loop's next turn it is closed
        with pytest.raises(ConnectionLost):
            await wire.complete()
        assert not wire.awaiting_reply

    with scripted({"DATA": b"354 Go on\r\n" + HANG_UP}) as (peer, _liar):
        asyncio.run(too_late(peer.server))


def authenticating(mechanism: str = "LOGIN") -> dict[str, object]:
    def check(_server, _session, _envelope, _mechanism: str, data) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"me", b"secret"), handled=False)

    return {"authenticator": check, "auth_exclude_mechanism": [mechanism]}


def test_starttls_with_a_verified_certificate_and_a_login(certificate, server_tls) -> None:
    mailbox = Mailbox()
    with honest(mailbox, tls_context=server_tls, require_starttls=True, **authenticating()) as peer:
        send(MailServer("localhost", peer.port, True, False, "me", SecretStr("secret")), trusting(certificate))
    assert len(mailbox.taken) == 1


def test_tls_from_the_first_octet(certificate, server_tls) -> None:
    mailbox = Mailbox()
    peer = Peer(lambda: SMTP(mailbox, loop=asyncio.get_running_loop(), hostname="localhost"), tls=server_tls)
    try:
        send(MailServer("localhost", peer.port, use_ssl=True), trusting(certificate))
    finally:
        peer.stop()
    assert len(mailbox.taken) == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_server_on_this_machine_may_hear_the_password_without_tls(mechanism) -> None:
    mailbox = Mailbox()
    with honest(mailbox, **authenticating(mechanism), **IN_THE_CLEAR) as peer:
        send(MailServer("127.0.0.1", peer.port, username="me", password=SecretStr("secret")))
    assert len(mailbox.taken) == 1


def test_a_wrong_password_takes_the_server_down() -> None:
    with (
        honest(Mailbox(), **authenticating(), **IN_THE_CLEAR) as peer,
        pytest.raises(TransportDown, match="535"),
    ):
        send(MailServer("127.0.0.1", peer.port, username="me", password=SecretStr("wrong")))


def test_no_password_crosses_the_network_in_the_clear() -> None:
    with pytest.raises(TransportDown, match="MAIL_USE_TLS"):
        tls_trust.require_privacy("mx.example.org", "192.0.2.1", encrypted=False)
    tls_trust.require_privacy("mx.example.org", "192.0.2.1", encrypted=True)
    tls_trust.require_privacy("localhost", str(ipaddress.ip_address("::1")), encrypted=False)


@pytest.mark.parametrize("use_ssl", [True, False])
def test_a_certificate_that_nobody_vouches_for_is_not_taken(server_tls, use_ssl) -> None:
    make = lambda: SMTP(  # noqa: E731
        Mailbox(), loop=asyncio.get_running_loop(), hostname="localhost", tls_context=None if use_ssl else server_tls
    )
    peer = Peer(make, tls=server_tls if use_ssl else None)
    try:
        with pytest.raises(TransportDown, match="certificate"):
            send(MailServer("localhost", peer.port, not use_ssl, use_ssl))
    finally:
        peer.stop()


def test_a_certificate_for_another_name_is_not_taken(certificate, server_tls) -> None:
    with (
        honest(Mailbox(), tls_context=server_tls) as peer,
        pytest.raises(TransportDown, match="certificate"),
    ):
        send(MailServer("127.0.0.1", peer.port, use_tls=True), trusting(certificate))


def test_a_server_without_starttls_gets_nothing_from_who_asks_for_it() -> None:
    mailbox = Mailbox()
    with honest(mailbox) as peer, pytest.raises(TransportDown, match="STARTTLS"):
        send(MailServer("127.0.0.1", peer.port, use_tls=True))
    assert mailbox.taken == []


def test_words_slipped_in_before_the_encryption_are_found_out() -> None:
    script = {"EHLO": b"250-liar\r\n250 STARTTLS\r\n", "STAR": b"220 go\r\n250 AUTH PLAIN\r\n"}
    with scripted(script) as (peer, _liar), pytest.raises(TransportDown, match="STARTTLS"):
        send(MailServer("127.0.0.1", peer.port, use_tls=True))


@pytest.mark.parametrize("greeting", [b"554 No\r\n", b"421 Busy\r\n", b"HTTP/1.1 400\r\n", b"220" + b"0" * 10_000_000])
def test_what_does_not_greet_as_a_mail_server_is_none(greeting: bytes) -> None:
    with scripted({"": greeting}) as (peer, _liar), pytest.raises(TransportDown):
        send(peer.server)


def test_a_server_without_ehlo_still_gets_mail() -> None:
    with scripted({"EHLO": b"502 what?\r\n"}) as (peer, liar):
        send(peer.server)
    assert isinstance(liar, Liar)
    assert liar.taken == [b"\r\nSubject: x\r\n\r\n..dot\r\n.\r\n"]


@pytest.mark.parametrize("script", [{"": HANG_UP}, {"STAR": b"220 go\r\n" + HANG_UP}], ids=["at once", "at STARTTLS"])
def test_a_server_that_drops_the_connection_in_the_handshake_is_said_to_fail_at_tls(script) -> None:
    with (
        scripted({"EHLO": b"250-liar\r\n250 STARTTLS\r\n", **script}) as (peer, _liar),
        pytest.raises(TransportDown, match="TLS failed: the server dropped the connection"),
    ):
        send(MailServer("127.0.0.1", peer.port, use_tls="" not in script, use_ssl="" in script))


def test_a_server_that_speaks_no_tls_is_said_to_fail_at_tls() -> None:
    with scripted({"": b"220 plain\r\n"}) as (peer, _liar), pytest.raises(TransportDown, match="TLS failed"):
        send(MailServer("127.0.0.1", peer.port, use_ssl=True))


def test_of_several_addresses_one_that_swallows_everything_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_NEXT_ADDRESS", 0.05)
    with scripted({}) as (peer, _liar), swallowing() as hole:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (hole, peer.port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        async def act() -> None:
            await (await SmtpConnection.open(MailServer("mail.example.org", peer.port))).close()

        asyncio.run(act())


@contextmanager
def swallowing() -> Iterator[int]:
    """A port where a connection is neither taken nor refused, because too many wait there."""
    with ExitStack() as open_sockets:
        full = open_sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            caller = open_sockets.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        yield full.getsockname()[1]


def test_a_server_that_says_nothing_is_told_of_once_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(protocol, "_GREETING", 300.0)
    with scripted({"": SILENCE}) as (peer, _liar):
        opening = SmtpConnection.open(MailServer("127.0.0.1", peer.port), None, 0.001, lambda: told.append("silent"))
        with pytest.raises(TransportDown, match="fell silent"):
            asyncio.run(opening)
    assert told == ["silent"]
