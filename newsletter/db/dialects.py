"""What SQLite and PostgreSQL write differently."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, SQLColumnExpression, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.db.tables import Base

Bound = Session | Connection | Dialect
"""What tells of which database it is."""


def is_postgresql(bound: Bound) -> bool:
    """Whether this is of PostgreSQL; otherwise it is of SQLite."""
    if isinstance(bound, Session):
        bound = bound.get_bind().dialect
    return (bound if isinstance(bound, Dialect) else bound.dialect).name == "postgresql"


def insert(bound: Bound, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that supports `ON CONFLICT`."""
    return postgresql.insert(table) if is_postgresql(bound) else sqlite.insert(table)


def position(bound: Bound, text: SQLColumnExpression[Any], part: str) -> ColumnElement[int]:
    """Where a text first contains this part, from 1; 0 if nowhere."""
    return (func.strpos if is_postgresql(bound) else func.instr)(text, part)
