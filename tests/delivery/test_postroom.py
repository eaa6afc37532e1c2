from datetime import timedelta

import pytest
from peers import HANG_UP, Mailbox, honest, parsed, scripted
from pydantic import SecretStr
from sqlalchemy import select

from newsletter.config import MailServer
from newsletter.delivery import outbox
from newsletter.delivery.models import Post, PostState
from newsletter.delivery.outbox import Composed
from newsletter.delivery.postroom import Postroom


@pytest.fixture
def posted(sessions, publication, now):
    """Puts letters into the outbox."""

    def post(*addresses: str, unsubscribe_url: str | None = None) -> None:
        composed = Composed("Please confirm – è", "<p>" + "Confirm " * 300 + "</p>", "Confirm")
        with sessions.begin() as session:
            for address in addresses:
                outbox.post(session, publication, "confirm", address, "Ada", composed, now, unsubscribe_url)

    return post


@pytest.fixture
def letters(sessions):
    def all_of_them() -> list[Post]:
        with sessions.begin() as session:
            return list(session.scalars(select(Post).order_by(Post.id)))

    return all_of_them


def deliver(sessions, server: MailServer, now) -> int:
    room = Postroom(sessions, server, timeout=1)
    try:
        return room.deliver_due(now)
    finally:
        room.close()


def test_a_letter_arrives_as_it_was_composed(posted, sessions, honest_server, mailbox, letters, now) -> None:
    posted("reader@example.org", unsubscribe_url="https://letters.example.org/unsubscribe/" + "x" * 60)
    assert deliver(sessions, honest_server, now) == 1
    [(sender, recipient, content)] = mailbox.taken
    assert (sender, recipient) == ("desk@example.org", "reader@example.org")
    assert parsed(content)["Subject"] == "Please confirm – è"
    assert b"\r\nList-Unsubscribe: <https://letters.example.org/unsubscribe/" + b"x" * 60 + b">\r\n" in content
    assert max(map(len, content.split(b"\r\n"))) < 998
    [letter] = letters()
    assert (letter.state, letter.reply) == (PostState.SENT, "250 2.0.0 Taken")


def test_an_empty_outbox_is_no_work(sessions, honest_server, now) -> None:
    assert deliver(sessions, honest_server, now) == 0


def test_many_letters_go_over_one_connection(posted, sessions, letters, now) -> None:
    posted(*(f"reader{number}@example.org" for number in range(5)))
    with scripted({}) as (peer, liar):
        assert deliver(sessions, peer.server, now) == 5
    assert len([line for line in liar.heard if line.upper().startswith(b"EHLO")]) == 1
    assert {letter.state for letter in letters()} == {PostState.SENT}


def test_one_bad_address_stops_no_other(posted, sessions, honest_server, mailbox, letters, now) -> None:
    mailbox.answers = {"bad@example.org": "550 5.1.1 No such user", "busy@example.org": "451 4.3.0 Later"}
    posted("bad@example.org", "no address", "busy@example.org", "good@example.org")
    assert deliver(sessions, honest_server, now) == 1
    states = [letter.state for letter in letters()]
    assert states == [PostState.FAILED, PostState.FAILED, PostState.PENDING, PostState.SENT]
    busy = letters()[2]
    assert (busy.attempts, busy.reply) == (1, "451 4.3.0 Later")
    assert timedelta(seconds=5) <= busy.not_before - now <= timedelta(seconds=6)


def test_a_letter_that_nobody_takes_fails_in_the_end(posted, sessions, honest_server, mailbox, letters, now) -> None:
    mailbox.answers = {"busy@example.org": "451 4.3.0 Later"}
    posted("busy@example.org")
    while letters()[0].state is PostState.PENDING:
        now += timedelta(days=1)
        deliver(sessions, honest_server, now)
    assert letters()[0].state is PostState.FAILED


def test_an_international_address_is_carried_or_refused(posted, sessions, letters, now) -> None:
    mailbox = Mailbox()
    posted("jürgen@example.org")
    with honest(mailbox) as peer:
        deliver(sessions, peer.server, now)
    assert mailbox.recipients == ["jürgen@example.org"]
    posted("jürgen@example.org")
    with honest(mailbox, enable_SMTPUTF8=False) as peer:
        deliver(sessions, peer.server, now)
    assert letters()[1].state is PostState.FAILED
    assert "5.6.7" in letters()[1].reply


def test_while_the_server_is_down_letters_wait_and_are_charged_nothing(posted, sessions, letters, now) -> None:
    posted("a@example.org", "b@example.org")
    with honest(Mailbox()) as peer:
        port = peer.port
    assert deliver(sessions, MailServer("127.0.0.1", port), now) == 0
    assert [(letter.state, letter.attempts) for letter in letters()] == [(PostState.PENDING, 0)] * 2


@pytest.mark.parametrize("command", ["", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_server_that_is_closing_charges_nothing(posted, sessions, letters, now, command) -> None:
    posted("a@example.org")
    with scripted({command: b"421 4.3.2 Closing\r\n" + HANG_UP}) as (peer, _liar):
        assert deliver(sessions, peer.server, now) == 0
    assert [(letter.state, letter.attempts) for letter in letters()] == [(PostState.PENDING, 0)]


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_a_hang_up_puts_a_letter_off_and_the_next_one_goes_on(posted, sessions, letters, now, command) -> None:
    posted("a@example.org", "b@example.org")
    manners = {"MAIL": b"250 a\r\n", "RCPT": b"250 b\r\n", "DATA": b"354 c\r\n", ".": b"250 d\r\n"}
    answers = iter([HANG_UP])
    with scripted({command: lambda _line: next(answers, manners[command])}) as (peer, _liar):
        assert deliver(sessions, peer.server, now) == 1
    assert [letter.state for letter in letters()] == [PostState.PENDING, PostState.SENT]


def test_a_password_is_not_said_without_tls_beyond_this_machine(posted, sessions, letters, now, monkeypatch) -> None:
    monkeypatch.setattr("newsletter.delivery.trust._is_loopback", lambda _peer: False)
    posted("a@example.org")
    with scripted({"EHLO": b"250-liar\r\n250 AUTH PLAIN\r\n"}) as (peer, liar):
        server = MailServer("127.0.0.1", peer.port, username="me", password=SecretStr("secret"))
        assert deliver(sessions, server, now) == 0
    assert not any(b"AUTH" in line for line in liar.heard)
    assert letters()[0].state is PostState.PENDING
