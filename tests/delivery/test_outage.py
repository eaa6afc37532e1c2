"""A mail server that is away: which one, since when and why, as its own words or the system's say."""

import threading
from datetime import timedelta

import pytest
from peers import SILENCE, Mailbox, honest, readers, scripted

from newsletter.delivery.smtp.outage import ServerStatus, UnreachableServer
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.mailer import MailerSettings, TransactionalMailer
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind
from newsletter.mail_settings import MailServer
from tests.ports import free_port
from tests.waiting import wait_for

SERVER = MailServer("mail.example.org", 587)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("mail.example.org:587: [Errno 111] Connect call failed ('192.0.2.1', 587)", "connection refused"),
        (
            "mail.example.org:587: Multiple exceptions: [Errno 111] Connect call failed ('::1', 25), [Errno 111] …",
            "connection refused",
        ),
        ("mail.example.org:587: [Errno -2] Name or service not known", "[Errno -2] Name or service not known"),
        ("the server greets with 554 5.7.1 No", "the server greets with 554 5.7.1 No"),
    ],
)
def test_why_is_said_as_people_know_it(clock, raised: str, told: str) -> None:
    status = ServerStatus(SERVER.host_port, clock)
    status.mark_down(raised)
    assert status.away == UnreachableServer("mail.example.org:587", clock.now, told)


def test_an_outage_counts_from_its_first_failure_until_somebody_gets_through(clock) -> None:
    status = ServerStatus(SERVER.host_port, clock)
    began = clock.now
    status.mark_down("timed out")
    clock.pass_by(minutes=5)
    status.mark_down("[Errno 111] Connect call failed")
    assert status.away == UnreachableServer("mail.example.org:587", began, "connection refused")
    status.mark_up()
    assert status.away is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_bulk_sender_names_the_server_that_it_cannot_reach_until_it_can(running, press, clock) -> None:
    running(readers(2))
    port = free_port()
    sending = press(MailServer("127.0.0.1", port))
    seen: list[UnreachableServer | None] = []

    def look() -> None:
        wait_for(lambda: sending.away)
        seen.append(sending.away)
        with honest(mailbox, port):
            until_all_are_out.wait()

    mailbox, until_all_are_out = Mailbox(), threading.Event()
    looking = threading.Thread(target=look)
    looking.start()
    while len(mailbox.taken) < 2:
        sending.run_once()
    until_all_are_out.set()
    looking.join()
    assert seen == [UnreachableServer(f"127.0.0.1:{port}", clock.now, "connection refused")]
    assert sending.away is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_bulk_sender_names_the_server_that_says_nothing(running, press, monkeypatch) -> None:
    monkeypatch.setattr("newsletter.delivery.bulk.sender._FINISH_IN_FLIGHT", 0.0)
    running(readers(2))
    with scripted({"": SILENCE}) as (peer, _liar):
        sending = press(peer.server)
        working = threading.Thread(target=sending.run_once)
        working.start()
        wait_for(lambda: sending.away)
        assert sending.away.why == "it has said nothing for half a minute"
        sending.stop()
        working.join()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_transactional_mailer_names_its_server_while_letters_wait_for_it(sessions, publication, clock) -> None:
    with sessions.begin() as session:
        outbox.post(session, publication, Addressee("a@x.example"), Composed("confirm", "s", "h", "t"), clock.now)
    server = MailServer("127.0.0.1", free_port())
    room = TransactionalMailer(sessions, MailerSettings(server, timeout=60), worker="w", clock=clock)
    room.deliver_due()
    assert room.away == UnreachableServer(server.host_port, clock.now, "connection refused")
    with sessions.begin() as session:
        outbox.erase_letters(session, ["a@x.example"])
    clock.pass_by(minutes=1)
    room.deliver_due()
    assert room.away is None


def test_what_several_workers_find_is_told_once_since_the_first_of_them(sessions, now) -> None:
    minute = timedelta(minutes=1)
    first, later = (
        UnreachableServer(SERVER.host_port, at, "connection refused") for at in (now - 2 * minute, now - minute)
    )
    other = UnreachableServer("other.example.org:25", now, "timed out")
    with sessions.begin() as session:
        heartbeat.beat(session, "a", now, {MailKind.ISSUES: later, MailKind.LETTERS: None})
        heartbeat.beat(session, "b", now, {MailKind.ISSUES: first, MailKind.LETTERS: other})
    with sessions.begin() as session:
        assert heartbeat.unreachable_servers(session, MailKind.ISSUES, now) == [first]
        assert heartbeat.unreachable_servers(session, MailKind.LETTERS, now) == [other]
        assert heartbeat.unreachable_servers(session, MailKind.ISSUES, now + minute) == []
        heartbeat.beat(session, "a", now)
        heartbeat.sign_off(session, "b")
        assert heartbeat.unreachable_servers(session, MailKind.ISSUES, now) == []
