from datetime import UTC, datetime, timedelta

import pytest
from peers import readers
from sqlalchemy import insert, update

from newsletter.delivery import ledger, stopping
from newsletter.delivery.ledger import moves, outcomes
from newsletter.delivery.models import Copy, CopyNote, CopyState, Counts, Letter, LetterState, Note
from newsletter.delivery.smtp.replies import Reply

TAKEN = Reply(250, ("2.0.0 Taken",))
LATER = Reply(451, ("4.3.0 Later",))
NAMING = Reply(450, ("4.2.2 <reader0000@example.org>: the mailbox is full",))
AFTER = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_copy_is_counted_in_exactly_one_state(running, sessions, now, counts) -> None:
    letter = running(readers(6))
    with sessions.begin() as session:
        claimed = ledger.claim(session, "w", 5, now)
        taken, refused, doubted, faulty, _ = claimed
        results = [outcomes.sent(taken, TAKEN), outcomes.refused(refused, LATER), outcomes.in_doubt(doubted, "?")]
        ledger.record(session.connection(), "w", [*results, outcomes.not_composed(faulty, ValueError("x"))], now)
        session.execute(insert(CopyNote).values(copy_id=taken.id, kind=Note.COMPLAINED, at=now))
    assert counts(letter) == Counts(
        audience=6,
        pending=1,
        sending=1,
        sent=1,
        refused=1,
        failed=1,
        skipped=0,
        in_doubt=1,
        bounced=0,
        complained=1,
    )


def test_no_two_workers_claim_the_same_copy(running, sessions, now) -> None:
    running(readers(10))
    with sessions.begin() as session:
        first = {copy.id for copy in ledger.claim(session, "one", 6, now)}
    with sessions.begin() as session:
        second = {copy.id for copy in ledger.claim(session, "two", 6, now)}
    assert (len(first), len(second)) == (6, 4)
    assert not first & second


@pytest.mark.parametrize("state", [state for state in LetterState if state is not LetterState.RUNNING])
def test_only_a_running_letter_is_claimed_from(running, sessions, now, state) -> None:
    letter = running(readers(2))
    with sessions.begin() as session:
        session.execute(update(Letter).where(Letter.id == letter).values(state=state))
        assert ledger.claim(session, "w", 10, now) == []


def test_a_copy_is_begun_once_and_only_by_whoever_holds_it(running, sessions, now) -> None:
    running(readers(2))
    with sessions.begin() as session:
        held = ledger.claim(session, "w", 2, now)
        connection = session.connection()
        assert ledger.begin(connection, "other", held, now) == set()
        assert ledger.begin(connection, "w", held, now + ledger.LEASE) == set()
        assert ledger.begin(connection, "w", held, now) == {copy.id for copy in held}
        assert ledger.begin(connection, "w", held, now) == set()


def test_no_copy_of_a_paused_letter_is_begun(running, sessions, now) -> None:
    letter = running(readers(1))
    with sessions.begin() as session:
        [copy] = ledger.claim(session, "w", 1, now)
        session.execute(update(Letter).where(Letter.id == letter).values(state=LetterState.PAUSED))
        assert ledger.begin(session.connection(), "w", [copy], now) == set()
        assert ledger.halted_letters(session, [letter]) == {letter}


def test_who_lost_the_lease_changes_nothing(running, sessions, now, counts) -> None:
    letter = running(readers(1))
    with sessions.begin() as session:
        [copy] = ledger.claim(session, "late", 1, now)
        ledger.recover(session, now + 2 * ledger.LEASE, "hold")
        ledger.claim(session, "other", 1, now)
        ledger.record(session.connection(), "late", [outcomes.sent(copy, TAKEN)], now)
        ledger.release(session, "late", now, [copy])
    assert counts(letter).sending == 1


def test_a_copy_that_is_put_off_is_charged_and_one_that_is_given_back_is_not(running, sessions, now, copies) -> None:
    letter = running(["a@example.org", "b@example.org"])
    with sessions.begin() as session:
        by_address = {copy.address: copy for copy in ledger.claim(session, "w", 2, now)}
        later = now + timedelta(minutes=1)
        put_off = outcomes.deferred(by_address["a@example.org"], LATER, later)
        ledger.record(session.connection(), "w", [put_off, outcomes.released(by_address["b@example.org"])], now)
    rows = copies(letter)
    assert {address: (row.attempts, row.not_before) for address, row in rows.items()} == {
        "a@example.org": (1, later),
        "b@example.org": (0, now),
    }
    assert {row.state for row in rows.values()} == {CopyState.PENDING}


@pytest.mark.parametrize("policy", ["resend", "hold"])
def test_what_a_dead_worker_left_is_taken_back(running, sessions, now, counts, policy) -> None:
    letter = running(readers(3))
    with sessions.begin() as session:
        unsent, begun, extended = ledger.claim(session, "w", 3, now)
        ledger.begin(session.connection(), "w", [begun], now)
        session.execute(update(Copy).where(Copy.id == extended.id).values(worker="alive"))
        ledger.extend_leases(session, "alive", now + ledger.LEASE)
        recovered = ledger.recover(session, now + ledger.LEASE * 1.5, policy)
    assert recovered.unsent == [unsent.id]
    assert (recovered.again, recovered.in_doubt) == (([begun.id], []) if policy == "resend" else ([], [begun.id]))
    end = counts(letter)
    assert (end.pending, end.in_doubt, end.sending) == ((2, 0, 1) if policy == "resend" else (1, 1, 1))


def test_an_erased_reader_is_nobody_in_the_ledger_and_gets_nothing_more(running, sessions, now, copies) -> None:
    letter = running(readers(3))
    with sessions.begin() as session:
        [held] = ledger.claim(session, "w", 1, now)
        ledger.anonymize(session, [1, 2, 3], now)
        ledger.record(session.connection(), "w", [outcomes.deferred(held, LATER, now)], now)
        assert ledger.claim(session, "w", 5, now) == []
    [row] = copies(letter).values()
    assert (row.address, row.name, row.state, row.reason) == ("", "", CopyState.SKIPPED, "erased")


@pytest.mark.parametrize("judged", [outcomes.refused, lambda copy, answer: outcomes.deferred(copy, answer, AFTER)])
def test_what_is_said_to_a_reader_who_was_erased_meanwhile_is_not_kept(running, sessions, now, copies, judged) -> None:
    letter = running(readers(1))
    with sessions.begin() as session:
        [held] = ledger.claim(session, "w", 1, now)
        ledger.begin(session.connection(), "w", [held], now)
        ledger.anonymize(session, [1], now)
        ledger.record(session.connection(), "w", [judged(held, NAMING)], now)
    [row] = copies(letter).values()
    assert (row.address, row.reply) == ("", None)
    assert row.code == NAMING.code or row.state is CopyState.SKIPPED


def test_a_cancelled_letters_copy_in_flight_does_not_come_back(running, sessions, now, counts) -> None:
    letter = running(readers(3))
    with sessions.begin() as session:
        [held] = ledger.claim(session, "w", 1, now)
        assert stopping.skip_group(session, letter, now) == 2
        ledger.record(session.connection(), "w", [outcomes.released(held)], now)
    assert counts(letter).skipped == 3


def test_a_letter_is_finished_once_nothing_of_it_is_left_to_send(running, sessions, now) -> None:
    done, at_work = running(readers(1)), running(readers(2))
    with sessions.begin() as session:
        assert ledger.finish(session, now) == []
        held = {copy.letter_id: copy for copy in ledger.claim(session, "w", 2, now)}
        assert ledger.finish(session, now) == []
        ledger.record(session.connection(), "w", [outcomes.sent(copy, TAKEN) for copy in held.values()], now)
        assert ledger.finish(session, now) == [done]
        assert ledger.finish(session, now) == []
        assert session.get_one(Letter, at_work).state is LetterState.RUNNING


# tests/delivery/test_partitions.py has the plans of PostgreSQL.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_claims_walk_the_index_of_pending_copies_and_look_at_no_other(running, sessions) -> None:
    running(readers(5))
    claim = str(moves._claim(moves._ROWS).compile(dialect=sessions.engine.dialect))
    with sessions.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {claim}", (None,) * claim.count("?"))
        looks = [row.detail for row in plan if "copies" in row.detail]
    assert len(looks) == 2
    assert all("ix_copies_pending" in look or "PRIMARY KEY" in look for look in looks)
