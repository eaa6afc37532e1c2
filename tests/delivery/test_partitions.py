"""The ledger in partitions: one letter's copies come and go, and those of the others do not notice."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar

import psycopg
import pytest
from peers import readers
from sqlalchemy import Connection, Engine, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.db import Sessions
from newsletter.delivery import ledger, stopping
from newsletter.delivery.ledger import outcomes, partitions
from newsletter.delivery.models import OVER, Copy, CopyNote, CopyState, Letter, LetterState, Note
from newsletter.delivery.reports import retention, stats
from newsletter.delivery.smtp.replies import Reply
from newsletter.errors import Conflict, Unavailable
from tests.waiting import PATIENCE

TAKEN = Reply(250, ("2.0.0 Taken",))
LATER = Reply(451, ("4.3.0 Later",))

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def finished(running: Callable[..., int], sessions: Sessions, now: datetime) -> Callable[[int], int]:
    """Makes a letter whose copies are all sent, one of them bounced later; its id."""

    def make(size: int) -> int:
        letter = running(readers(size), at=now - timedelta(days=30))
        with sessions.begin() as session:
            theirs = update(Copy).where(Copy.letter_id == letter)
            session.execute(theirs.values(state=CopyState.SENT, ended_at=now))
            first = session.scalar(select(func.min(Copy.id)).where(Copy.letter_id == letter))
            session.execute(insert(CopyNote).values(copy_id=first, kind=Note.BOUNCED, at=now))
            over = update(Letter).where(Letter.id == letter)
            session.execute(over.values(state=LetterState.FINISHED, finished_at=now))
        return letter

    return make


def rows(sessions: Sessions, table: type[Copy] | type[CopyNote] = Copy) -> int:
    with sessions.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_dropped_letter_leaves_its_counts_and_nothing_else(finished, sessions, counts) -> None:
    old, other = finished(5), finished(3)
    before = counts(old)
    assert (before.sent, before.bounced) == (5, 1)
    assert retention.drop_copies(sessions, old) == 5
    assert counts(old) == before
    assert (rows(sessions), rows(sessions, CopyNote), counts(other).sent) == (3, 1, 3)
    with sessions.reading() as session:
        assert partitions.sizes(session).keys() == {other}


def test_what_is_dropped_twice_is_dropped_once(finished, sessions, counts) -> None:
    letter = finished(2)
    assert [retention.drop_copies(sessions, letter) for _ in range(2)] == [2, 0]
    assert counts(letter).sent == 2


@pytest.mark.parametrize("state", [state for state in LetterState if state not in OVER])
def test_only_what_is_over_is_dropped(finished, sessions, state) -> None:
    letter = finished(2)
    with sessions.begin() as session:
        session.execute(update(Letter).values(state=state))
    with pytest.raises(Conflict, match=f"it is {state.value}; only finished or cancelled issues"):
        retention.drop_copies(sessions, letter)
    assert rows(sessions) == 2


@pytest.mark.parametrize("state", [CopyState.PENDING, CopyState.SENDING])
def test_a_cancelled_letter_with_a_copy_in_flight_is_not_dropped(finished, sessions, state) -> None:
    letter = finished(2)
    with sessions.begin() as session:
        session.execute(update(Letter).values(state=LetterState.CANCELLED))
        session.execute(update(Copy).where(Copy.subscription_id == 1).values(state=state))
    with pytest.raises(Conflict, match="1 of its copies are still under way"):
        retention.drop_copies(sessions, letter)


def test_a_letter_is_not_dropped_before_its_doubts_are_settled(finished, sessions) -> None:
    letter = finished(2)
    doubtful = update(Copy).where(Copy.subscription_id == 1).values(state=CopyState.IN_DOUBT)
    with sessions.begin() as session:
        session.execute(doubtful)
    with pytest.raises(Conflict, match="newsletter issues settle"):
        retention.drop_copies(sessions, letter)
    with sessions.begin() as session:
        session.execute(doubtful.values(reason="settled: left in doubt"))
    assert retention.drop_copies(sessions, letter) == 2


def test_the_number_of_a_dropped_copy_is_never_given_again(finished, running, sessions, copies) -> None:
    last = finished(4)
    highest = max(copy.id for copy in copies(last).values())
    retention.drop_copies(sessions, last)
    assert min(copy.id for copy in copies(running(readers(1))).values()) > highest


def test_nobody_gets_a_letter_twice_whatever_partition_it_lies_in(finished, sessions, now) -> None:
    letter = finished(1)
    again = {"letter_id": letter, "subscription_id": 1, "address": "a@example.org", "not_before": now}
    with pytest.raises(IntegrityError), sessions.begin() as session:
        session.execute(insert(Copy), again)


def test_a_reader_is_found_in_every_partition_that_is_left(finished, running, sessions, now, copies) -> None:
    dropped, kept, current = finished(3), finished(3), running(readers(3))
    retention.drop_copies(sessions, dropped)
    with sessions.begin() as session:
        assert ledger.skip_pending(session, 2, "unsubscribed", now) == 1
        ledger.anonymize(session, [3], now)
    addresses = {letter: sorted(copies(letter)) for letter in (kept, current)}
    assert {letter: found[0] for letter, found in addresses.items()} == {kept: "", current: ""}
    states = {copy.subscription_id: copy.state for copy in copies(current).values()}
    assert states == {1: CopyState.PENDING, 2: CopyState.SKIPPED, 3: CopyState.SKIPPED}


def test_of_a_cancelled_letter_only_what_waits_is_counted_as_spared(running, sessions, now) -> None:
    letter, other = running(readers(5)), running(readers(5))
    with sessions.begin() as session:
        ledger.claim(session, "w", 4, now)
    with sessions.begin() as session:
        assert stopping.skip_group(session, letter, now) == 3
        assert stats.copy_counts(session, session.get_one(Letter, other)).pending == 3


@on_sqlite
def test_portions_let_others_write_in_between(finished, sessions, monkeypatch) -> None:
    letter = finished(25)
    monkeypatch.setattr(partitions, "_PORTION", 10)
    written = []

    def write(_seconds: float) -> None:
        with sessions.begin() as session:
            written.append(session.scalar(select(func.count()).select_from(Copy)))

    monkeypatch.setattr(partitions.time, "sleep", write)
    assert retention.drop_copies(sessions, letter) == 25
    # SQLite gives others a turn after the last portion, too.
    assert written[:3] == [15, 5, 0]


@on_postgresql
def test_copies_are_sent_while_another_letters_are_written(running, sessions, now) -> None:
    first = running(readers(3))
    second = _letter_like(sessions, first)
    with sessions.begin() as writer, partitions.writing(writer, second) as table:
        writer.execute(update(Letter).where(Letter.id == second).values(state=LetterState.RUNNING))
        writer.execute(insert(table), [_copy(second, number, now) for number in range(3)])
        with _impatient(sessions) as session:
            claimed = ledger.claim(session, "w", 10, now)
            assert {copy.letter_id for copy in claimed} == {first}
            ledger.begin(session.connection(), "w", claimed, now)
            ledger.record(session.connection(), "w", [outcomes.sent(copy, TAKEN) for copy in claimed], now)
            ledger.skip_pending(session, 1, "unsubscribed", now)
            ledger.finish(session, now)
    with sessions.begin() as session:
        assert {copy.letter_id for copy in ledger.claim(session, "w", 10, now)} == {second}


@on_postgresql
def test_a_fan_out_that_fails_leaves_nothing_behind(running, sessions, now, engine) -> None:
    second = _letter_like(sessions, running(readers(1)))
    for _ in range(2):
        with pytest.raises(IntegrityError), sessions.begin() as writer, partitions.writing(writer, second) as table:
            writer.execute(insert(table), [_copy(second, 1, now), _copy(second, 1, now)])
    assert rows(sessions) == 1
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"copies_{second}"}) is None


@on_postgresql
def test_a_drop_that_would_hold_up_others_gives_up_and_can_be_asked_again(
    finished, sessions, monkeypatch, counts
) -> None:
    letter = finished(2)
    monkeypatch.setattr(partitions, "_PAUSE", 0)
    with sessions.reading() as backup:
        backup.execute(select(Copy.id)).all()
        with pytest.raises(Unavailable, match="a long transaction"):
            retention.drop_copies(sessions, letter)
        assert counts(letter).sent == 2
    assert retention.drop_copies(sessions, letter) == 2


@on_postgresql
def test_with_forty_letters_no_statement_looks_where_it_need_not(finished, running, sessions, engine, now) -> None:
    for _ in range(40):
        finished(2)
    letter = running(readers(200))
    with sessions.begin() as session:
        held = ledger.claim(session, "w", 20, now)
        ledger.begin(session.connection(), "w", held[:10], now)
    # Or autovacuum does it at any time, and another index may be chosen.
    with sessions.begin() as session:
        session.execute(text("ANALYZE"))

    def explain(act: Callable[[Session], object]) -> _Plan:
        return _explained(engine, act)

    alone = {f"copies_{letter}"}
    results = [outcomes.sent(copy, TAKEN) for copy in held[:10]]
    put_off = [outcomes.deferred(copy, LATER, now) for copy in held[:10]]
    for act in (
        lambda session: ledger.claim(session, "w", 10, now),
        lambda session: ledger.begin(session.connection(), "w", held[10:], now),
        lambda session: ledger.record(session.connection(), "w", results, now),
        lambda session: ledger.record(session.connection(), "w", put_off, now),
        lambda session: ledger.release(session, "w", now, held),
        lambda session: ledger.finish(session, now),
        lambda session: stopping.skip_group(session, letter, now),
        # Two days on, for a copy of a letter that has just finished may wait all the same.
        lambda session: ledger.skip_pending(session, 7, "unsubscribed", now + timedelta(days=2)),
        lambda session: stats.copy_counts(session, session.get_one(Letter, letter)),
    ):
        plan = explain(act)
        assert (plan.read, plan.scanned) == (alone, set())
    for act in (
        lambda session: ledger.recover(session, now + 2 * ledger.LEASE, "resend"),
        lambda session: ledger.extend_leases(session, "w", now),
        lambda session: ledger.release_unbegun(session, "w", now),
        lambda session: ledger.anonymize(session, [7, 8], now),
    ):
        plan = explain(act)
        assert plan.scanned == set()
        # Of a partition of two rows, whichever index is as good as any other.
        assert plan.rows[f"copies_{letter}"] <= 100


@on_postgresql
def test_a_group_of_copies_is_looked_up_by_id_however_many_are_being_sent(running, sessions, engine, now) -> None:
    running(readers(5_000))
    with sessions.begin() as session:
        held = ledger.claim(session, "w", 500, now)
        ledger.begin(session.connection(), "w", held[:5], now)
    results = [outcomes.sent(copy, TAKEN) for copy in held[:5]]
    for act in (
        lambda session: ledger.begin(session.connection(), "w", held[5:10], now),
        lambda session: ledger.record(session.connection(), "w", results, now),
        lambda session: ledger.release(session, "w", now, held[10:15]),
    ):
        said = _noted(engine, act)
        with closing(sessions.dedicated_connection()) as writers:
            assert _plan_of(writers, said).rows.total() == 5


class _Noting(psycopg.Cursor[Any]):
    """Notes what the database is asked, whatever way it goes there."""

    said: ClassVar[list[tuple[str, Any]]] = []

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        self.said.append((query, params))
        return super().execute(query, params, **options)

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        self.said.extend((query, params) for params in params_seq)
        super().executemany(query, params_seq, **options)


class _Plan:
    """What a statement did with the partitions: which it read and which it scanned, and how many rows of each."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.scanned: set[str] = set()
        self.rows: Counter[str] = Counter()

    def add(self, node: dict[str, Any]) -> None:
        name = node.get("Relation Name", "")
        if name.startswith("copies_") and node["Node Type"] != "ModifyTable" and node["Actual Loops"]:
            self.read.add(name)
            self.rows[name] += int(node["Actual Rows"] * node["Actual Loops"]) + node.get("Rows Removed by Filter", 0)
            if node["Node Type"] == "Seq Scan":
                self.scanned.add(name)
        for below in node.get("Plans", ()):
            self.add(below)


def _explained(engine: Engine, act: Callable[[Session], object]) -> _Plan:
    """How PostgreSQL does what this asks for, where an index is used as soon as there is one; changes nothing."""
    said = _noted(engine, act)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return _plan_of(connection, said)


def _noted(engine: Engine, act: Callable[[Session], object]) -> list[tuple[str, Any]]:
    """What this asks of the copies; changes nothing."""
    with Session(engine) as session:
        driver: Any = session.connection().connection.driver_connection
        driver.cursor_factory = _Noting
        _Noting.said = []
        act(session)
        driver.cursor_factory = psycopg.Cursor
    return [each for each in _Noting.said if "copies" in each[0]]


def _plan_of(connection: Connection, said: list[tuple[str, Any]]) -> _Plan:
    """How PostgreSQL does this over that connection; changes nothing."""
    plan = _Plan()
    for statement, given in said:
        savepoint = connection.begin_nested()
        answer = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", given).scalar_one()
        savepoint.rollback()
        plan.add((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"])
    return plan


@contextmanager
def _impatient(sessions: Sessions) -> Iterator[Session]:
    """A transaction that fails if it has to wait for one of this thread."""
    with sessions.begin() as session:
        session.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
        yield session


def _letter_like(sessions: Sessions, letter_id: int) -> int:
    """Another letter, which waits."""
    table = Letter.__table__
    with sessions.begin() as session:
        known = session.execute(select(table).where(table.c.id == letter_id)).mappings().one()
        values = dict(known) | {"state": LetterState.WAITING}
        another = insert(table).values({name: value for name, value in values.items() if name != "id"})
        return session.scalars(another.returning(table.c.id)).one()


def _copy(letter_id: int, subscription_id: int, now: datetime) -> dict[str, object]:
    address = f"reader{subscription_id}@example.org"
    return {"letter_id": letter_id, "subscription_id": subscription_id, "address": address, "not_before": now}
