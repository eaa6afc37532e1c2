"""A copy of a database has all that the database has, and may not send."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text
from structlog.testing import capture_logs

from newsletter.db import Sessions, open_engine
from newsletter.delivery.workers import send_permission
from newsletter.delivery.workers.send_permission import SendGate
from tests.servers import create_database, drop_database


def may_send(engine: Engine) -> bool:
    with Sessions(engine).reading() as session:
        return send_permission.may_send(session)


@pytest.fixture
def a_copy(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Iterator[Engine]:
    """The same database, row by row, in another place: `cp`, or CREATE DATABASE … TEMPLATE."""
    engine.dispose()
    if engine.dialect.name == "sqlite":
        shutil.copy2(engine.url.database, tmp_path / "copy.db")
        url = f"sqlite:///{tmp_path / 'copy.db'}"
    else:
        server = request.getfixturevalue("postgres_server")
        url = create_database(server, f"{engine.url.database}_copy", engine.url.database)
    copied = open_engine(url)
    yield copied
    copied.dispose()
    if copied.dialect.name == "postgresql":
        drop_database(server, make_url(url).database or "")


def test_a_new_database_may_send(engine: Engine) -> None:
    assert may_send(engine)


def test_a_copy_may_not_send_until_it_is_armed_and_then_the_first_one_still_may(
    engine: Engine, a_copy: Engine, now: datetime
) -> None:
    assert not may_send(a_copy)
    with Sessions(a_copy).begin() as session:
        send_permission.arm(session, now)
    assert may_send(a_copy)
    assert may_send(engine)


def test_a_restored_database_may_not_send(sessions: Sessions, engine: Engine, now: datetime) -> None:
    with sessions.begin() as session:
        send_permission.disarm(session, now)
    assert not may_send(engine)
    with sessions.reading() as session:
        assert send_permission.read_permission(session).restored_from == now


def test_a_file_that_is_moved_or_written_anew_is_the_same_database(tmp_path: Path, sessions: Sessions) -> None:
    if not sessions.embedded:
        with sessions.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM FULL arming"))
        assert may_send(sessions.engine)
        return
    sessions.engine.dispose()
    os.renames(sessions.engine.url.database, tmp_path / "elsewhere" / "press.db")
    moved = open_engine(f"sqlite:///{tmp_path / 'elsewhere' / 'press.db'}")
    with moved.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.connection.dbapi_connection.execute("VACUUM")
    assert may_send(moved)
    moved.dispose()


def test_a_table_that_was_made_anew_in_the_same_database_was_restored(sessions: Sessions, engine: Engine) -> None:
    """What `pg_restore --clean` and `sqlite3 old.db .dump | sqlite3 new.db` do."""
    if sessions.embedded:
        new = Path(f"{engine.url.database}.new")
        with engine.connect() as connection:
            connection.connection.dbapi_connection.execute(f"VACUUM INTO '{new}'")
        new.replace(engine.url.database)
        engine.dispose()
    else:
        with sessions.begin() as session:
            session.execute(text("CREATE TABLE old AS SELECT * FROM arming"))
            session.execute(text("DROP TABLE arming"))
            session.execute(text("ALTER TABLE old RENAME TO arming"))
    assert not may_send(engine)


def test_the_gate_says_once_that_it_is_shut_and_once_that_it_is_open_again(sessions: Sessions, now: datetime) -> None:
    gate = SendGate(sessions)
    with capture_logs() as told:
        assert gate.is_open()
        for act, is_open in ((send_permission.disarm, False), (send_permission.arm, True)):
            with sessions.begin() as session:
                act(session, now)
            assert [gate.is_open() for _ in range(3)] == [is_open] * 3
    assert [event["log_level"] for event in told] == ["warning", "info"]
    assert "`newsletter arm`" in told[0]["event"]
