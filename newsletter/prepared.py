"""Prepared statements: compiled once and run by the driver, for those that run hundreds of times a second."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    SelectBase,
    String,
    Table,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, FromClause
from sqlalchemy.types import TypeEngine

from newsletter.db import Base, Bound, UtcDateTime, is_postgresql


class Prepared:
    """A statement compiled once for one database."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=dialect))
        if compiled.params != dict.fromkeys(compiled.params):
            raise ValueError("constants must be written out")
        self._text = str(compiled)
        self._answers = isinstance(statement, SelectBase) or bool(compiled.effective_returning)
        self._order = compiled.positiontup

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run it; the rows if it returns any. Moments are passed through `moment`, other values as they are.

        The driver's errors are raised as SQLAlchemy's.
        """
        parameters = values if self._order is None else [values[name] for name in self._order]
        return _execute(connection, self._text, parameters, answers=self._answers)


def _execute(connection: Connection, text: str, parameters: Any, *, answers: bool) -> Sequence[Any]:
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text, parameters)
        return cursor.fetchall() if answers else []
    except connection.dialect.loaded_dbapi.Error as error:
        base, dialect = connection.dialect.loaded_dbapi.Error, connection.dialect
        raise DBAPIError.instance(None, None, error, base, hide_parameters=True, dialect=dialect) from error
    finally:
        cursor.close()


def moment(dialect: Dialect, at: datetime) -> Any:
    """A moment as the driver expects it."""
    return _moment_binder(dialect)(at)


def moment_cell(dialect: Dialect, at: datetime) -> str:
    """A moment as a cell of a row for `insert_rows`."""
    return str(moment(dialect, at))


@lru_cache(maxsize=8)
def moment_read(dialect: Dialect) -> Callable[[Any], datetime | None]:
    """Converts what the driver returns into a moment."""
    return UtcDateTime().dialect_impl(dialect).result_processor(dialect, None) or (lambda value: value)


@lru_cache(maxsize=8)
def _moment_binder(dialect: Dialect) -> Callable[[datetime], Any]:
    return UtcDateTime().dialect_impl(dialect).bind_processor(dialect) or (lambda at: at)


# Each connection keeps its statements prepared: 500 rows take 2 MB there and are written no faster than 100.
_ROWS_AT_ONCE = (100, 10, 1)


def insert_rows(
    connection: Connection,
    table: type[Base],
    columns: tuple[str, ...],
    values: Sequence[Sequence[Any]],
    *,
    filled: tuple[str, ...] = (),
    returning: tuple[str, ...] = (),
) -> Sequence[Any]:
    """Insert any number of rows by constant statements; their cells are in the order of `columns`, as for the driver.

    A row that is there already stays, or gets the columns in `filled` where it has none. Returns these columns of each
    new row.
    """
    if is_postgresql(connection):
        statement = _insert_from_json(connection.dialect, table, columns, filled, returning)
        return statement.run(connection, {"rows": encode_rows(values)}) if values else []
    # SQLite takes as long to decode a row from JSON as to write it, and as long to begin a statement.
    returned: list[Any] = []
    start = 0
    for size in _ROWS_AT_ONCE:
        text = _insert_text(table, columns, filled, returning, size)
        while start + size <= len(values):
            cells = list(chain.from_iterable(values[start : start + size]))
            returned += _execute(connection, text, cells, answers=bool(returning))
            start += size
    return returned


@lru_cache(maxsize=64)
def _insert_from_json(
    dialect: Dialect, table: type[Base], columns: tuple[str, ...], filled: tuple[str, ...], returning: tuple[str, ...]
) -> Prepared:
    its = table.__table__.columns
    moved = rows(dialect, **{name: its[name].type for name in columns})
    statement = postgresql.insert(table).from_select(columns, select(moved), include_defaults=False)
    if filled:
        new = {name: func.coalesce(its[name], statement.excluded[name]) for name in filled}
        statement = statement.on_conflict_do_update(index_elements=_keys(table), set_=new)
    else:
        statement = statement.on_conflict_do_nothing()
    return Prepared(statement.returning(*(its[name] for name in returning)) if returning else statement, dialect)


@lru_cache(maxsize=64)
def _insert_text(
    table: type[Base], columns: tuple[str, ...], filled: tuple[str, ...], returning: tuple[str, ...], size: int
) -> str:
    row = f"({', '.join('?' * len(columns))})"
    its_name = cast("Table", table.__table__).name
    action = f"({', '.join(_keys(table))}) DO UPDATE SET " if filled else "DO NOTHING"
    action += ", ".join(f"{name} = coalesce({its_name}.{name}, excluded.{name})" for name in filled)
    return (
        f"INSERT INTO {its_name} ({', '.join(columns)}) VALUES {', '.join([row] * size)} "  # noqa: S608  (all of it is from our models)
        f"ON CONFLICT {action}{' RETURNING ' if returning else ''}{', '.join(returning)}"
    )


def _keys(table: type[Base]) -> list[str]:
    return [column.name for column in table.__table__.primary_key]


def rows(bound: Bound, **columns: TypeEngine[Any]) -> FromClause:
    """The JSON in the parameter `rows` as a table, so that a constant statement writes any number of rows.

    `encode_rows` makes it, of rows that have their cells in the order of `columns`.
    """
    text = bindparam("rows", type_=Text())
    cell = _cells_of_postgresql(text) if is_postgresql(bound) else _cells_of_sqlite(text)
    return select(*(cell(at, type_).label(name) for at, (name, type_) in enumerate(columns.items()))).subquery("moved")


def listed(bound: Bound, **column: TypeEngine[Any]) -> FromClause:
    """The same for a single column, as a list: `encode_rows` makes it of the values themselves."""
    ((name, type_),) = column.items()
    text = bindparam("rows", type_=Text())
    if is_postgresql(bound):
        value = func.jsonb_array_elements_text(sql_cast(text, postgresql.JSONB)).table_valued("value").c.value
        cell = value if isinstance(type_, String) else sql_cast(value, type_)
    else:
        cell = func.json_each(text).table_valued("value").c.value
    return select(type_coerce(cell, type_).label(name)).subquery("listed")


_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def encode_rows(values: Iterable[Any]) -> str:
    """The JSON that `rows` or `listed` takes, with cells by their place: half the text that names would make."""
    return _encode(list(values))


_Cell = Callable[[int, TypeEngine[Any]], ColumnElement[Any]]


def _cells_of_sqlite(text: ColumnElement[str]) -> _Cell:
    row = func.json_each(text).table_valued("value").c.value
    return lambda at, type_: type_coerce(func.json_extract(row, literal_column(f"'$[{at}]'")), type_)


def _cells_of_postgresql(text: ColumnElement[str]) -> _Cell:
    row = func.jsonb_array_elements(sql_cast(text, postgresql.JSONB)).table_valued("value").c.value

    def cell(at: int, type_: TypeEngine[Any]) -> ColumnElement[Any]:
        found = row.op("->>")(literal_column(str(at)))
        # It is a text already, and a cast to a shorter one would cut it off.
        return type_coerce(found, type_) if isinstance(type_, String) else sql_cast(found, type_)

    return cell
