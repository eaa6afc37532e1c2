r"""Table rows as text, one line each, that both databases can write and read.

This is the text format of PostgreSQL's COPY: tab-separated cells, \N for NULL, and backslash escapes. Times are
written as SQLite stores them, in UTC, which PostgreSQL reads as well.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from sqlalchemy import Column, Connection, MetaData, Table

from newsletter.db import is_postgresql
from newsletter.delivery.workers.heartbeat import Heartbeat
from newsletter.delivery.workers.send_permission import SendPermission
from newsletter.errors import Invalid, Unavailable
from newsletter.schema import is_modelled

NULL = r"\N"
_HEX = r"\x"
_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_ESCAPED = str.maketrans(_ESCAPES)
_SPECIAL = re.compile(r"[\\\t\n\r]")
_BACK = {text: character for character, text in _ESCAPES.items()} | {r"\b": "\b", r"\f": "\f", r"\v": "\v"}
_MARK = re.compile(r"\\.", re.DOTALL)

_LONGEST_LINE = 64 << 20
_CHUNK = 1 << 20

# Tables about this installation rather than its data.
_LEFT_OUT = {SendPermission.__tablename__, Heartbeat.__tablename__, "alembic_version"}

Write = Callable[[bytes], object]


def tables_to_back_up(connection: Connection) -> list[Table]:
    """Every table to back up, in the order of their foreign keys."""
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: name not in _LEFT_OUT and is_modelled(name))
    return metadata.sorted_tables


def dump(connection: Connection, table: Table, write: Write) -> int:
    """Write every row as a stream; returns the number of rows."""
    postgresql = is_postgresql(connection)
    with _own_errors(connection, table.name):
        return (_dump_postgresql if postgresql else _dump_sqlite)(connection, table, write)


def load(connection: Connection, table: Table, columns: Sequence[str], source: IO[bytes]) -> None:
    """Insert the rows that `dump` wrote, with cells in the order of `columns`."""
    names = ", ".join(_quoted(connection, name) for name in columns)
    with _own_errors(connection, table.name):
        if is_postgresql(connection):
            _load_postgresql(connection, f"COPY {_name(connection, table)} ({names}) FROM STDIN", source)
        else:
            marks = ", ".join("?" * len(columns))
            insert = f"INSERT INTO {_name(connection, table)} ({names}) VALUES ({marks})"  # noqa: S608
            with _any_order(connection, table):
                _driver(connection).executemany(insert, _rows(source, table, columns))


def line(cells: Sequence[object]) -> str:
    """A row as text."""
    return "\t".join(map(_cell, cells)) + "\n"


def cells(text: str) -> list[Any]:
    """The cells of a line, as text; SQLite's column affinity converts numbers."""
    raw = text.removesuffix("\n").split("\t")
    return [None if cell == NULL else _MARK.sub(_unmarked, cell) if "\\" in cell else cell for cell in raw]


def _dump_postgresql(connection: Connection, table: Table, write: Write) -> int:
    columns = ", ".join(_in_sqlite_format(connection, column) for column in table.columns)
    query = f"COPY (SELECT {columns} FROM {_name(connection, table)}) TO STDOUT"  # noqa: S608
    rows = 0
    with _driver(connection).cursor() as cursor, cursor.copy(query) as copy:
        for chunk in copy:
            rows += bytes(chunk).count(b"\n")
            write(chunk)
    return rows


def _dump_sqlite(connection: Connection, table: Table, write: Write) -> int:
    columns = ", ".join(_quoted(connection, column.name) for column in table.columns)
    cursor = connection.connection.cursor()
    cursor.execute(f"SELECT {columns} FROM {_name(connection, table)}")  # noqa: S608
    rows = 0
    while group := cursor.fetchmany(1_000):
        rows += len(group)
        write("".join(map(line, group)).encode())
    return rows


def _load_postgresql(connection: Connection, statement: str, source: IO[bytes]) -> None:
    with _driver(connection).cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
        with cursor.copy(statement) as copy:
            while chunk := source.read(_CHUNK):
                copy.write(chunk)


@contextmanager
def _any_order(connection: Connection, table: Table) -> Iterator[None]:
    """Let SQLite, as PostgreSQL does, take a row before the row of the same table that it refers to."""
    if all(key.column.table is not table for key in table.foreign_keys):
        yield
        return
    driver = _driver(connection)
    driver.execute("PRAGMA defer_foreign_keys = ON")
    yield
    if driver.execute(f"PRAGMA foreign_key_check({_name(connection, table)})").fetchone():
        raise ValueError("a row refers to one that is not there")
    driver.execute("PRAGMA defer_foreign_keys = OFF")


def _rows(source: IO[bytes], table: Table, columns: Sequence[str]) -> Iterator[list[Any]]:
    raw = [place for place, name in enumerate(columns) if table.columns[name].type.python_type is bytes]
    while text := source.readline(_LONGEST_LINE):
        row = cells(text.decode())
        for place in raw:
            row[place] = row[place] and bytes.fromhex(row[place].removeprefix(_HEX))
        yield row


def _in_sqlite_format(connection: Connection, column: Column[Any]) -> str:
    """The SQL expression of a PostgreSQL column in SQLite's format."""
    name, kind = _quoted(connection, column.name), column.type.python_type
    if kind is datetime:
        return f"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    if kind is bytes:
        return f"'{_HEX}' || encode({name}, 'hex')"
    return f"CAST({name} AS integer)" if kind is bool else name


def _cell(value: object) -> str:
    if value is None:
        return NULL
    text = _HEX + value.hex() if isinstance(value, bytes) else str(value)
    return text.translate(_ESCAPED) if _SPECIAL.search(text) else text


def _unmarked(mark: re.Match[str]) -> str:
    return _BACK.get(mark[0], mark[0][1])


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def _name(connection: Connection, table: Table) -> str:
    return connection.dialect.identifier_preparer.format_table(table)


@contextmanager
def _own_errors(connection: Connection, table: str) -> Iterator[None]:
    """Turn the driver's errors into ours, without the rows that they may quote."""
    driver = connection.dialect.loaded_dbapi
    try:
        yield
    except (driver.DataError, driver.IntegrityError, driver.ProgrammingError, ValueError) as error:
        raise Invalid(f"table {table}: {_first_line(error)}") from None
    except driver.Error as error:
        raise Unavailable(f"the database refused, in table {table}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    # The following lines may contain a reader's data.
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
