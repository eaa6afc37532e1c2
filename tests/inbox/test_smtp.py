"""Real SMTP conversations with the running server."""

import errno
import os
import smtplib
import socket
from concurrent.futures import ThreadPoolExecutor
from email.policy import SMTPUTF8
from pathlib import Path

import pytest

from newsletter.errors import Refused
from newsletter.inbox import smtp
from newsletter.inbox.store import Store
from tests.ports import free_port

from .mails import mail

SOURCE = (
    b"From: press@example.org\r\nTo: ana@example.org\r\nSubject: =?utf-8?q?Ma=C5=82y_krok?=\r\n\r\n"
    b".a line that begins with a dot\r\n..\r\nbare \r and \xff\xfe bytes\r\n\r\nlast line\r\n"
)


def test_a_mail_is_kept_byte_for_byte(client: smtplib.SMTP, store: Store) -> None:
    client.sendmail("press@example.org", ["ana@example.org"], SOURCE, ["BODY=8BITMIME"])
    [kept] = store.newest()
    assert store.source(kept.id) == SOURCE
    assert kept.subject == "Mały krok"


def test_the_envelope_is_kept_whatever_the_headers_say(client: smtplib.SMTP, store: Store) -> None:
    client.sendmail("b+9f2c@bounces.example", ["hidden@example.net", "ana@example.org"], bytes(mail()))
    [kept] = store.newest()
    assert kept.envelope.sender == "b+9f2c@bounces.example"
    assert kept.envelope.recipients == ("hidden@example.net", "ana@example.org")
    assert kept.author == "Press <press@example.org>"


def test_the_null_sender_is_empty(client: smtplib.SMTP, store: Store) -> None:
    client.sendmail("", ["ana@example.org"], b"Subject: bounced\r\n\r\nsorry\r\n")
    assert store.newest()[0].envelope.sender == ""


def test_names_and_addresses_beyond_ascii_arrive(client: smtplib.SMTP, store: Store) -> None:
    message = mail("Zażółć").as_bytes(policy=SMTPUTF8)
    client.sendmail("żółw@example.org", ["zoë@example.org"], message, ["SMTPUTF8", "BODY=8BITMIME"])
    [kept] = store.newest(to="ZOË@example.org")
    assert (kept.to, kept.subject, kept.envelope.sender) == ("zoë@example.org", "Zażółć", "żółw@example.org")


def test_the_server_announces_what_the_client_uses(client: smtplib.SMTP) -> None:
    client.ehlo()
    assert {"8bitmime", "smtputf8"} <= set(client.esmtp_features)
    assert client.esmtp_features["size"] == str(25 * 1024 * 1024)


def test_a_mail_over_25_mb_is_refused_with_552(client: smtplib.SMTP, store: Store) -> None:
    line = b"x" * 998 + b"\r\n"
    client.ehlo()
    client.mail("press@example.org")
    client.rcpt("ana@example.org")
    code, _ = client.data(b"Subject: heavy\r\n\r\n" + line * (26 * 1024 * 1024 // 1000 + 1))
    assert code == 552
    assert len(store) == 0


def test_a_size_over_25_mb_is_refused_before_it_is_sent(client: smtplib.SMTP) -> None:
    client.ehlo()
    assert client.mail("press@example.org", ["SIZE=26214401"])[0] == 552


def test_a_full_disk_answers_452_and_keeps_nothing(
    client: smtplib.SMTP, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(smtplib.SMTPDataError) as refusal:
            client.send_message(mail())
    assert refusal.value.smtp_code == 452
    assert len(store) == 0
    assert not list((tmp_path / "inbox").iterdir())
    client.send_message(mail())
    assert len(store) == 1


def test_a_fault_of_the_inbox_is_never_a_5xx(
    client: smtplib.SMTP, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(store, "add", broken)
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        client.send_message(mail())
    assert refusal.value.smtp_code == 451


def test_two_senders_in_parallel_lose_nothing(server: smtp.MailServer, store: Store) -> None:
    def send(sender: int) -> None:
        with smtplib.SMTP("127.0.0.1", server.port, timeout=60) as connection:
            for number in range(50):
                connection.sendmail("a@b.example", [f"{sender}@example.org"], bytes(mail(f"{sender}/{number}")))

    with ThreadPoolExecutor() as senders:
        list(senders.map(send, (1, 2)))
    assert [kept.subject for kept in store.newest(to="2@example.org")] == [f"2/{n}" for n in reversed(range(50))]
    assert len({kept.id for kept in store.newest()}) == 100


def test_stop_closes_connections_that_are_open_and_the_port(store: Store) -> None:
    server = smtp.start("127.0.0.1", free_port(), store)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as idle:
        idle.recv(100)
        server.stop()
        assert idle.recv(100) == b""
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=60)


def test_the_server_listens_beyond_this_machine_only_when_told(store: Store) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "example.org"):  # noqa: S104
        with pytest.raises(Refused, match="does not listen on"):
            smtp.start(host, 0, store)
    smtp.start("0.0.0.0", 0, store, beyond_loopback=True).stop()  # noqa: S104


def test_a_taken_port_is_named_with_its_setting(server: smtp.MailServer, store: Store) -> None:
    with pytest.raises(Refused, match=f"port {server.port} is taken; set MAIL_PORT to a free one"):
        smtp.start("127.0.0.1", server.port, store)
