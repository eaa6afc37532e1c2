"""Prepared statements: compiled once and run by the driver, for those that run hundreds of times a second."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection, Dialect, SelectBase, Text, bindparam, column, func, literal_column, select
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
    """The JSON list in the parameter `rows` as a table, so that a constant statement writes any number of rows."""
    text = bindparam("rows", type_=Text())
    if dialect == "postgresql":
        typed = [column(name, type_) for name, type_ in columns.items()]
        table = func.json_to_recordset(sql_cast(text, postgresql.JSON)).table_valued(*typed)
        return table.render_derived(name="moved", with_types=True)
    each = func.json_each(text).table_valued("value")
    cells = [func.json_extract(each.c.value, literal_column(f"'$.{name}'")).label(name) for name in columns]
    return select(*cells).subquery("moved")
