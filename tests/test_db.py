"""The store: what it promises of a commit."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from newsletter.db import AWAY, Sessions, open_engine, read_in_parallel
from newsletter.db import sessions as sessions_module

DEFAULT_STORE, MEMORY = 0, 2
"""SQLite's `temp_store`."""

pytestmark = pytest.mark.usefixtures("durable")


@pytest.fixture
def hasty(database_url: str) -> Iterator[Engine]:
    """An engine on a database that is set not to wait for its disk, where there is such a setting."""
    engine = open_engine(database_url)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            name = make_url(database_url).database
            connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    engine.dispose()
    yield engine
    engine.dispose()


def test_a_commit_waits_for_the_disk_whatever_the_database_is_set_to(hasty: Engine) -> None:
    sessions = Sessions(hasty)
    for _ in range(2):
        with sessions.begin() as session:
            assert _waits(session.connection())
    with hasty.begin() as connection:
        assert _waits(connection)


def test_a_commit_over_a_kept_connection_waits_for_the_disk_too(hasty: Engine) -> None:
    with Sessions(hasty).dedicated_connection() as kept:
        for _ in range(2):
            with kept.begin():
                assert _waits(kept)


def test_a_session_that_reads_cannot_write(sessions: Sessions) -> None:
    with sessions.reading() as session, pytest.raises(DBAPIError):
        session.execute(text("CREATE TABLE secretly_made (id integer)"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_connection_is_never_switched_between_reading_and_writing(sessions: Sessions) -> None:
    """SQLite would forget its prepared statements each time."""
    used = []
    for opened in (sessions.reading, sessions.begin, sessions.reading, sessions.begin):
        with opened() as session:
            used.append(session.connection().connection.dbapi_connection)
    assert used[0] is used[2] is not used[1] is used[3]


def test_what_is_read_in_parallel_is_read_at_once_and_changes_nothing(sessions: Sessions) -> None:
    together = threading.Barrier(2, timeout=110)

    def read(session: Session) -> int:
        together.wait()
        with pytest.raises(DBAPIError):
            session.execute(text("CREATE TABLE secretly_made (id integer)"))
        return threading.get_ident()

    with sessions.reading() as session:
        first, second = read_in_parallel(session, [read, read])
    assert first == threading.get_ident() != second


def test_what_is_read_in_parallel_is_read_at_once_however_often_it_is_divided(sessions: Sessions) -> None:
    together = threading.Barrier(4, timeout=110)

    def read(_session: Session) -> int:
        together.wait()
        return threading.get_ident()

    def divide(session: Session) -> list[int]:
        return read_in_parallel(session, [read, read])

    with sessions.reading() as session:
        first, second = read_in_parallel(session, [divide, divide])
    assert len({*first, *second}) == 4


def test_a_session_that_may_have_written_reads_in_parallel_what_it_wrote(sessions: Sessions) -> None:
    def read(session: Session) -> int | None:
        return session.scalar(text("SELECT count(*) FROM written"))

    with sessions.begin() as session:
        session.execute(text("CREATE TABLE written (id integer)"))
        assert read_in_parallel(session, [read, read]) == [0, 0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_transactions_in_turn_keep_in_memory_what_undoes_a_statement(sessions: Sessions) -> None:
    """Otherwise an import writes twice as much to the disk; elsewhere, what is sorted may not fit into memory."""
    stores = []
    for opened in (sessions.begin, sessions.in_turn, sessions.in_turn, sessions.begin):
        with opened() as session:
            stores.append(session.scalar(text("PRAGMA temp_store")))
    assert stores == [DEFAULT_STORE, MEMORY, MEMORY, DEFAULT_STORE]


class Watch:
    """A clock that goes on only when somebody waits, or by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_between_two_transactions_in_turn_others_get_as_long_and_work_meanwhile_counts(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch()
    monkeypatch.setattr(sessions_module, "time", watch)
    for took, worked, longest in ((4, 1, 9), (4, 1, 2), (4, 6, 9), (1, 0, 9)):
        with sessions.in_turn(longest):
            watch.now += took
        watch.now += worked
    assert watch.waits == [3, 1]


def _waits(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        return connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
    return connection.scalar(text("SHOW synchronous_commit")) != "off"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_only_reads_counts_as_away_for_who_writes(sessions: Sessions) -> None:
    """As after a failover: nobody asks it for a transaction that writes, which a standby refuses otherwise."""
    with sessions.begin() as session:
        session.execute(text("SET SESSION default_transaction_read_only = on"))
    with sessions.reading() as session:
        assert session.scalar(text("SHOW transaction_read_only")) == "on"
    with pytest.raises(AWAY, match="read-only transaction"), sessions.begin() as session:
        session.execute(text("CREATE TABLE written (id integer)"))
