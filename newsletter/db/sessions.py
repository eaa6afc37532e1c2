"""Sessions: one that writes commits at the end of its block, and in one that reads writing is an error."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.orm.exc import ObjectDeletedError

from newsletter.db import engines
from newsletter.db.dialects import is_postgresql

T = TypeVar("T")
_READS_ONLY = "reads only"
_CHANGED = "changed"


class _Session(Session):
    def refresh(self, instance: object, *asked: Any, **options: Any) -> None:
        """Reload it; ObjectDeletedError, and nothing broader, if it was deleted meanwhile."""
        try:
            super().refresh(instance, *asked, **options)
        except InvalidRequestError:
            if instance not in self:
                raise
            raise ObjectDeletedError(instance_state(instance)) from None


Witness = Callable[[Session], None]
"""What is called with a session that has changed something and is about to commit."""


class _Rest(threading.local):
    until = 0.0
    """When this thread may write in turn again."""


class Sessions:
    """Opens sessions on a database: `begin` for writing, `reading` for reading."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reading_engine = engines.reading_engine(engine)
        self._writing = sessionmaker(engine, class_=_Session, expire_on_commit=False)
        self._reading = sessionmaker(self.reading_engine, info={_READS_ONLY: True})
        self._rest = _Rest()

    @property
    def embedded(self) -> bool:
        """Whether the database is in this process (SQLite): no network, and one writer at a time."""
        return not is_postgresql(self.engine.dialect)

    def witnessed(self, witness: Witness) -> "Sessions":
        """The same sessions; the witness is called with each transaction that changes something, before the commit."""
        return _Witnessed(self, witness)

    @contextmanager
    def begin(self, *, urgent: bool = False) -> Iterator[Session]:
        """A session that commits at the end of the block, or rolls back on any error.

        Urgent ones come before all others in this process that wait to write.
        """
        with self._writing.begin() as session:
            if urgent:
                session.connection(execution_options={engines.URGENT: True})
            yield session

    @contextmanager
    def in_turn(self, longest: float = math.inf) -> Iterator[Session]:
        """A writing session for one of many transactions in a row; on SQLite, others get equal time before the next.

        At most `longest` seconds of it, and what this thread does meanwhile counts.

        SQLite has one writer at a time, and one that begins again at once would overtake those that wait for the lock.
        """
        if self.embedded and (rest := self._rest.until - time.monotonic()) > 0:
            time.sleep(rest)
        began = time.monotonic()
        with self.begin() as session:
            session.connection(execution_options={engines.IN_TURN: True})
            yield session
        ended = time.monotonic()
        self._rest.until = ended + min(ended - began, longest)

    def dedicated_connection(self) -> Connection:
        """A connection of its own for many short transactions; DatabaseDown soon where another holds a lock."""
        connection = self.engine.connect()
        # Closed at the end and not reused, because its short timeouts are not for others.
        connection.detach()
        try:
            engines.dedicate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def close_idle(self) -> None:
        """Close the connections that nobody uses now, and so free what SQLite keeps in memory for each."""
        self.engine.dispose()

    def checkpoint(self) -> bool:
        """Remove deleted data from SQLite's write-ahead log; whether that was possible at once."""
        if not self.embedded:
            return True
        connection = self.engine.connect()
        # A connection of its own, closed afterwards, because it does not wait for readers.
        connection.detach()
        try:
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA busy_timeout = 300")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            is_busy, *_ = cursor.fetchone() or (1,)
            return not is_busy
        finally:
            connection.close()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session in which writing is an error."""
        with self._reading() as session:
            yield session


class _Witnessed(Sessions):
    def __init__(self, plain: Sessions, witness: Witness) -> None:
        vars(self).update(vars(plain))
        self._witness = witness

    @contextmanager
    def begin(self, *, urgent: bool = False) -> Iterator[Session]:
        with super().begin(urgent=urgent) as session:
            event.listen(session, "after_flush", _mark_changed)
            event.listen(session, "do_orm_execute", _mark_if_write)
            yield session
            session.flush()
            if session.info.get(_CHANGED):
                self._witness(session)


def read_in_parallel(session: Session, readings: Sequence[Callable[[Session], T]]) -> list[T]:
    """What each of them reads: the first in this session, the others meanwhile in sessions of their own.

    Each of those reads the database as of a moment of its own. Where this session may have changed something, it does
    all the reading, one after the other. SQLite answers a query on one core, without Python's lock; PostgreSQL's
    server divides its work by itself.
    """
    first, *others = readings
    if not others or not can_read_in_parallel(session):
        return [each(session) for each in readings]
    with ThreadPoolExecutor(len(others)) as threads:
        read = [threads.submit(_read_alone, session, each) for each in others]
        return [first(session), *(each.result() for each in read)]


def can_read_in_parallel(session: Session) -> bool:
    """Whether other sessions may read what this one is to read: it cannot have changed anything."""
    return bool(session.info.get(_READS_ONLY))


def _read_alone(like: Session, reading: Callable[[Session], T]) -> T:
    with Session(like.get_bind(), info={_READS_ONLY: True}) as session:
        return reading(session)


def require_witness(session: Session) -> None:
    """Have the witness of this transaction called, though it changes nothing in the database."""
    session.info[_CHANGED] = True


def _mark_changed(session: Session, _flushed: object) -> None:
    session.info[_CHANGED] = True


def _mark_if_write(asked: ORMExecuteState) -> None:
    if asked.is_insert or asked.is_update or asked.is_delete:
        asked.session.info[_CHANGED] = True
