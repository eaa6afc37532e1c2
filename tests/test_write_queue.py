"""SQLite's one writer: a fair turn for each, and nobody waits in vain when it stands still."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from newsletter.db import DatabaseDown, Sessions, open_engine, write_queue
from tests.waiting import PATIENCE, wait_for


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gives up because the machine is busy."""
    for name in ("LONGEST_WAIT", "LONGEST_URGENT_WAIT"):
        monkeypatch.setattr(write_queue, name, 600.0)


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    engine = open_engine(f"sqlite:///{tmp_path}/queue.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (note TEXT)"))
    yield Sessions(engine)
    engine.dispose()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of another process, so to speak."""
    connection = sqlite3.connect(tmp_path / "queue.db", isolation_level=None, check_same_thread=False)
    yield connection
    connection.close()


class Writers:
    """Threads that write their names, in the order in which they are let."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.refused: list[str] = []
        self._threads: list[threading.Thread] = []

    def start(self, name: str, *, urgent: bool = False) -> None:
        thread = threading.Thread(target=self._write, args=[name, urgent])
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    @property
    def left(self) -> int:
        return sum(thread.is_alive() for thread in self._threads)

    def _write(self, name: str, urgent: bool) -> None:
        try:
            with self.sessions.begin(urgent=urgent) as session:
                session.execute(text("INSERT INTO notes VALUES (:name)"), {"name": name})
        except DatabaseDown:
            self.refused.append(name)


def written(sessions: Sessions) -> list[str]:
    with sessions.reading() as session:
        return list(session.scalars(text("SELECT note FROM notes ORDER BY rowid")))


def waiting(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many stand in the queue of these sessions."""
    queues: list[write_queue.WriteQueue] = []
    wait = write_queue.WriteQueue._wait

    def noted(queue: write_queue.WriteQueue, deadline: float, *, urgent: bool) -> None:
        queues.append(queue)
        wait(queue, deadline, urgent=urgent)

    monkeypatch.setattr(write_queue.WriteQueue, "_wait", noted)
    return lambda: len(queues[0]._others) + len(queues[0]._urgent) if queues else 0


def test_whoever_asks_first_writes_first_and_the_urgent_before_all(sessions: Sessions, monkeypatch) -> None:
    monkeypatch.setattr(write_queue, "STANDSTILL", PATIENCE)
    writers, queued = Writers(sessions), waiting(monkeypatch)
    with sessions.begin() as session:
        session.execute(text("INSERT INTO notes VALUES ('first')"))
        for number in range(16):
            writers.start(f"{number:02}")
            wait_for(lambda number=number: queued() == number + 1)
        writers.start("leave", urgent=True)
        wait_for(lambda: queued() == 17)
    writers.join()
    assert written(sessions) == ["first", "leave", *(f"{number:02}" for number in range(16))]


def test_at_a_standstill_a_few_go_on_waiting_and_the_others_are_told_at_once(sessions: Sessions, elsewhere) -> None:
    writers, others = Writers(sessions), write_queue.ORDINARY_PLACES
    elsewhere.execute("BEGIN IMMEDIATE")
    for number in range(1 + others + 8):
        writers.start(f"{number:02}")
    for number in range(3):
        writers.start(f"leave {number}", urgent=True)
    wait_for(lambda: writers.left == 1 + others + 3)
    assert len(writers.refused) == 8
    late = Writers(sessions)
    late.start("late")
    wait_for(lambda: late.refused == ["late"])
    elsewhere.execute("COMMIT")
    writers.join()
    assert len(written(sessions)) == 1 + others + 3
    assert not any("leave" in name for name in writers.refused)


def test_at_a_standstill_the_urgent_take_the_places_of_the_others(sessions: Sessions, elsewhere) -> None:
    others, leaving = Writers(sessions), Writers(sessions)
    elsewhere.execute("BEGIN IMMEDIATE")
    others.start("first")
    wait_for(lambda: others.left == 1)
    for number in range(write_queue.PLACES):
        others.start(f"{number:02}")
    wait_for(lambda: others.left == 1 + write_queue.ORDINARY_PLACES)
    for number in range(write_queue.PLACES):
        leaving.start(f"leave {number}", urgent=True)
    wait_for(lambda: others.left == 1)
    leaving.start("one too many", urgent=True)
    wait_for(lambda: leaving.refused == ["one too many"])
    elsewhere.execute("COMMIT")
    others.join()
    leaving.join()
    assert sum("leave" in name for name in written(sessions)) == write_queue.PLACES


def test_what_nobody_asks_for_twice_waits_longer(sessions: Sessions, elsewhere, monkeypatch) -> None:
    monkeypatch.setattr(write_queue, "LONGEST_WAIT", 0.2)
    writers, leaving = Writers(sessions), Writers(sessions)
    elsewhere.execute("BEGIN IMMEDIATE")
    leaving.start("leave", urgent=True)
    wait_for(lambda: leaving.left == 1)
    writers.start("other")
    wait_for(lambda: writers.refused == ["other"])
    assert leaving.left == 1
    elsewhere.execute("COMMIT")
    leaving.join()
    writers.join()
    assert written(sessions) == ["leave"]


def test_a_dedicated_connection_asks_often_enough_to_write_between_two_groups_of_others(
    sessions: Sessions, elsewhere, monkeypatch
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 100:
            elsewhere.execute("COMMIT")

    monkeypatch.setattr(write_queue, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=nap))
    elsewhere.execute("BEGIN IMMEDIATE")
    with sessions.dedicated_connection() as connection, connection.begin():
        connection.execute(text("INSERT INTO notes VALUES ('begun')"))
    assert written(sessions) == ["begun"]
    assert max(naps) <= 0.005


def test_who_reads_waits_for_no_writer(sessions: Sessions, elsewhere) -> None:
    elsewhere.execute("BEGIN IMMEDIATE")
    assert written(sessions) == []
    elsewhere.execute("ROLLBACK")


def test_nobody_waits_for_ever(sessions: Sessions, elsewhere, monkeypatch) -> None:
    monkeypatch.setattr(write_queue, "LONGEST_URGENT_WAIT", 0.2)
    elsewhere.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseDown), sessions.begin(urgent=True):
        pass
    elsewhere.execute("ROLLBACK")
    with sessions.begin() as session:
        session.execute(text("INSERT INTO notes VALUES ('after')"))
    assert written(sessions) == ["after"]


def test_a_turn_ends_however_its_transaction_does(sessions: Sessions, monkeypatch) -> None:
    monkeypatch.setattr(write_queue, "LONGEST_WAIT", 2.0)
    with pytest.raises(ZeroDivisionError), sessions.begin(urgent=True):
        raise ZeroDivisionError
    with pytest.raises(DatabaseDown), sessions.begin() as session:
        session.execute(text("INSERT INTO nothing VALUES (1)"))
    lost = sessions.engine.connect()
    lost.begin()
    lost.invalidate()
    lost.close()
    left_open = sessions.engine.connect()
    left_open.begin()
    left_open.close()
    with sessions.begin() as session:
        session.execute(text("INSERT INTO notes VALUES ('after')"))
    assert written(sessions) == ["after"]
