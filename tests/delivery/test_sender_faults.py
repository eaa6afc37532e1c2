"""Each copy ends in the right state, whatever the server does, and at whichever command."""

import threading
from collections.abc import MutableMapping
from itertools import count
from typing import Any

import pytest
from peers import HANG_UP, SILENCE, honest, readers, scripted, send_all
from sqlalchemy import Connection, event, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from newsletter.delivery import ledger
from newsletter.delivery.bulk.prefetch import Claimer
from newsletter.delivery.bulk.run_state import RunState
from newsletter.delivery.models import Copy, CopyState, Letter, LetterState
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.smtp import protocol, retry
from newsletter.mail_settings import MailServer
from tests.ports import free_port
from tests.waiting import PATIENCE, wait_for

NO = b"550 5.7.1 No\r\n"
LATER = b"451 4.3.0 Later\r\n"
AWAY = "the mail server cannot be used; trying again"
CLOSING = b"421 4.3.2 Closing\r\n" + HANG_UP


# What the server does is told apart the same way whatever the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("command", ["RCPT", "DATA", "."])
@pytest.mark.parametrize(("answer", "state"), [(NO, CopyState.REFUSED), (LATER, CopyState.PENDING)])
def test_a_refusal_ends_a_copy_and_a_deferral_puts_it_off(
    running, press, copies, clock, command, answer, state, pipelining
) -> None:
    letter = running(readers(2))
    script = {command: answer} | ({} if pipelining else {"EHLO": b"250 plain.example.org\r\n"})
    with scripted(script) as (peer, _liar):
        press(peer.server).run_once()
    for copy in copies(letter).values():
        assert copy.state is state
        assert copy.attempts == 1
        assert copy.reply == answer.decode()[4:].strip()
        assert (copy.not_before > clock.now) == (state is CopyState.PENDING)


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_deferred_sender_costs_no_reader_the_issue(running, press, copies, clock, pipelining) -> None:
    letter = running(readers(2))
    script = {"MAIL": LATER} | ({} if pipelining else {"EHLO": b"250 plain.example.org\r\n"})
    with scripted(script) as (peer, _liar):
        press(peer.server).run_once()
    for copy in copies(letter).values():
        assert (copy.state, copy.attempts) == (CopyState.PENDING, 1)
        assert LATER.decode()[4:].strip() in copy.reply
        assert copy.not_before > clock.now


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_refused_sender_pauses_the_letter_and_charges_no_reader(running, press, copies, state, pipelining) -> None:
    letter = running(readers(2))
    script = {"MAIL": NO} | ({} if pipelining else {"EHLO": b"250 plain.example.org\r\n"})
    with scripted(script) as (peer, _liar):
        send_all(press(peer.server))
    assert {(copy.state, copy.attempts) for copy in copies(letter).values()} == {(CopyState.PENDING, 0)}
    assert state(letter) is LetterState.PAUSED


def test_a_sender_that_the_server_cannot_carry_costs_no_reader_the_issue(
    running, press, copies, sessions, state
) -> None:
    letter = running(readers(5))
    with sessions.begin() as session:
        session.get_one(Letter, letter).sender_address = "jörg@example.org"
    with scripted({}) as (peer, _liar):
        send_all(press(peer.server))
    assert {(copy.state, copy.attempts) for copy in copies(letter).values()} == {(CopyState.PENDING, 0)}
    assert state(letter) is LetterState.PAUSED


def test_no_copy_rides_on_anothers_envelope(running, press, copies) -> None:
    international = [f"jürgen{number}@example.org" for number in range(6)]
    plain = readers(6)
    letter = running([address for pair in zip(international, plain, strict=True) for address in pair])
    with scripted({}) as (peer, liar):
        press(peer.server, limits=Limits(connections=1)).run_once()
    states = {address: row.state for address, row in copies(letter).items()}
    assert states == dict.fromkeys(international, CopyState.REFUSED) | dict.fromkeys(plain, CopyState.SENT)
    told = [line.split(b"<")[1].split(b">")[0].decode() for line in liar.heard if line.startswith(b"RCPT")]
    assert sorted(told) == plain


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("fault", [HANG_UP, SILENCE, b"moo\r\n", b"x" * 10_000_000])
def test_who_falls_silent_or_lies_before_the_final_dot_leaves_no_doubt(
    running, press, copies, hurried, command, fault, pipelining
) -> None:
    letter = running(readers(2))
    script = {command: fault} | ({} if pipelining else {"EHLO": b"250 plain.example.org\r\n"})
    hurried("_MAIL", "_RCPT", "_DATA")
    with scripted(script) as (peer, _liar):
        press(peer.server).run_once()
    for copy in copies(letter).values():
        # The first time it may be the server's own trouble; the second time the copy is charged.
        assert (copy.state, copy.attempts) == (CopyState.PENDING, 1)


@pytest.mark.parametrize("fault", [HANG_UP, SILENCE, b"moo\r\n", b"354 Go on\r\n"])
@pytest.mark.parametrize(("policy", "state"), [("hold", CopyState.IN_DOUBT), ("resend", CopyState.PENDING)])
def test_no_answer_to_the_final_dot_leaves_a_copy_in_doubt(
    running, press, copies, hurried, fault, policy, state
) -> None:
    letter = running(readers(1))
    hurried("_FINAL_REPLY")
    with scripted({".": fault}) as (peer, _liar):
        press(peer.server, in_doubt=policy).run_once()
    [copy] = copies(letter).values()
    assert copy.state is state
    assert "in doubt" in copy.reply


def test_a_copy_in_doubt_is_sent_again_only_once(running, press, copies, clock) -> None:
    letter = running(readers(1))
    with scripted({".": HANG_UP}) as (peer, liar):
        run = press(peer.server)
        for _ in range(5):
            run.run_once()
            clock.pass_by(days=1)
    assert len(liar.taken) == 2
    [copy] = copies(letter).values()
    assert copy.state is CopyState.IN_DOUBT


def test_a_copy_whose_last_try_gets_no_answer_is_in_doubt_and_not_given_up(running, press, copies, sessions) -> None:
    letter = running(readers(1))
    with sessions.begin() as session:
        session.execute(update(Copy).values(attempts=len(retry.COPIES.waits)))
    with scripted({".": HANG_UP}) as (peer, _liar):
        press(peer.server, in_doubt="resend").run_once()
    [copy] = copies(letter).values()
    assert (copy.state, copy.attempts) == (CopyState.IN_DOUBT, len(retry.COPIES.waits) + 1)


def test_a_refusal_stands_even_as_the_last_word(running, press, copies) -> None:
    letter = running(readers(1))
    with scripted({"RCPT": NO + HANG_UP}) as (peer, _liar):
        press(peer.server).run_once()
    [copy] = copies(letter).values()
    assert copy.state is CopyState.REFUSED


def test_a_server_that_closes_after_each_message_is_no_outage(running, press, counts) -> None:
    letter = running(readers(20))
    with scripted({".": b"250 2.0.0 Taken\r\n" + HANG_UP}) as (peer, liar):
        press(peer.server).run_once()
    assert counts(letter).sent == len(liar.taken) == 20


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    "full",
    [
        b"421 4.7.0 Too many messages in this connection\r\n" + HANG_UP,
        b"421 Max message per connection reached, closing transmission channel\r\n" + HANG_UP,
        b"452 4.5.3 Too many messages sent\r\n",
        b"550 5.7.1 Too many messages in this session\r\n",
    ],
)
def test_a_server_that_takes_so_many_messages_over_one_connection_is_neither_away_nor_asks_for_less(
    running, press, copies, full, pipelining
) -> None:
    letter = running(readers(20))
    messages = count()

    def greet(_line: bytes) -> bytes:
        nonlocal messages
        messages = count()
        return b"220 ready\r\n"

    ehlo = b"250-liar\r\n250 PIPELINING\r\n" if pipelining else b"250 liar\r\n"
    script = {"": greet, "EHLO": ehlo, "MAIL": lambda _line: full if next(messages) >= 5 else b"250 Fine\r\n"}
    with scripted(script) as (peer, liar), capture_logs() as logs:
        press(peer.server, limits=Limits(connections=1)).run_once()
    assert {(copy.state, copy.attempts) for copy in copies(letter).values()} == {(CopyState.SENT, 1)}
    assert (len(liar.taken), _events(logs)) == (20, [])


def test_a_connection_too_many_for_the_server_slows_down_none_of_the_others(running, press, copies) -> None:
    letter = running(readers(60))
    greetings = count()
    too_many = b"421 4.7.0 Too many concurrent SMTP connections from this IP address\r\n" + HANG_UP

    def greet(_line: bytes) -> bytes:
        return too_many if next(greetings) % 3 == 2 else b"220 ready\r\n"

    with scripted({"": greet}) as (peer, _liar), capture_logs() as logs:
        press(peer.server, limits=Limits(connections=6)).run_once()
    assert {(copy.state, copy.attempts) for copy in copies(letter).values()} == {(CopyState.SENT, 1)}
    assert set(_events(logs)) == {"the mail server takes no more connections"}


@pytest.mark.parametrize("command", ["", "EHLO", "MAIL"])
def test_a_server_that_is_closing_costs_no_copy_an_attempt(running, press, copies, command) -> None:
    letter = running(readers(5))
    answers = iter([CLOSING] * 4)
    manners = {"": b"220 ready\r\n", "EHLO": b"250 ready\r\n", "MAIL": b"250 fine\r\n"}
    with scripted({command: lambda _line: next(answers, manners[command])}) as (peer, _liar):
        press(peer.server).run_once()
    for copy in copies(letter).values():
        assert (copy.state, copy.attempts) == (CopyState.SENT, 1)


def test_one_reader_at_whose_name_the_server_hangs_up_holds_up_nobody(running, press, copies, counts) -> None:
    letter = running(readers(30))
    with scripted({"RCPT": lambda line: CLOSING if b"reader0007@" in line else b"250 Known\r\n"}) as (peer, _liar):
        press(peer.server).run_once()
    assert counts(letter).sent == 29
    [waiting] = [copy for copy in copies(letter).values() if copy.state is CopyState.PENDING]
    assert (waiting.address.startswith("reader0007@"), waiting.attempts) == (True, 1)


def test_a_server_that_was_down_at_the_start_and_in_mid_run_loses_nobody(
    running, press, counts, mailbox, clock
) -> None:
    letter = running(readers(100))
    mailbox.most, port = 21, free_port()
    run = press(MailServer("127.0.0.1", port))
    thread = threading.Thread(target=run.run_once)
    with capture_logs() as logs:
        thread.start()
        wait_for(lambda: AWAY in _events(logs))
        with honest(mailbox, port):
            wait_for(lambda: len(mailbox.taken) == mailbox.most)
            found_away = len(_events(logs))
        wait_for(lambda: AWAY in _events(logs)[found_away:])
    mailbox.most = 200
    with honest(mailbox, port):
        thread.join()
        clock.pass_by(minutes=5)
        run.run_once()
    assert set(mailbox.recipients) == set(readers(100))
    assert counts(letter).sent == 100
    # What the server had taken when it fell, and could not say so: one for each connection.
    assert len(mailbox.taken) <= 103


def test_while_the_server_is_down_a_stop_is_heard_at_once(running, press, counts) -> None:
    letter = running(readers(5))
    run = press(MailServer("127.0.0.1", free_port()))
    thread = threading.Thread(target=run.run_once)
    with capture_logs() as logs:
        thread.start()
        wait_for(lambda: AWAY in _events(logs))
    run.stop()
    thread.join(110)
    assert not thread.is_alive()
    assert counts(letter).pending == 5


def test_a_stop_waits_a_while_for_a_slow_server_and_then_takes_the_copy_back(
    running, press, copies, monkeypatch
) -> None:
    monkeypatch.setattr("newsletter.delivery.bulk.sender._FINISH_IN_FLIGHT", 0.2)
    letter = running(readers(1))
    with scripted({"RCPT": SILENCE}) as (peer, liar):
        run = press(peer.server, patience=1)
        thread = threading.Thread(target=run.run_once)
        thread.start()
        wait_for(lambda: any(line.startswith(b"RCPT") for line in liar.heard))
        run.stop()
        thread.join(110)
        assert not thread.is_alive()
    [copy] = copies(letter).values()
    assert (copy.state, copy.attempts, copy.begun_at) == (CopyState.PENDING, 0, None)


@pytest.mark.parametrize("is_committed", [False, True], ids=["before a commit", "before its answer"])
def test_a_database_that_goes_away_in_mid_run_costs_nothing(
    running, press, mailbox, counts, sessions, monkeypatch, is_committed
) -> None:
    letter = running(readers(12))
    connect, commits = sessions.dedicated_connection, count()

    def go_away_now_and_then(connection: Connection) -> None:
        if next(commits) % 5 == 3:
            if is_committed:
                connection.connection.commit()
            raise OperationalError("COMMIT", None, Exception("the database is away"))

    def unreliable() -> Connection:
        connection = connect()
        event.listen(connection, "commit", go_away_now_and_then)
        return connection

    monkeypatch.setattr(sessions, "dedicated_connection", unreliable)
    with honest(mailbox) as peer:
        send_all(press(peer.server))
    assert next(commits) > 5
    assert mailbox.recipients == readers(12)
    assert counts(letter).sent == 12


def test_a_run_does_not_end_while_a_copy_goes_back_that_was_not_yet_there_for_another_connection(
    running, press, copies, monkeypatch
) -> None:
    letter = running(readers(1))
    has_looked, is_back, refusals = threading.Event(), threading.Event(), count()
    take, let_go = Claimer.take, RunState.let_go

    def take_late(claimer: Claimer, session: Session, limit: int):
        found = take(claimer, session, limit)
        if not found.copies:
            has_looked.set()
            is_back.wait(PATIENCE)
        return found

    def tell(state: RunState) -> None:
        let_go(state)
        is_back.set()

    def refuse_twice(_line: bytes) -> bytes:
        has_looked.wait(PATIENCE)
        return NO if next(refusals) < 2 else b"250 2.1.0 Fine\r\n"

    monkeypatch.setattr(Claimer, "take", take_late)
    monkeypatch.setattr(RunState, "let_go", tell)
    with scripted({"MAIL": refuse_twice}) as (peer, _liar):
        press(peer.server).run_once()
    assert {copy.state for copy in copies(letter).values()} == {CopyState.SENT}


def test_a_lease_that_was_lost_sends_nothing(running, press, mailbox, clock, counts) -> None:
    letter = running(readers(1))
    with honest(mailbox) as peer:
        run = press(peer.server)
        run._claimer = _Losing(run._claimer, clock)
        run.run_once()
    assert mailbox.taken == []
    assert counts(letter).pending == 1


class _Losing:
    """Claims that another worker takes back at once, as after a long sleep of this machine."""

    def __init__(self, claims, clock) -> None:
        self._claims = claims
        self._clock = clock

    def take(self, session, limit: int):
        claimed = self._claims.take(session, limit)
        ledger.recover(session, self._clock() + 2 * ledger.LEASE, "resend")
        self._clock.pass_by(minutes=-1)  # so that the copy is not due for another claim
        return claimed

    def __getattr__(self, name: str):
        return getattr(self._claims, name)


def _events(logs: list[MutableMapping[str, Any]]) -> list[str]:
    return [entry["event"] for entry in logs]


def test_a_server_that_says_nothing_for_half_a_minute_is_told_of_once_for_all_lines(
    running, press, monkeypatch
) -> None:
    running(readers(3))
    monkeypatch.setattr(protocol, "_GREETING", 300.0)
    with scripted({"": SILENCE}) as (peer, _liar), capture_logs() as logs:
        sending = press(MailServer("127.0.0.1", peer.port), patience=0.001)
        silence = "the mail server has said nothing for half a minute; waiting for its answer"
        thread = threading.Thread(target=sending.run_once)
        thread.start()
        wait_for(lambda: AWAY in _events(logs))
        sending.stop()
        thread.join()
    assert [each["event"] for each in logs][:2] == [silence, "the mail server cannot be used; trying again"]
    assert [each["event"] for each in logs].count(silence) == 1
    assert logs[0]["server"] == f"127.0.0.1:{peer.port}"
