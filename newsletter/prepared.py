"""Prepared statements: compiled once and run by the driver, for those that run hundreds of times a second."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    SelectBase,
    String,
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

from newsletter.db import UtcDateTime


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
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._text, values if self._order is None else [values[name] for name in self._order])
            return cursor.fetchall() if self._answers else []
        except connection.dialect.loaded_dbapi.Error as error:
            base, dialect = connection.dialect.loaded_dbapi.Error, connection.dialect
            raise DBAPIError.instance(None, None, error, base, hide_parameters=True, dialect=dialect) from error
        finally:
            cursor.close()


def moment(dialect: Dialect, at: datetime) -> Any:
    """A moment as the driver expects it."""
    return _moment_binder(dialect)(at)


@lru_cache(maxsize=8)
def moment_read(dialect: Dialect) -> Callable[[Any], datetime | None]:
    """Converts what the driver returns into a moment."""
    return UtcDateTime().dialect_impl(dialect).result_processor(dialect, None) or (lambda value: value)


@lru_cache(maxsize=8)
def _moment_binder(dialect: Dialect) -> Callable[[datetime], Any]:
    return UtcDateTime().dialect_impl(dialect).bind_processor(dialect) or (lambda at: at)


def rows(dialect: str, **columns: TypeEngine[Any]) -> FromClause:
    """The JSON in the parameter `rows` as a table, so that a constant statement writes any number of rows.

    `encode_rows` makes it, of rows that have their cells in the order of `columns`.
    """
    text = bindparam("rows", type_=Text())
    cell = _cells_of_postgresql(text) if dialect == "postgresql" else _cells_of_sqlite(text)
    return select(*(cell(at, type_).label(name) for at, (name, type_) in enumerate(columns.items()))).subquery("moved")


def listed(dialect: str, **column: TypeEngine[Any]) -> FromClause:
    """The same for a single column, as a list: `encode_rows` makes it of the values themselves."""
    ((name, type_),) = column.items()
    text = bindparam("rows", type_=Text())
    if dialect == "postgresql":
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
