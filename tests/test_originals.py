"""A test's own database on PostgreSQL holds what its original does, whatever an earlier test did to it."""

from pathlib import Path

from psycopg.sql import SQL

from newsletter.db import Sessions, open_engine
from tests import sample_services, servers
from tests.originals import Originals

KIND, FILL = "postgresql", sample_services.stocked


def contents(url: str) -> dict[str, list[str]]:
    """Every row but where and since when it may send."""
    engine = open_engine(url)
    told = sample_services.dump_of(Sessions(engine))
    engine.dispose()
    return {table: rows for table, rows in told.items() if table != "arming"}


def test_what_a_test_did_is_undone(originals: Originals, tmp_path: Path) -> None:
    with originals.copy(KIND, FILL, tmp_path) as url:
        before = contents(url)
        numbered = "INSERT INTO subscribers (email, key, name, created_at) VALUES ('a@x.example', 'a', '', now())"
        for done in (
            numbered,
            "TRUNCATE issues CASCADE",
            "CREATE TABLE more (id int)",
            "UPDATE publications SET name = ''",
        ):
            servers.run(url, SQL(done))
        assert contents(url) != before
    with originals.copy(KIND, FILL, tmp_path) as again:
        assert (again, contents(again)) == (url, before)
        servers.run(again, SQL(numbered))
        with servers.connected(again) as connection:
            assert connection.execute("SELECT id FROM subscribers").fetchall() == [(1,)]


def test_a_database_of_other_tables_is_given_to_nobody(originals: Originals, tmp_path: Path) -> None:
    with originals.copy(KIND, FILL, tmp_path) as url:
        before = contents(url)
        servers.run(url, SQL("ALTER TABLE issues ADD COLUMN more int"))
    with originals.copy(KIND, FILL, tmp_path) as another:
        assert another != url
        assert contents(another) == before
