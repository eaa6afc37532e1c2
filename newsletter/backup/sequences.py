"""Ids that are never reused, because sent mail contains them: those of subscriptions, copies and letters.

A restored database does not know which ids were given out after the backup was made, so it continues far beyond the
last one known.
"""

from datetime import datetime
from typing import cast as typed

from sqlalchemy import ColumnElement, Connection, Table, cast, column, delete, func, insert, select, table
from sqlalchemy.dialects.postgresql import REGCLASS

from newsletter import migrations_runner
from newsletter.db import is_postgresql
from newsletter.delivery.models import Letter, LetterState
from newsletter.publications import Publication

LEAP = 10_000_000
"""More ids than are given out between two backups."""

_LETTERS = typed("Table", Letter.__table__)
_SEQUENCES = table("sqlite_sequence", column("name"), column("seq"))


def last_ids(connection: Connection) -> dict[str, int]:
    """The last id given, by table."""
    return {table.name: _last(connection, table) for table in _tables() if _is_precious(table)}


def advance(connection: Connection, last_given: dict[str, int], now: datetime) -> None:
    """Advance every table's sequence beyond its rows; for tables in `last_given`, by LEAP beyond the last id given."""
    for each in _tables():
        if _is_precious(each):
            _count_from(connection, each, max(last_given.get(each.name, 0), _greatest(connection, each)) + LEAP, now)
        elif is_postgresql(connection):
            _count_from(connection, each, max(_greatest(connection, each), 1), now)


def _tables() -> list[Table]:
    """The tables with an integer primary key."""
    return [each for each in migrations_runner.metadata().sorted_tables if each.autoincrement_column is not None]


def _is_precious(table: Table) -> bool:
    return table is _LETTERS or _has_sequence(table)


def _has_sequence(table: Table) -> bool:
    """Whether SQLite keeps a sequence for it as well (AUTOINCREMENT)."""
    return bool(table.dialect_options["sqlite"]["autoincrement"])


def _last(connection: Connection, table: Table) -> int:
    if is_postgresql(connection):
        return connection.scalar(select(func.pg_sequence_last_value(cast(_sequence(table), REGCLASS)))) or 0
    return connection.scalar(select(_SEQUENCES.c.seq).where(_SEQUENCES.c.name == table.name)) or 0


def _sequence(table: Table) -> ColumnElement[str]:
    return func.pg_get_serial_sequence(table.name, "id")


def _greatest(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.max(table.c.id))) or 0


def _count_from(connection: Connection, table: Table, number: int, now: datetime) -> None:
    if is_postgresql(connection):
        connection.execute(select(func.setval(cast(_sequence(table), REGCLASS), number)))
    elif _has_sequence(table):
        connection.execute(delete(_SEQUENCES).where(_SEQUENCES.c.name == table.name))
        connection.execute(insert(_SEQUENCES).values(name=table.name, seq=number))
    else:
        _reserve_letter(connection, number, now)


def _reserve_letter(connection: Connection, number: int, now: datetime) -> None:
    """Add a cancelled letter with that id: without a sequence, SQLite continues from the greatest id.

    Giving the table a sequence would mean rebuilding it, which the foreign keys to it prevent. A database without
    a publication has sent nothing, and needs none.
    """
    publication = connection.scalar(select(func.min(Publication.id)))
    if publication is None:
        return
    names = ("content_hash", "sender_name", "sender_address", "list_id", "feedback_id", "archive_url", "html", "text")
    known = {"id": number, "publication_id": publication, "subject": "Reserved by a restore"}
    moments = dict.fromkeys(("due_at", "created_at", "finished_at"), now)
    blank = dict.fromkeys(names, "")
    connection.execute(insert(_LETTERS).values(state=LetterState.CANCELLED, **known, **moments, **blank))
