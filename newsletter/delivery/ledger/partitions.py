"""Partitions: on PostgreSQL each letter's copies are a table of their own, `copies_7`, and a part of `copies`.

    write    CREATE TABLE copies_7 ── fill it ── ATTACH   one transaction; nobody else sees it before its end
    remove   DETACH ── DROP                               one transaction, too

So a fan-out writes without an index to keep, and an old letter goes without touching a row of the others.
On SQLite all copies are in one table, and go portion by portion.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import cast

from sqlalchemy import ColumnElement, Connection, Dialect, MetaData, Table, delete, func, literal_column, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from newsletter.db import UNSYNCED, Sessions, is_postgresql
from newsletter.delivery.models import Copy, CopyNote, Letter
from newsletter.errors import Unavailable

_PORTION = 2_000
# PostgreSQL: how long a try may hold up those who send, and how often it is made.
_PATIENCE = "200ms"
_TRIES = 10
_PAUSE = 0.5

_LOCK_NOT_AVAILABLE = "55P03"


@contextmanager
def writing(session: Session, letter_id: int) -> Iterator[Table]:
    """The table to write a new letter's copies into; when the block ends, they become part of the ledger.

    On PostgreSQL only one letter's copies are written at a time: ATTACH locks `copies` until the commit. That lock
    is taken at the start, before any other that two fan-outs could want, so they never deadlock.
    It is SHARE UPDATE EXCLUSIVE: all copies can be read and moved meanwhile.
    """
    if not is_postgresql(session):
        yield _copies()
        return
    own = _name(letter_id)
    connection = session.connection()
    connection.execute(text("LOCK TABLE copies IN SHARE UPDATE EXCLUSIVE MODE"))
    connection.execute(text(f"CREATE TABLE {own} (LIKE copies INCLUDING DEFAULTS)"))
    yield _own(letter_id)
    # This makes the indexes, too: to sort a million rows once is faster than to insert each.
    connection.execute(text(f"ALTER TABLE copies ATTACH PARTITION {own} FOR VALUES IN ({letter_id})"))
    # Until the server knows the table it may sort all copies for each claim; by itself it looks a minute later.
    connection.execute(text(f"ANALYZE {own}"))


def open_for(connection: Connection, letter_ids: Iterable[int]) -> None:
    """Create an empty partition for each of these letters, which must have none yet; does nothing on SQLite."""
    if is_postgresql(connection):
        for letter_id in letter_ids:
            connection.execute(
                text(f"CREATE TABLE {_name(letter_id)} PARTITION OF copies FOR VALUES IN ({letter_id:d})")
            )


def delete_copies(sessions: Sessions, letter_id: int) -> int:
    """Delete a letter's copies and their notes for good; returns how many copies. Commits by itself.

    Raises Unavailable if PostgreSQL cannot lock the ledger in time; a later call goes on.
    """
    if sessions.embedded:
        return sum(_portions(sessions, letter_id))
    for _ in range(_TRIES):
        try:
            with sessions.begin() as session:
                return _drop(session, letter_id)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
        time.sleep(_PAUSE)
    raise Unavailable("a long transaction (a backup, or an issue that starts) reads the ledger; try again after it")


@lru_cache(maxsize=64)
def table_of(dialect: Dialect, letter_id: int) -> Table:
    """The table that holds a letter's copies."""
    return _own(letter_id) if is_postgresql(dialect) else _copies()


def sizes(session: Session) -> dict[int, int | None]:
    """The ids of the letters that have copies, each with their bytes on disk, indexes included; None on SQLite."""
    if not is_postgresql(session):
        has_copies = select(Copy.id).where(Copy.letter_id == Letter.id).exists()
        return dict.fromkeys(session.scalars(select(Letter.id).where(has_copies)))
    tables = "SELECT inhrelid::regclass::text, pg_total_relation_size(inhrelid) FROM pg_inherits"
    found = session.execute(text(f"{tables} WHERE inhparent = 'copies'::regclass"))
    return {int(name.rpartition("_")[2]): size for name, size in found}


def _drop(session: Session, letter_id: int) -> int:
    own = _name(letter_id)
    if session.scalar(select(func.to_regclass(own))) is None:
        return 0
    theirs = select(Copy.id).where(Copy.letter_id == letter_id)
    count = session.scalar(select(func.count()).select_from(theirs.subquery())) or 0
    session.execute(delete(CopyNote).where(CopyNote.copy_id.in_(theirs)), execution_options=UNSYNCED)
    # DETACH locks out everybody for an instant, and whatever queues while it waits for its lock waits behind it.
    session.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
    session.execute(text(f"ALTER TABLE copies DETACH PARTITION {own}"))
    session.execute(text(f"DROP TABLE {own}"))
    return count


def _portions(sessions: Sessions, letter_id: int) -> Iterator[int]:
    """Delete in portions, each in its own transaction so that other writers get their turn; yields how many went."""
    some = select(Copy.id).where(Copy.letter_id == letter_id).limit(_PORTION)
    while True:
        with sessions.in_turn() as session:
            ids = session.scalars(some).all()
            session.execute(delete(CopyNote).where(CopyNote.copy_id.in_(ids)), execution_options=UNSYNCED)
            session.execute(delete(Copy).where(Copy.id.in_(ids)), execution_options=UNSYNCED)
        if not ids:
            return
        yield len(ids)


def _copies() -> Table:
    return cast("Table", Copy.__table__)


def _own(letter_id: int) -> Table:
    return _copies().to_metadata(MetaData(), name=_name(letter_id))


def _name(letter_id: int) -> str:
    return f"copies_{letter_id:d}"


def belongs_to(session: Session, letter_id: int) -> ColumnElement[bool]:
    """The condition that a copy is the letter's, worded so that SQLite uses another index, not the letter's."""
    if not is_postgresql(session):
        return Copy.letter_id + literal_column("0") == letter_id
    return Copy.letter_id == letter_id
