"""LMTP: 250 only once a mail is committed, and for each recipient an answer that the mail server can act on."""

import smtplib
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.delivery.bounces.intake import lmtp
from newsletter.delivery.bounces.intake.incoming import IncomingMail
from newsletter.delivery.bounces.intake.lmtp import LmtpListener
from tests.ports import free_port

OURS = "bounce+abc@bounces.example.org"


class Desk:
    """What the listener hands mail to."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.fault: Exception | None = None

    def is_ours(self, address: str) -> bool:
        if address == "slow@example.org":
            raise OSError("away")
        return address == OURS

    def take(self, mail: IncomingMail) -> None:
        if self.fault:
            raise self.fault
        while mail.read(65536):
            pass
        self.taken.append(bytes(mail.head))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def port(desk: Desk) -> Iterator[int]:
    port = free_port()
    listener = LmtpListener(f"127.0.0.1:{port}", desk.is_ours, desk.take)
    listener.keep()
    with closing(listener):
        yield port


def code_of(client: smtplib.LMTP, command: str) -> int:
    return client.docmd(command)[0]


def test_a_mail_is_answered_with_250_once_it_is_taken_and_put_off_while_it_cannot_be(desk: Desk, port: int) -> None:
    with smtplib.LMTP("127.0.0.1", port) as client:
        desk.fault = OSError("the database is away")
        with pytest.raises(smtplib.SMTPDataError) as put_off:
            client.sendmail("", OURS, b"Subject: Hi\r\n\r\nHello\r\n")
        assert put_off.value.smtp_code == 451
        desk.fault = None
        client.sendmail("<>", OURS, b"Subject: Hi\r\n\r\n.Hello\r\n" + b"x" * 5000 + b"\r\n")
    head = b"Return-Path: <>\r\nDelivered-To: bounce+abc@bounces.example.org\r\nSubject: Hi\r\n\r\n"
    assert desk.taken == [head + b".Hello\r\n" + b"x" * 5000 + b"\r\n"]


def test_each_recipient_is_answered_for_itself(desk: Desk, port: int) -> None:
    with smtplib.LMTP("127.0.0.1", port) as client:
        client.ehlo()
        client.mail("a@example.com")
        assert code_of(client, "RCPT TO:<stranger@bounces.example.org>") == 550
        assert code_of(client, "RCPT TO:<slow@example.org>") == 451
        assert code_of(client, f"RCPT TO:<{OURS}>") == 250
        assert code_of(client, f"RCPT TO:<{OURS}>") == 452, "the mail server asks for that one again"
        assert code_of(client, "RCPT TO:<stranger@bounces.example.org>") == 550, "asking again would not help"
        client.data(b"\r\nHello\r\n")
    assert len(desk.taken) == 1


def test_a_mail_that_is_too_large_is_refused_for_good(desk: Desk, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmtp, "MOST_OCTETS", 10_000)
    with smtplib.LMTP("127.0.0.1", port) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "10000"
        assert code_of(client, "MAIL FROM:<> SIZE=10001") == 552
        client.esmtp_features.clear()
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("", OURS, b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 200)
        assert refused.value.smtp_code == 552
    assert desk.taken == []


def test_beyond_a_few_connections_others_are_asked_to_wait(port: int) -> None:
    clients = [smtplib.LMTP("127.0.0.1", port) for _ in range(lmtp._MOST_SESSIONS)]
    with pytest.raises(smtplib.SMTPConnectError) as busy:
        smtplib.LMTP("127.0.0.1", port)
    assert busy.value.smtp_code == 421
    for client in clients:
        client.quit()


def test_the_first_worker_listens_at_a_socket_and_another_follows_when_it_ends(desk: Desk, tmp_path: Path) -> None:
    where = tmp_path / "lmtp.sock"
    where.write_text("left by one that was killed")
    first, second = (LmtpListener(f"unix:{where}", desk.is_ours, desk.take) for _ in range(2))
    first.keep()
    second.keep()
    first.close()
    second.keep()
    with closing(second), smtplib.LMTP(str(where)) as client:
        client.sendmail("", OURS, b"Hello\r\n")
    assert len(desk.taken) == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "lmtp"]
