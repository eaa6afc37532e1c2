"""Numbers that are never given twice, for mail that is out bears them: those of subscriptions, copies and letters.

What the press gave out after its backup was made is not known to the one that is restored from it, so
that one goes on far behind the last that is known.
"""

from datetime import datetime
from typing import cast as typed

from sqlalchemy import ColumnElement, Connection, Table, cast, column, delete, func, insert, select, table
from sqlalchemy.dialects.postgresql import REGCLASS

from newsletter import migrations_runner
from newsletter.delivery.models import Letter, LetterState
from newsletter.publications import Publication

LEAP = 10_000_000
"""More than a press gives out between two backups."""

_LETTERS = typed("Table", Letter.__table__)
_SEQUENCES = table("sqlite_sequence", column("name"), column("seq"))


def last_ids(connection: Connection) -> dict[str, int]:
    """By table, the last number that was given."""
    return {table.name: _last(connection, table) for table in _tables() if _is_precious(table)}


def advance(connection: Connection, given: dict[str, int], now: datetime) -> None:
    """Let every table count on: behind what it has, and those of `last` a leap behind what was ever given."""
    for each in _tables():
        if _is_precious(each):
            _count_from(connection, each, max(given.get(each.name, 0), _greatest(connection, each)) + LEAP, now)
        elif connection.dialect.name == "postgresql":
            _count_from(connection, each, max(_greatest(connection, each), 1), now)


def _tables() -> list[Table]:
    """Those whose rows are numbered."""
    return [each for each in migrations_runner.metadata().sorted_tables if each.autoincrement_column is not None]


def _is_precious(table: Table) -> bool:
    return table is _LETTERS or _has_sequence(table)


def _has_sequence(table: Table) -> bool:
    """Whether SQLite, too, keeps the last number that it gave."""
    return bool(table.dialect_options["sqlite"]["autoincrement"])


def _last(connection: Connection, table: Table) -> int:
    if connection.dialect.name == "postgresql":
        return connection.scalar(select(func.pg_sequence_last_value(cast(_sequence(table), REGCLASS)))) or 0
    return connection.scalar(select(_SEQUENCES.c.seq).where(_SEQUENCES.c.name == table.name)) or 0


def _sequence(table: Table) -> ColumnElement[str]:
    return func.pg_get_serial_sequence(table.name, "id")


def _greatest(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.max(table.c.id))) or 0


def _count_from(connection: Connection, table: Table, number: int, now: datetime) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.setval(cast(_sequence(table), REGCLASS), number)))
    elif _has_sequence(table):
        connection.execute(delete(_SEQUENCES).where(_SEQUENCES.c.name == table.name))
        connection.execute(insert(_SEQUENCES).values(name=table.name, seq=number))
    else:
        _reserve_letter(connection, number, now)


def _reserve_letter(connection: Connection, number: int, now: datetime) -> None:
    """A letter that never went and never will: SQLite counts on behind the greatest that is there.

    To have it keep a sequence for letters as well, their table would have to be made anew, which those that refer
    to it forbid. A press without a publication has sent nothing, and needs none.
    """
    publication = connection.scalar(select(func.min(Publication.id)))
    if publication is None:
        return
    names = ("content_hash", "sender_name", "sender_address", "list_id", "feedback_id", "archive_url", "html", "text")
    known = {"id": number, "publication_id": publication, "subject": "Reserved by a restore"}
    moments = dict.fromkeys(("due_at", "created_at", "finished_at"), now)
    blank = dict.fromkeys(names, "")
    connection.execute(insert(_LETTERS).values(state=LetterState.CANCELLED, **known, **moments, **blank))
