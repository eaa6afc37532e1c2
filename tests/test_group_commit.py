"""Those who write at once share one sync of SQLite's disk, and none of them pays for another's fault."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from newsletter.db import DatabaseDown, Sessions, group_commit, open_engine, write_queue
from tests.waiting import wait_for

AT_ONCE = 8


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    engine = open_engine(f"sqlite:///{tmp_path}/group.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (note TEXT)"))
    yield Sessions(engine)
    engine.dispose()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gives up because the machine is busy."""
    monkeypatch.setattr(write_queue, "LONGEST_WAIT", 600.0)


@pytest.fixture
def commits(sessions: Sessions) -> list[str]:
    found: list[str] = []
    event.listen(sessions.engine, "commit", lambda _connection: found.append("commit"))
    return found


@contextmanager
def held(sessions: Sessions) -> Iterator[None]:
    """Another process holds the writer."""
    holder = sqlite3.connect(sessions.engine.url.database or "", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.close()


def waiting(sessions: Sessions) -> int:
    """How many wait with whoever leads them."""
    group = group_commit._groups.get(sessions.engine)
    return len(group._waiting) if group else 0


def at_once(sessions: Sessions, work: Callable[[int, Session], int]) -> list[int | Exception]:
    """What each of several hears that come while another process holds the writer."""
    heard: list[int | Exception] = []

    def write(number: int) -> None:
        try:
            heard.append(group_commit.write(sessions, lambda session: work(number, session)))
        except Exception as error:
            heard.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(AT_ONCE)]
    with held(sessions):
        for thread in threads:
            thread.start()
        wait_for(lambda: waiting(sessions) == AT_ONCE)
    for thread in threads:
        thread.join()
    return heard


def note(number: int, session: Session) -> int:
    session.execute(text("INSERT INTO notes VALUES (:note)"), {"note": str(number)})
    return number


def notes(sessions: Sessions) -> set[int]:
    with sessions.reading() as session:
        found = [int(each) for each in session.scalars(text("SELECT note FROM notes"))]
    assert len(found) == len(set(found))
    return set(found)


@pytest.fixture
def savepoints(sessions: Sessions) -> list[str]:
    found: list[str] = []
    event.listen(sessions.engine, "savepoint", lambda _connection, name: found.append(name))
    return found


def test_those_who_wait_for_the_writer_share_one_commit_and_each_hears_its_own(sessions, commits) -> None:
    assert set(at_once(sessions, note)) == set(range(AT_ONCE))
    assert notes(sessions) == set(range(AT_ONCE))
    assert len(commits) == 1


def test_what_one_of_them_raises_undoes_its_own_part_only(sessions) -> None:
    def work(number: int, session: Session) -> int:
        note(number, session)
        if number == 3:
            raise ValueError("not this one")
        return number

    heard = at_once(sessions, work)
    assert [str(each) for each in heard if isinstance(each, Exception)] == ["not this one"]
    assert notes(sessions) == set(range(AT_ONCE)) - {3}


def test_where_none_fails_there_is_no_savepoint(sessions, savepoints) -> None:
    """SQLite would keep a copy of each page that is changed within one."""
    at_once(sessions, note)
    group_commit.write(sessions, lambda session: note(9, session))
    assert savepoints == []


def test_one_alone_that_raises_leaves_nothing_and_the_next_goes_on(sessions) -> None:
    def work(session: Session) -> None:
        note(1, session)
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        group_commit.write(sessions, work)
    assert group_commit.write(sessions, lambda session: note(9, session)) == 9
    assert notes(sessions) == {9}


def test_where_the_disk_fails_all_of_them_hear_so_and_the_next_go_on(sessions) -> None:
    def work(number: int, session: Session) -> int:
        note(number, session)
        if number == 3:
            raise OperationalError("INSERT", None, sqlite3.OperationalError("database or disk is full"))
        return number

    heard = at_once(sessions, work)
    assert [type(each) for each in heard] == [DatabaseDown] * AT_ONCE
    assert notes(sessions) == set()
    assert group_commit.write(sessions, lambda session: note(9, session)) == 9
    assert notes(sessions) == {9}


def test_nobody_is_told_before_it_is_on_the_disk(sessions, commits) -> None:
    assert group_commit.write(sessions, lambda _session: len(commits)) == 0
    assert len(commits) == 1


def test_at_a_standstill_they_keep_no_more_places_than_other_writers(sessions) -> None:
    done, refused = [], []

    def write(number: int) -> None:
        try:
            done.append(group_commit.write(sessions, lambda session: note(number, session)))
        except OperationalError:
            refused.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(write_queue.PLACES)]
    with held(sessions):
        for thread in threads:
            thread.start()
        wait_for(lambda: len(refused) == write_queue.URGENT_PLACES)
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (write_queue.ORDINARY_PLACES, write_queue.URGENT_PLACES)
    assert notes(sessions) == set(done)
