"""The breaker: what servers hold against us stops the letter, or its part to one provider, and costs no reader it."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from peers import Mailbox, honest, scripted, send_all
from sqlalchemy import select, update

from newsletter.delivery import breaker, ledger
from newsletter.delivery.breaker import STRIKES, Breaker, Strike, Trip
from newsletter.delivery.ledger import outcomes
from newsletter.delivery.ledger.outcomes import Outcome
from newsletter.delivery.models import Copy, CopyState, Letter, LetterState
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.smtp.replies import Reply

RELAY = b"554 5.7.1 Relay access denied\r\n"
POLICY = b"550 5.7.515 Access denied, sending domain does not meet the required authentication level\r\n"


def everywhere(count: int) -> list[str]:
    return [f"r{number:03}@reader{number}.example" for number in range(count)]


def refusing(pattern: bytes, answer: bytes):
    """RCPT to what matches is answered so."""
    return lambda line: answer if re.search(pattern, line) else b"250 2.1.5 Known\r\n"


@pytest.fixture
def trips(sessions):
    def every() -> list[Trip]:
        with sessions.reading() as session:
            return list(session.scalars(select(Trip).order_by(Trip.id)))

    return every


@pytest.fixture
def go_on(sessions, clock):
    def resume(letter_id: int) -> None:
        with sessions.begin() as session:
            breaker.close(session, letter_id, clock.now)
            breaker.release_letter(session, letter_id, clock.now)
            running = update(Letter).where(Letter.id == letter_id).values(state=LetterState.RUNNING)
            session.execute(running)

    return resume


def untried(copies: dict[str, Copy]) -> bool:
    return all((copy.state, copy.attempts) == (CopyState.PENDING, 0) for copy in copies.values())


@pytest.mark.parametrize("where", ["RCPT", "DATA", ".", "MAIL"])
def test_a_relay_that_refuses_everybody_pauses_the_letter_and_costs_nobody_the_issue(
    running, press, copies, state, trips, where
) -> None:
    letter = running(everywhere(60))
    with scripted({where: RELAY}) as (peer, liar):
        send_all(press(peer.server))
    assert state(letter) is LetterState.PAUSED
    assert untried(copies(letter))
    [trip] = trips()
    assert (trip.provider_group, trip.code, trip.reply) == (breaker.WHOLE, 554, "5.7.1 Relay access denied")
    assert len([line for line in liar.heard if line.startswith(b"MAIL")]) < 30


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "answer",
    [
        b"530 5.7.0 Authentication required\r\n",
        b"550 Relaying denied\r\n",
        b"552 5.3.4 Message too big for system\r\n",
        b"555 5.5.4 Unsupported option: SIZE\r\n",
        b"552 message size exceeds fixed maximum message size\r\n",
        b"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)\r\n",
        b"550 5.7.26 Unauthenticated email is not accepted due to domain's DMARC policy\r\n",
        b"554 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org\r\n",
    ],
)
@pytest.mark.parametrize("where", ["MAIL", "RCPT"])
def test_whatever_words_a_server_has_for_it(running, press, copies, state, answer, where) -> None:
    letter = running(everywhere(12))
    with scripted({where: answer}) as (peer, _liar):
        press(peer.server).run_once()
    assert state(letter) is LetterState.PAUSED
    assert untried(copies(letter))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "answer",
    [
        b"550 5.1.1 No such user\r\n",
        b"550 5.2.1 The account is disabled\r\n",
        b"552 5.2.2 Mailbox full\r\n",
        b"554 delivery error: dd This user doesn't have a yahoo.com account\r\n",
        b"550 5.4.1 Recipient address rejected: Access denied\r\n",
        b"550 5.7.1 You are not allowed to send to this recipient\r\n",
    ],
)
@pytest.mark.parametrize("where", ["RCPT", "."])
def test_what_is_about_readers_stays_refused(running, press, copies, state, answer, where) -> None:
    letter = running(everywhere(12))
    with scripted({where: answer}) as (peer, _liar):
        press(peer.server).run_once()
    assert state(letter) is LetterState.RUNNING
    assert {copy.state for copy in copies(letter).values()} == {CopyState.REFUSED}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_readers_with_rules_of_their_own_among_others_stay_refused_and_stop_nothing(
    running, press, copies, counts, trips
) -> None:
    letter = running(everywhere(60))
    with scripted({"RCPT": refusing(rb"r0\d[147]@", RELAY)}) as (peer, _liar):
        press(peer.server, limits=Limits(connections=1)).run_once()
    refused = [address for address, copy in copies(letter).items() if copy.state is CopyState.REFUSED]
    assert len(refused) == 18
    assert counts(letter).sent == 42
    assert trips() == []


def test_one_provider_that_refuses_us_is_left_out_and_the_others_get_it(
    running, press, copies, counts, state, trips, go_on
) -> None:
    theirs = [f"o{number}@{('outlook.com', 'hotmail.com', 'live.com')[number % 3]}" for number in range(30)]
    letter = running([address for pair in zip(everywhere(30), theirs, strict=True) for address in pair])
    with scripted({"RCPT": refusing(rb"@(outlook|hotmail|live)\.com", POLICY)}) as (peer, liar):
        run = press(peer.server)
        send_all(run)
        heard = len(liar.heard)
        assert not run.run_once()
        assert len(liar.heard) == heard
    assert state(letter) is LetterState.RUNNING
    assert [(trip.provider_group, trip.code) for trip in trips()] == [("outlook", 550)]
    assert (counts(letter).sent, counts(letter).pending, counts(letter).refused) == (30, 30, 0)
    assert untried({address: copy for address, copy in copies(letter).items() if address in theirs})
    go_on(letter)
    mailbox = Mailbox()
    with honest(mailbox) as peer:
        press(peer.server).run_once()
    assert counts(letter).sent == 60
    assert mailbox.recipients == sorted(theirs)


UNAUTHENTICATED = b"550 5.7.26 Your email has been blocked because the sender is unauthenticated.\r\n"
DEFERRED = b"421 4.7.26 Your email has been rate limited because it is unauthenticated.\r\n"
TOO_MANY = b"421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume\r\n"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("where", ["RCPT", "."])
@pytest.mark.parametrize(
    ("provider", "answer", "hours"),
    [("gmail", UNAUTHENTICATED, 0), ("gmail", DEFERRED, 0), ("outlook", POLICY, 0), ("yahoo", TOO_MANY, 4)],
)
def test_what_a_great_provider_says_to_all_mail_of_ours_stops_its_group_at_the_first_copy(
    running, press, copies, counts, state, trips, where, provider, answer, hours
) -> None:
    theirs = [f"r{number}@{provider}.com" for number in range(9)]
    letter = running([*theirs, *everywhere(9)])
    to_them = re.compile(rb"@%s\.com" % provider.encode())
    last: list[bytes] = []

    def at_the_envelope(line: bytes) -> bytes:
        last[:] = [line]
        return answer if where == "RCPT" and to_them.search(line) else b"250 2.1.5 Known\r\n"

    def at_the_dot(_line: bytes) -> bytes:
        return answer if to_them.search(last[0]) else b"250 2.0.0 Taken\r\n"

    script = {"RCPT": at_the_envelope} | ({".": at_the_dot} if where == "." else {})
    with scripted(script) as (peer, liar):
        send_all(press(peer.server, limits=Limits(connections=1)))
    asked = [line for line in liar.heard if line.startswith(b"RCPT") and to_them.search(line)]
    assert len(asked) <= 2
    [trip] = trips()
    assert (trip.provider_group, trip.code) == (provider, int(answer[:3]))
    assert trip.resumes_at == (trip.opened_at + timedelta(hours=hours) if hours else None)
    assert (state(letter), counts(letter).sent, counts(letter).pending) == (LetterState.RUNNING, 9, 9)
    assert untried({address: copy for address, copy in copies(letter).items() if address in theirs})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "answer",
    [
        b"421 4.7.1 Service unavailable; client [192.0.2.1] blocked using zen.dnsbl.example\r\n",
        b"450 4.7.1 192.0.2.1 is on a DNSBL\r\n",
        b"550 Rejected\r\n",
    ],
)
def test_the_fifth_answer_that_names_a_block_list_or_nobody_stops_the_group(
    running, press, state, trips, copies, answer
) -> None:
    letter = running([f"r{number}@gmail.com" for number in range(9)])
    with scripted({"RCPT": answer}) as (peer, _liar):
        press(peer.server, limits=Limits(connections=1)).run_once()
    assert (state(letter), [(trip.provider_group, trip.code) for trip in trips()]) == (
        LetterState.RUNNING,
        [("gmail", int(answer[:3]))],
    )
    assert untried(copies(letter))


def test_what_passes_by_itself_goes_on_after_some_hours(running, press, counts, sessions, clock, trips) -> None:
    letter = running(["ada@yahoo.com", "bo@aol.com"])
    with scripted({"RCPT": TOO_MANY}) as (peer, _liar):
        press(peer.server, limits=Limits(connections=1)).run_once()

    def release(hours: float) -> int:
        with sessions.begin() as session:
            return breaker.release_held(session, clock.now + timedelta(hours=hours))

    assert (release(3.9), release(4)) == (0, 2)
    assert trips()[0].closed_at
    clock.now += timedelta(hours=4)
    mailbox = Mailbox()
    with honest(mailbox) as peer:
        press(peer.server).run_once()
    assert counts(letter).sent == 2


def test_what_passes_by_itself_goes_on_though_another_provider_waits_for_a_person(
    running, press, copies, sessions, clock, trips
) -> None:
    letter = running(["ada@yahoo.com", "bo@outlook.com", "cy@aol.com", "di@hotmail.com"])
    answer = {b"@yahoo": TOO_MANY, b"@aol": TOO_MANY}

    def at_rcpt(line: bytes) -> bytes:
        return next((reply for domain, reply in answer.items() if domain in line), POLICY)

    with scripted({"RCPT": at_rcpt}) as (peer, _liar):
        send_all(press(peer.server, limits=Limits(connections=1)))
    assert sorted(trip.provider_group for trip in trips()) == ["outlook", "yahoo"]
    clock.pass_by(hours=4)
    with sessions.begin() as session:
        assert breaker.release_held(session, clock.now) == 2
        assert breaker.release_held(session, clock.now) == 0
    mailbox = Mailbox()
    with honest(mailbox) as peer:
        send_all(press(peer.server))
    assert mailbox.recipients == ["ada@yahoo.com", "cy@aol.com"]
    waiting = {address for address, copy in copies(letter).items() if copy.not_before >= breaker.HELD}
    assert waiting == {"bo@outlook.com", "di@hotmail.com"}


def test_strikes_outlive_a_worker_that_is_killed(running, press, copies, sessions, state) -> None:
    letter = running(everywhere(4))
    with scripted({"RCPT": RELAY}) as (peer, _liar):
        press(peer.server, worker="killed").run_once()
    assert {copy.state for copy in copies(letter).values()} == {CopyState.REFUSED}
    with sessions.begin() as session:
        session.execute(update(Copy).where(Copy.address == "r003@reader3.example").values(state="pending"))
        session.execute(Strike.__table__.delete().where(Strike.domain == "reader3.example"))
        session.execute(update(Copy).where(Copy.address == "r003@reader3.example").values(attempts=0, reason=None))
    other = running(everywhere(1))
    with sessions.begin() as session:
        session.execute(update(Letter).where(Letter.id == other).values(state=LetterState.CANCELLED))
        moved = {"address": "r009@reader9.example", "subscription_id": 9, "name": "", "letter_id": letter}
        session.add(Copy(**moved, not_before=session.get_one(Letter, letter).due_at))
    with scripted({"RCPT": RELAY}) as (peer, _liar):
        press(peer.server, worker="next").run_once()
    assert state(letter) is LetterState.PAUSED
    assert untried(copies(letter))


def test_two_workers_count_together_and_open_it_once(running, press, copies, state, trips) -> None:
    letter = running(everywhere(60))
    with scripted({"RCPT": RELAY}) as (peer, _liar):
        first, second = press(peer.server, worker="one"), press(peer.server, worker="two")
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda run: run.run_once(), (first, second)))
    assert state(letter) is LetterState.PAUSED
    assert untried(copies(letter))
    assert len(trips()) == 1


def test_who_left_between_a_refusal_and_the_fifth_is_not_sent_it_after_all(
    running, press, copies, sessions, state, clock
) -> None:
    letter = running(everywhere(8))
    left: list[bool] = []

    def answer(line: bytes) -> bytes:
        if b"r004@" in line and not left:
            left.append(True)
            with sessions.begin() as session:
                ledger.skip_pending(session, 1, "unsubscribed", clock.now)
        return RELAY

    with scripted({"RCPT": answer}) as (peer, _liar):
        press(peer.server, limits=Limits(connections=1)).run_once()
    assert state(letter) is LetterState.PAUSED
    gone = copies(letter)["r000@reader0.example"]
    assert (gone.state, gone.reason) == (CopyState.REFUSED, "unsubscribed")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_refused_after_somebody_stopped_the_letter_opens_nothing(
    running, press, sessions, state, trips
) -> None:
    letter = running(everywhere(STRIKES))

    def answer(line: bytes) -> bytes:
        if b"r000@" in line:
            with sessions.begin() as session:
                session.execute(update(Letter).where(Letter.id == letter).values(state=LetterState.CANCELLED))
        return RELAY

    with scripted({"RCPT": answer}) as (peer, _liar):
        press(peer.server, limits=Limits(connections=STRIKES)).run_once()
    assert trips() == []
    assert state(letter) is LetterState.CANCELLED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_refusals_of_the_sender_in_a_transaction_that_is_undone_are_counted_once(
    running, sessions, clock, state
) -> None:
    letter = running(everywhere(STRIKES))
    with sessions.begin() as session:
        claimed = ledger.claim(session, "w", STRIKES, clock.now)
    *most, fifth = [outcomes.sender_refused(copy, Reply(550, ("5.7.1 No",))) for copy in claimed]
    counting = Breaker(Limits().groups)

    def observed_twice(refusals: list[Outcome]) -> LetterState:
        with sessions.engine.connect() as connection:
            counting.observe(connection, refusals, clock.now)
            connection.rollback()
            keep = counting.observe(connection, refusals, clock.now)
            connection.commit()
            keep()
        return state(letter)

    assert observed_twice(most) is LetterState.RUNNING
    assert observed_twice([fifth]) is LetterState.PAUSED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_after_going_on_it_takes_five_more(running, press, copies, state, trips, go_on) -> None:
    letter = running(everywhere(20))
    with scripted({"RCPT": RELAY}) as (peer, _liar):
        for times in (1, 2):
            press(peer.server).run_once()
            assert state(letter) is LetterState.PAUSED
            assert len(trips()) == times
            assert untried(copies(letter))
            go_on(letter)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_provider_that_defers_us_for_what_we_are_is_left_alone_too(running, press, copies, trips) -> None:
    letter = running([f"g{number}@gmail.com" for number in range(20)])
    answer = b"450 4.7.26 This mail is unauthenticated, which poses a security risk\r\n"
    with scripted({".": answer}) as (peer, _liar):
        press(peer.server).run_once()
    assert [trip.provider_group for trip in trips()] == ["gmail"]
    assert untried(copies(letter))
