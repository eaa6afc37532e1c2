"""A PostgreSQL database is put back to what it held: a hundred times cheaper than a new copy of it."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Literal

from tests import servers

Connection = psycopg.Connection[Any]

_RELATIONS = """
    SELECT relname, relkind::text, relnatts FROM pg_class
    WHERE relnamespace = 'public'::regnamespace ORDER BY relname
"""
_SEQUENCES = "SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL FROM pg_sequences"
_HANG_UP = """
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class Snapshot:
    """What a database holds, and what it is made of."""

    relations: frozenset[tuple[str, str, int]]
    rows: dict[str, bytes]
    """By table, as COPY writes them."""
    sequences: tuple[tuple[str, int, bool], ...]


def take(url: str) -> Snapshot:
    """Remember what that database holds."""
    with servers.connected(url) as connection:
        relations = _relations(connection)
        rows = {table: _read(connection, table) for table in sorted(_tables(relations))}
        return Snapshot(relations, rows, tuple(connection.execute(_SEQUENCES).fetchall()))


def put_back(connection: Connection, snapshot: Snapshot) -> bool:
    """Let its database hold just that again, whoever else is still connected; whether that could be done."""
    try:
        connection.execute(_HANG_UP)
        connection.execute(SQL("ALTER DATABASE {} RESET ALL").format(Identifier(connection.info.dbname)))
        with connection.transaction():
            _drop(connection, _tables(_relations(connection)) - _tables(snapshot.relations))
            if _relations(connection) != snapshot.relations:
                return False
            _fill(connection, snapshot)
    except psycopg.Error:
        return False
    return True


def _relations(connection: Connection) -> frozenset[tuple[str, str, int]]:
    return frozenset(connection.execute(_RELATIONS).fetchall())


def _tables(relations: frozenset[tuple[str, str, int]]) -> set[str]:
    """Those that have rows of their own; a partitioned table has its partitions'."""
    return {name for name, kind, _ in relations if kind == "r"}


def _read(connection: Connection, table: str) -> bytes:
    with connection.cursor().copy(SQL("COPY {} TO STDOUT").format(Identifier(table))) as copy:
        return b"".join(bytes(part) for part in copy)


def _drop(connection: Connection, tables: set[str]) -> None:
    if tables:
        connection.execute(SQL("DROP TABLE {} CASCADE").format(SQL(", ").join(map(Identifier, sorted(tables)))))


def _fill(connection: Connection, snapshot: Snapshot) -> None:
    connection.execute(SQL("; ").join(_statements(snapshot)))
    for table, rows in snapshot.rows.items():
        if rows:
            with connection.cursor().copy(SQL("COPY {} FROM STDIN").format(Identifier(table))) as copy:
                copy.write(rows)


def _statements(snapshot: Snapshot) -> list[Composable]:
    """No foreign key and no trigger asks about what is only put back."""
    emptied = [SQL("DELETE FROM {}").format(Identifier(table)) for table in snapshot.rows]
    counted = [
        SQL("SELECT setval({}, {}, {})").format(Literal(f'public."{name}"'), Literal(at), Literal(is_called))
        for name, at, is_called in snapshot.sequences
    ]
    return [SQL("SET LOCAL session_replication_role = replica"), *emptied, *counted]
