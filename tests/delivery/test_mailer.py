import base64
import time
from collections import deque
from contextlib import ExitStack
from datetime import timedelta
from itertools import pairwise
from threading import Event, Thread

import pytest
from peers import HANG_UP, SILENCE, Answer, Mailbox, honest, parsed, scripted
from pydantic import SecretStr
from sqlalchemy import select
from structlog.testing import capture_logs

from newsletter.db import DatabaseDown
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.report import Reason
from newsletter.delivery.models import OutboxMessage, OutboxState
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.mailer import MailerSettings, TransactionalMailer
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.mail_settings import MailServer
from tests import ports, transactions

MANNERS = {"MAIL": b"250 a\r\n", "RCPT": b"250 b\r\n", "DATA": b"354 c\r\n", ".": b"250 d\r\n"}
"""What a server says to each command that it obeys."""


@pytest.fixture
def free_port() -> int:
    """A port at which nobody listens."""
    return ports.free_port()


@pytest.fixture
def posted(sessions, publication, now):
    """Puts letters into the outbox."""

    def post(*addresses: str, unsubscribe_url: str | None = None) -> None:
        composed = Composed("confirm", "Please confirm – è", "<p>" + "Confirm " * 300 + "</p>", "Confirm")
        with sessions.begin() as session:
            for address in addresses:
                outbox.post(session, publication, Addressee(address, "Ada", unsubscribe_url), composed, now)

    return post


@pytest.fixture
def letters(sessions):
    def all_of_them() -> list[OutboxMessage]:
        with sessions.begin() as session:
            return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))

    return all_of_them


@pytest.fixture
def room(sessions, clock):
    """Opens post rooms, and closes them in the end."""
    with ExitStack() as rooms:

        def opened(server: MailServer, **options: object) -> TransactionalMailer:
            how = {"stopping": options.pop("stopping")} if "stopping" in options else {}
            settings = MailerSettings(server, **({"timeout": 60} | options))
            room = TransactionalMailer(sessions, settings, worker="w", clock=clock, **how)
            rooms.callback(room.close)
            rooms.callback(room.interrupt)
            return room

        yield opened


def deliver(sessions, server: MailServer, now) -> int:
    room = TransactionalMailer(sessions, MailerSettings(server, timeout=60), worker="w", clock=lambda: now)
    try:
        return room.deliver_due()
    finally:
        room.close()


def told(logs: list[dict[str, object]]) -> list[object]:
    return [entry["event"] for entry in logs if "mail server" in str(entry["event"])]


def _away(*_arguments: object) -> bool:
    raise DatabaseDown("statement", {}, Exception("the database is away"))


def once(answer: bytes, then: bytes) -> Answer:
    """Says this first, and that ever after."""
    answers = iter([answer])
    return lambda _line: next(answers, then)


def test_a_letter_arrives_as_it_was_composed(posted, sessions, honest_server, mailbox, letters, now) -> None:
    posted("reader@example.org", unsubscribe_url="https://letters.example.org/unsubscribe/" + "x" * 60)
    assert deliver(sessions, honest_server, now) == 1
    [(sender, recipient, content)] = mailbox.taken
    assert (sender, recipient) == ("desk@example.org", "reader@example.org")
    assert parsed(content)["Subject"] == "Please confirm – è"
    assert b"\r\nList-Unsubscribe: <https://letters.example.org/unsubscribe/" + b"x" * 60 + b">\r\n" in content
    assert max(map(len, content.split(b"\r\n"))) < 998
    [letter] = letters()
    assert (letter.state, letter.reply) == (OutboxState.SENT, "250 2.0.0 Taken")


def test_an_empty_outbox_is_no_work(sessions, honest_server, now) -> None:
    assert deliver(sessions, honest_server, now) == 0


def test_many_letters_go_over_one_connection(posted, sessions, letters, now) -> None:
    posted(*(f"reader{number}@example.org" for number in range(5)))
    with scripted({}) as (peer, liar):
        assert deliver(sessions, peer.server, now) == 5
    assert len([line for line in liar.heard if line.upper().startswith(b"EHLO")]) == 1
    assert {letter.state for letter in letters()} == {OutboxState.SENT}


def test_one_bad_address_stops_no_other(posted, sessions, honest_server, mailbox, letters, now) -> None:
    mailbox.answers = {"bad@example.org": "550 5.1.1 No such user", "busy@example.org": "451 4.3.0 Later"}
    posted("bad@example.org", "no address", "busy@example.org", "good@example.org")
    assert deliver(sessions, honest_server, now) == 1
    states = [letter.state for letter in letters()]
    assert states == [OutboxState.FAILED, OutboxState.FAILED, OutboxState.PENDING, OutboxState.SENT]
    busy = letters()[2]
    assert (busy.attempts, busy.reply) == (1, "451 4.3.0 Later")
    assert timedelta(seconds=5) <= busy.not_before - now <= timedelta(seconds=6)


def test_a_letter_that_nobody_takes_fails_in_the_end(posted, sessions, honest_server, mailbox, letters, now) -> None:
    mailbox.answers = {"busy@example.org": "451 4.3.0 Later"}
    posted("busy@example.org")
    while letters()[0].state is OutboxState.PENDING:
        now += timedelta(days=1)
        deliver(sessions, honest_server, now)
    assert letters()[0].state is OutboxState.FAILED


def test_an_international_address_is_carried_or_refused(posted, sessions, letters, now) -> None:
    mailbox = Mailbox()
    posted("jürgen@example.org")
    with honest(mailbox) as peer:
        deliver(sessions, peer.server, now)
    assert mailbox.recipients == ["jürgen@example.org"]
    posted("jürgen@example.org")
    with honest(mailbox, enable_SMTPUTF8=False) as peer:
        deliver(sessions, peer.server, now)
    assert letters()[1].state is OutboxState.FAILED
    assert "5.6.7" in letters()[1].reply


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_where_reports_are_offered_a_failure_is_to_be_reported_under_the_letters_own_name(
    posted, room, links, letters
) -> None:
    posted("ada+news@reader.example", "jürgen@reader.example")
    offer = b"250-liar.example.org\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 DSN\r\n"
    with scripted({"EHLO": offer}) as (peer, liar):
        room(peer.server, seal=links.seal, return_path_domain="bounces.example.org").deliver_due()
    heard = [line[4:].decode().rstrip() for line in liar.heard if line[:4].upper() in {b"MAIL", b"RCPT"}]
    names = [links.seal.seal_local_part("post", letter.id) for letter in letters()]
    assert heard[0] == f" FROM:<bounce+{names[0]}@bounces.example.org> RET=HDRS ENVID={names[0]}"
    assert heard[1] == " TO:<ada+news@reader.example> NOTIFY=FAILURE ORCPT=rfc822;ada+2Bnews@reader.example"
    assert heard[2].endswith(f"@bounces.example.org> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID={names[1]}")
    assert heard[3] == " TO:<jürgen@reader.example> NOTIFY=FAILURE"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_where_reports_are_offered_and_then_refused_letters_go_out_without(posted, room, links, letters) -> None:
    posted("ada@reader.example", "bo@reader.example")
    script = {
        "EHLO": b"250-proxy.example.org\r\n250 DSN\r\n",
        "RCPT": lambda line: b"555 5.5.4 Unsupported option\r\n" if b"NOTIFY" in line else b"250 2.1.5 Fine\r\n",
    }
    with scripted(script) as (peer, liar):
        room(peer.server, seal=links.seal, return_path_domain="bounces.example.org").deliver_due()
    assert [letter.state for letter in letters()] == [OutboxState.SENT] * 2
    assert len([line for line in liar.heard if b"NOTIFY" in line]) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("offered", "domain"), [(b"250 SIZE 9000", "bounces.example.org"), (b"250 DSN", None)])
def test_where_no_report_could_find_home_none_is_asked_for(posted, room, links, offered, domain) -> None:
    posted("ada@reader.example")
    with scripted({"EHLO": b"250-liar.example.org\r\n" + offered + b"\r\n"}) as (peer, liar):
        room(peer.server, seal=links.seal, return_path_domain=domain).deliver_due()
    assert not [line for line in liar.heard if b"ENVID" in line or b"NOTIFY" in line]


def test_while_the_server_is_down_letters_wait_and_are_charged_nothing(
    posted, sessions, letters, now, free_port
) -> None:
    posted("a@example.org", "b@example.org")
    assert deliver(sessions, MailServer("127.0.0.1", free_port), now) == 0
    assert [(letter.state, letter.attempts) for letter in letters()] == [(OutboxState.PENDING, 0)] * 2


@pytest.mark.parametrize("trouble", [b"421 4.3.2 Closing\r\n" + HANG_UP, HANG_UP, b"What?\r\n" + HANG_UP])
@pytest.mark.parametrize("command", ["", "EHLO", "MAIL"])
def test_what_comes_before_the_reader_is_named_charges_nothing(
    posted, sessions, letters, now, command, trouble
) -> None:
    posted("a@example.org", "b@example.org")
    with scripted({command: trouble, "HELO": HANG_UP}) as (peer, _liar):
        assert deliver(sessions, peer.server, now) == 0
    assert [(letter.state, letter.attempts) for letter in letters()] == [(OutboxState.PENDING, 0)] * 2


@pytest.mark.parametrize(
    "trouble", [b"421 4.7.0 Not now\r\n" + HANG_UP, b"421 4.7.0 Not now\r\n", b"530 5.7.0 Log in\r\n", HANG_UP]
)
@pytest.mark.parametrize("command", ["RCPT", "DATA", "."])
def test_what_comes_after_the_reader_is_named_puts_off_that_one_letter(posted, room, letters, command, trouble) -> None:
    posted("a@example.org", "b@example.org")
    with scripted({command: once(trouble, MANNERS[command])}) as (peer, liar):
        assert room(peer.server).deliver_due() == 1
        assert sum(line.upper().startswith(b"EHLO") for line in liar.heard) == 2
    assert [(letter.state, letter.attempts) for letter in letters()] == [
        (OutboxState.PENDING, 1),
        (OutboxState.SENT, 0),
    ]


@pytest.mark.parametrize(
    ("command", "answer"), [("RCPT", b"354 Go on\r\n"), ("DATA", b"250 Fine\r\n"), (".", b"What?\r\n")]
)
def test_a_yes_out_of_turn_is_not_taken_for_a_yes(posted, room, letters, command, answer) -> None:
    posted("a@example.org")
    with scripted({command: answer}) as (peer, _liar):
        assert room(peer.server).deliver_due() == 0
    [letter] = letters()
    assert (letter.state, letter.attempts) == (OutboxState.PENDING, 1)
    assert "4.5.0" in letter.reply


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "."])
def test_any_2xx_is_a_yes_as_it_is_for_issues(posted, room, letters, command) -> None:
    posted("a@example.org")
    with scripted({command: b"252 2.0.0 Passed on\r\n"}) as (peer, _liar):
        assert room(peer.server).deliver_due() == 1
    assert letters()[0].state is OutboxState.SENT


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "answer",
    [
        b"999 What?\r\n",
        b"650 What?\r\n",
        b"550 " + b"x" * 9_000 + b"\r\n",
        b"550-One thing\r\n551 And another\r\n",
        b"250-More\r\n" * 1_000,
    ],
    ids=["999", "650", "a long line", "two codes", "lines without end"],
)
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_what_is_no_reply_ends_no_letter(posted, room, letters, command, answer) -> None:
    posted("a@example.org")
    with scripted({command: answer}) as (peer, _liar):
        assert room(peer.server).deliver_due() == 0
    assert (letters()[0].state, letters()[0].attempts) == (OutboxState.PENDING, 0 if command == "MAIL" else 1)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("MAIL", b"550 5.1.1 Unknown user\r\n"),
        ("MAIL", b"553 5.7.1 Sender address rejected: not owned by user\r\n"),
        ("MAIL", b"552 5.3.4 Message size exceeds fixed limit\r\n"),
        ("RCPT", b"554 5.7.1 Relay access denied\r\n"),
        (".", b"554 5.7.1 Message rejected under our policy\r\n"),
        (".", b"554 Email address is not verified\r\n"),
    ],
)
def test_a_letter_that_is_refused_because_of_us_goes_out_once_that_is_mended(
    posted, room, letters, clock, sessions, command, answer
) -> None:
    posted("a@example.org")
    with scripted({command: once(answer, MANNERS[command])}) as (peer, _liar):
        office = room(peer.server)
        assert office.deliver_due() == 0
        assert (letters()[0].state, letters()[0].attempts) == (OutboxState.PENDING, 1)
        with sessions.reading() as session:
            assert [letter.reply for letter in outbox.open_failures(session, clock(), 9)] == [answer.decode().strip()]
        clock.pass_by(seconds=7)
        assert office.deliver_due() == 1
    with sessions.reading() as session:
        assert not outbox.open_failures(session, clock(), 9)


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
def test_only_who_refuses_after_the_reader_is_named_says_something_of_the_reader(
    posted, room, sessions, command
) -> None:
    posted("a@example.org")
    with scripted({command: b"550 5.1.1 Unknown user\r\n"}) as (peer, _liar):
        room(peer.server).deliver_due()
    with sessions.reading() as session:
        reasons = session.scalars(select(BounceEvent.reason)).all()
    assert reasons == ([Reason.USER_UNKNOWN] if command == "RCPT" else [])


def test_a_refused_reset_costs_the_next_letter_nothing(posted, room, letters) -> None:
    posted("a@example.org", "b@example.org")
    refused = once(b"550 5.1.1 Unknown user\r\n", MANNERS["RCPT"])
    with scripted({"RCPT": refused, "RSET": b"502 5.5.1 What?\r\n"}) as (peer, liar):
        assert room(peer.server).deliver_due() == 1
    assert sum(line.upper().startswith(b"EHLO") for line in liar.heard) == 2
    assert [letter.state for letter in letters()] == [OutboxState.FAILED, OutboxState.SENT]


def test_a_reply_too_many_is_not_taken_for_the_answer_to_the_next_letter(posted, room) -> None:
    posted("a@example.org", "b@example.org")
    twice = once(b"250 2.0.0 Taken\r\n550 5.1.1 Unknown user\r\n", MANNERS["."])
    with scripted({".": twice}) as (peer, liar):
        assert room(peer.server).deliver_due() == 2
    assert len(liar.taken) == 2


def test_after_a_refused_data_the_next_letter_is_not_refused_for_it(posted, room, letters) -> None:
    posted("a@example.org", "b@example.org")
    mails = iter([MANNERS["MAIL"]])

    def greet(_line: bytes) -> bytes:
        nonlocal mails
        mails = iter([MANNERS["MAIL"]])
        return b"220 ready\r\n"

    def mail(_line: bytes) -> bytes:
        return next(mails, b"503 5.5.1 Nested MAIL\r\n")

    with scripted({"": greet, "MAIL": mail, "DATA": once(b"451 4.7.1 Greylisted\r\n", MANNERS["DATA"])}) as (peer, _):
        assert room(peer.server).deliver_due() == 1
    assert [letter.state for letter in letters()] == [OutboxState.PENDING, OutboxState.SENT]


def test_a_connection_that_takes_no_more_messages_puts_off_one_letter_and_no_other(posted, room, letters) -> None:
    posted(*(f"reader{number}@example.org" for number in range(5)))
    answers: deque[bytes] = deque()

    def greet(_line: bytes) -> bytes:
        answers.clear()
        answers.extend([MANNERS["MAIL"]] * 2 + [b"452 4.5.3 Too many messages sent\r\n"] * 5)
        return b"220 ready\r\n"

    with scripted({"": greet, "MAIL": lambda _line: answers.popleft()}) as (peer, _liar):
        assert room(peer.server).deliver_due() == 4
    assert [letter.attempts for letter in letters()] == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("trouble", [b"421 4.7.0 Enough\r\n" + HANG_UP, HANG_UP])
def test_a_server_that_closes_after_so_many_messages_is_no_outage(posted, room, letters, trouble) -> None:
    posted("a@example.org", "b@example.org", "c@example.org")
    mails = iter([MANNERS["MAIL"], trouble])
    with capture_logs() as logs, scripted({"MAIL": lambda _line: next(mails, MANNERS["MAIL"])}) as (peer, _liar):
        assert room(peer.server).deliver_due() == 3
    assert {(letter.state, letter.attempts) for letter in letters()} == {(OutboxState.SENT, 0)}
    assert told(logs) == []


def test_a_sender_at_whose_name_the_server_hangs_up_holds_up_no_other(posted, room, sessions, letters, clock) -> None:
    posted("a@example.org", "b@example.org", "c@example.org")
    with sessions.begin() as session:
        session.get_one(OutboxMessage, letters()[0].id).sender_address = "bad@example.org"
    clock.pass_by(seconds=1)
    with scripted({"MAIL": lambda line: HANG_UP if b"bad@" in line else MANNERS["MAIL"]}) as (peer, _liar):
        office = room(peer.server)
        assert office.deliver_due() == 0
        clock.pass_by(seconds=2)
        assert office.deliver_due() == 2
    assert [letter.state for letter in letters()] == [OutboxState.PENDING, OutboxState.SENT, OutboxState.SENT]


def test_a_server_that_is_down_is_left_alone_longer_and_longer(posted, room, clock, free_port) -> None:
    posted("a@example.org")
    tries = []
    office = room(MailServer("127.0.0.1", free_port))
    with capture_logs() as logs:
        for second in range(120):
            before = office._outage._failures
            office.deliver_due()
            tries += [second] * (office._outage._failures - before)
            clock.pass_by(seconds=1)
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    # Seconds, each up to a fifth longer by chance, and rounded up to the next look.
    least = [1, 1, 2, 4, 8, 16, 30, 30, 30]
    assert all(low <= gap <= 1.2 * low + 1 for low, gap in zip(least, gaps, strict=False))
    assert len(gaps) in {7, 8}
    assert told(logs) == ["the mail server cannot be used; letters wait"]


def test_an_outage_is_told_of_once_at_its_start_and_once_at_its_end(posted, room, clock, letters, free_port) -> None:
    posted("a@example.org")
    office = room(MailServer("127.0.0.1", free_port))
    with capture_logs() as logs:
        for _ in range(3):
            office.deliver_due()
            clock.pass_by(minutes=1)
        with honest(Mailbox(), free_port):
            assert office.deliver_due() == 1
            assert office.deliver_due() == 0
            office.close()
    assert told(logs) == ["the mail server cannot be used; letters wait", "the mail server can be used again"]
    assert letters()[0].attempts == 0


def test_while_an_outage_is_sat_out_nothing_is_claimed(posted, room, clock, free_port) -> None:
    posted("a@example.org")
    office = room(MailServer("127.0.0.1", free_port))
    office.deliver_due()
    with honest(Mailbox(), free_port):
        assert office.deliver_due() == 0
        clock.pass_by(seconds=1)
        assert office.deliver_due() == 1
        office.close()


def test_a_letter_that_another_worker_took_meanwhile_is_not_sent_twice(posted, room, sessions, clock, letters) -> None:
    posted("a@example.org", "b@example.org")

    def dawdle(_line: bytes) -> bytes:
        clock.pass_by(minutes=6)
        with sessions.begin() as session:
            outbox.recover(session, clock())
            outbox.claim(session, "other", 10, clock())
        return MANNERS["."]

    with scripted({".": dawdle}) as (peer, liar):
        room(peer.server).deliver_due()
    assert len(liar.taken) == 1
    assert [letter.worker for letter in letters()] == ["other", "other"]


def test_each_letter_has_a_fresh_lease_when_it_is_sent(posted, room, sessions, clock, letters) -> None:
    posted(*(f"reader{number}@example.org" for number in range(4)))
    back = []

    def dawdle(_line: bytes) -> bytes:
        clock.pass_by(minutes=2)
        with sessions.begin() as session:
            back.append(outbox.recover(session, clock()))
        return MANNERS["."]

    with scripted({".": dawdle}) as (peer, liar):
        office = room(peer.server)
        while office.deliver_due():
            pass
    assert len(liar.taken) == 4
    # The batch's lease ended while the third was being sent: the fourth went back, the third did not.
    assert back == [0, 0, 1, 0]
    assert {(letter.state, letter.attempts) for letter in letters()} == {(OutboxState.SENT, 0)}


def test_an_erased_readers_letter_is_not_sent_though_it_was_claimed(posted, room, sessions) -> None:
    posted("a@example.org", "b@example.org")

    def erase(_line: bytes) -> bytes:
        with sessions.begin() as session:
            outbox.erase_letters(session, ["b@example.org"])
        return MANNERS["."]

    with scripted({".": erase}) as (peer, liar):
        assert room(peer.server).deliver_due() == 1
    assert len(liar.taken) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_letter_takes_the_writer_once_so_that_sign_ups_need_not_wait_for_two(posted, room, engine) -> None:
    posted("a@example.org", "b@example.org", "c@example.org")
    with scripted({}) as (peer, _liar), transactions.counted(engine) as sizes:
        assert room(peer.server).deliver_due() == 3
    assert len([size for size in sizes if size]) == 1 + 3  # the claim, and what became of each


@pytest.mark.parametrize("writing", ["may_be_sent", "sent", "give_back"])
def test_letters_that_the_database_kept_from_being_settled_go_out_as_soon_as_it_answers(
    posted, room, clock, letters, monkeypatch, writing
) -> None:
    posted("a@example.org", "b@example.org", "c@example.org")
    answer = MANNERS["MAIL"] if writing != "give_back" else once(b"421 4.3.2 Closing\r\n" + HANG_UP, MANNERS["MAIL"])
    with scripted({"MAIL": answer}) as (peer, _liar):
        office = room(peer.server)
        with monkeypatch.context() as away:
            away.setattr(outbox, writing, _away)
            with pytest.raises(DatabaseDown):
                office.deliver_due()
        assert {letter.state for letter in letters()} == {OutboxState.SENDING}
        clock.pass_by(seconds=2)
        assert office.deliver_due() == 3
    assert {letter.state for letter in letters()} == {OutboxState.SENT}


def test_a_stop_finishes_the_letter_in_flight_and_gives_back_the_rest(posted, room, letters) -> None:
    posted(*(f"reader{number}@example.org" for number in range(5)))
    stopping = Event()

    def stop(_line: bytes) -> bytes:
        stopping.set()
        return MANNERS["."]

    with scripted({".": stop}) as (peer, _liar):
        assert room(peer.server, stopping=stopping.is_set).deliver_due() == 1
    found = [(letter.state, letter.attempts, letter.worker) for letter in letters()]
    assert found == [(OutboxState.SENT, 0, None)] + [(OutboxState.PENDING, 0, None)] * 4


@pytest.mark.parametrize("command", ["", "EHLO", "MAIL", "RCPT", "."])
def test_a_talk_that_lasts_too_long_is_hung_up(posted, room, letters, command) -> None:
    posted("a@example.org", "b@example.org")
    stopping, silent = Event(), Event()

    def fall_silent(_line: bytes) -> bytes:
        silent.set()
        return SILENCE

    with scripted({command: fall_silent}) as (peer, _liar):
        office = room(peer.server, stopping=stopping.is_set, timeout=600)
        job = Thread(target=office.deliver_due)
        job.start()
        assert silent.wait(110)
        stopping.set()
        office.interrupt()
        job.join(110)
        assert not job.is_alive()
        office.close()
    charged = 1 if command in {"RCPT", "."} else 0
    found = [(letter.state, letter.attempts) for letter in letters()]
    assert found == [(OutboxState.PENDING, charged), (OutboxState.PENDING, 0)]


def test_a_silent_farewell_is_not_waited_for(posted, room) -> None:
    posted("a@example.org")
    with scripted({"QUIT": SILENCE}) as (peer, _liar):
        office = room(peer.server, timeout=600)
        office.deliver_due()
        begun = time.monotonic()
        office.close()
        assert time.monotonic() - begun < 110


def test_a_password_that_cannot_be_said_is_no_letters_fault_and_is_not_logged(posted, room, letters) -> None:
    posted("a@example.org")
    with capture_logs() as logs, scripted({"EHLO": b"250-liar\r\n250 AUTH PLAIN\r\n"}) as (peer, _liar):
        room(MailServer("127.0.0.1", peer.port, username="me", password=SecretStr("p\udce4ssword"))).deliver_due()
    assert letters()[0].state is OutboxState.PENDING
    assert "cannot be written as text" in str(logs)
    assert "udce4" not in str(logs)


@pytest.mark.parametrize("offer", [b"AUTH=plain", b"auth login plain", b"AUTH LOGIN,PLAIN"])
def test_a_letter_logs_in_as_an_issue_does(posted, room, offer) -> None:
    posted("a@example.org")
    with scripted({"EHLO": b"250-liar\r\n250 " + offer + b"\r\n"}) as (peer, liar):
        server = MailServer("127.0.0.1", peer.port, username="me", password=SecretStr("pässword"))
        assert room(server).deliver_due() == 1
    assert b"AUTH PLAIN " + base64.b64encode("\0me\0pässword".encode()) + b"\r\n" in liar.heard


def test_letters_find_out_words_that_are_slipped_in_before_the_encryption(posted, room) -> None:
    posted("a@example.org")
    script = {"EHLO": b"250-liar\r\n250 STARTTLS\r\n", "STAR": b"220 go\r\n250 AUTH PLAIN\r\n"}
    with scripted(script) as (peer, _liar), capture_logs() as logs:
        room(MailServer("127.0.0.1", peer.port, use_tls=True)).deliver_due()
    assert "the server went on talking after STARTTLS" in str(logs)


def test_a_way_to_log_in_that_letters_do_not_know_is_named_as_for_issues(posted, room) -> None:
    posted("a@example.org")
    with scripted({"EHLO": b"250-liar\r\n250 AUTH CRAM-MD5\r\n"}) as (peer, liar), capture_logs() as logs:
        room(MailServer("127.0.0.1", peer.port, username="me", password=SecretStr("secret"))).deliver_due()
    assert "no way to log in that we know (PLAIN, LOGIN), but CRAM-MD5" in str(logs)
    assert not any(line.startswith(b"AUTH") for line in liar.heard)


def test_a_password_is_not_said_without_tls_beyond_this_machine(posted, sessions, letters, now, monkeypatch) -> None:
    monkeypatch.setattr("newsletter.delivery.smtp.tls_trust.is_loopback", lambda _peer: False)
    posted("a@example.org")
    with scripted({"EHLO": b"250-liar\r\n250 AUTH PLAIN\r\n"}) as (peer, liar):
        server = MailServer("127.0.0.1", peer.port, username="me", password=SecretStr("secret"))
        assert deliver(sessions, server, now) == 0
    assert not any(b"AUTH" in line for line in liar.heard)
    assert letters()[0].state is OutboxState.PENDING


@pytest.mark.parametrize("script", [{"": HANG_UP}, {"STAR": b"220 go\r\n" + HANG_UP}], ids=["at once", "at STARTTLS"])
def test_a_connection_that_is_dropped_in_the_handshake_is_said_to_fail_at_tls(posted, room, script) -> None:
    posted("a@example.org")
    with scripted({"EHLO": b"250-liar\r\n250 STARTTLS\r\n", **script}) as (peer, _liar), capture_logs() as logs:
        room(MailServer("127.0.0.1", peer.port, use_tls="" not in script, use_ssl="" in script)).deliver_due()
    assert "TLS failed: the server dropped the connection" in logs[0]["reason"]
