"""Database access: engine, sessions, the naming convention, and the one type for moments."""

import math
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from sqlalchemy import (
    URL,
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Index,
    Integer,
    MetaData,
    TypeDecorator,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    InterfaceError,
    InternalError,
    InvalidRequestError,
    OperationalError,
    SAWarning,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, mapped_column, sessionmaker
from sqlalchemy.orm import Session as Session  # for the web rooms, which know no SQLAlchemy
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError
from sqlalchemy.pool import ConnectionPoolEntry

from newsletter.errors import Invalid
from newsletter.system import atomic_files

if TYPE_CHECKING:
    from newsletter.write_queue import WriteQueue

T = TypeVar("T")

DatabaseDown = OperationalError
"""What a session raises when the database does not answer; also for the web packages, which import no SQL."""

AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeout)
"""What callers that can wait treat as "not now": no answer, no lock, no space, or a server that is read-only now."""

OVERTAKEN = (IntegrityError, StaleDataError, ObjectDeletedError, SAWarning)
"""What a session raises when another transaction has just deleted what this one changes, or added it first."""

# Otherwise, whoever deletes what another transaction has just deleted would be told that they did it.
warnings.filterwarnings("error", "DELETE statement on table", SAWarning)

HIGHEST_ID = 2**31 - 1
"""The highest id that most tables can give a row: an integer column's highest value."""

UNSYNCED = {"synchronize_session": False}
"""Execution options of a bulk statement after which nobody looks at the objects that the session holds."""

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


# Parameters are hidden in errors, because errors are logged and parameters contain addresses.
_POOL: dict[str, Any] = {"pool_size": 20, "max_overflow": 20, "pool_use_lifo": True, "hide_parameters": True}

_DEDICATED_SQLITE = ("PRAGMA busy_timeout = 0",)
_DEDICATED_WAIT = 0.3
"""Seconds that a dedicated connection waits for another's lock."""
# A few statements run again and again on such a connection, and planning one costs as much as running it.
_DEDICATED_POSTGRESQL = ("lock_timeout = '300ms'", "plan_cache_mode = force_generic_plan")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware datetimes, stored in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs a time zone: {value!r}")
        return value.astimezone(UTC) if dialect.name != "sqlite" else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite assigns ids only in INTEGER columns, which have 64 bits there anyway.
LongId = Annotated[int, mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)]
LongRef = Annotated[int, mapped_column(BigInteger().with_variant(Integer, "sqlite"))]


class Base(DeclarativeBase):
    """The base class of every table."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012  (SQLAlchemy's own spelling)


def word(kind: type[StrEnum]) -> Enum:
    """A column that stores an enum by its value, as plain text in either database."""
    return Enum(kind, native_enum=False, length=24, values_callable=lambda members: [m.value for m in members])


def insert(session: Session, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that supports `ON CONFLICT`, for either database."""
    return upsert(session.get_bind().dialect.name, table)


def upsert(dialect: str, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """The same for a database given by its dialect's name, for statements compiled once."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows that meet a condition, in either database."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


_URGENT = "urgent"
_IMPATIENT = "impatient"
_READS_ONLY = "reads only"
_IN_TURN = "in turn"


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
        self.reading_engine = _reading_engine(engine)
        self._writing = sessionmaker(engine, class_=_Session, expire_on_commit=False)
        self._reading = sessionmaker(self.reading_engine, info={_READS_ONLY: True})
        self._rest = _Rest()

    @property
    def embedded(self) -> bool:
        """Whether the database is in this process (SQLite): no network, and one writer at a time."""
        return self.engine.dialect.name == "sqlite"

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
                session.connection(execution_options={_URGENT: True})
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
            session.connection(execution_options={_IN_TURN: True})
            yield session
        ended = time.monotonic()
        self._rest.until = ended + min(ended - began, longest)

    def dedicated_connection(self) -> Connection:
        """A dedicated connection for many short transactions; DatabaseDown soon where another holds a lock.

        On PostgreSQL it gives up before deadlocks are looked for, so the other transaction is never the victim.
        """
        connection = self.engine.connect()
        # Closed at the end and not reused, because its short timeouts are not for others.
        connection.detach()
        connection.info[_IMPATIENT] = True
        try:
            # Outside SQLAlchemy's transactions, which would wait for the same lock.
            cursor = connection.connection.cursor()
            for command in _DEDICATED_SQLITE if self.embedded else _dedicated_postgresql(connection):
                cursor.execute(command)
            cursor.close()
            connection.connection.commit()
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


_CHANGED = "changed"


def require_witness(session: Session) -> None:
    """Have the witness of this transaction called, though it changes nothing in the database."""
    session.info[_CHANGED] = True


def _mark_changed(session: Session, _flushed: object) -> None:
    session.info[_CHANGED] = True


def _mark_if_write(asked: ORMExecuteState) -> None:
    if asked.is_insert or asked.is_update or asked.is_delete:
        asked.session.info[_CHANGED] = True


def open_engine(url: str) -> Engine:
    """An engine for SQLite (WAL, one writer at a time) or PostgreSQL; commits are durable."""
    if _backend(url) == "sqlite":
        _make_room(url)
        engine = _sqlite_engine(url)
        _queue_writers(engine)
        return engine
    # Otherwise, after a network failure, requests would wait as long as the system's TCP timeout.
    alive = {"connect_timeout": 5, "tcp_user_timeout": 8_000}
    engine = create_engine(url, pool_pre_ping=True, connect_args=alive, **_POOL)
    event.listen(engine, "connect", _meet_postgresql)
    event.listen(engine, "begin", _begin_postgresql)
    event.listen(engine, "checkin", _forget_mode)
    return engine


def _reading_engine(engine: Engine) -> Engine:
    """An engine on the same database that refuses writes, so that a GET cannot change anything by mistake."""
    if engine.dialect.name != "sqlite":
        return engine.execution_options(read_only=True, postgresql_readonly=True)
    # With connections of its own: one that were switched to and fro would forget its prepared statements each time.
    reading = _sqlite_engine(engine.url)
    event.listen(reading, "connect", lambda driver, _record: driver.execute("PRAGMA query_only = ON"))
    event.listen(reading, "begin", lambda connection: _driver(connection).execute("BEGIN"))
    event.listen(engine, "engine_disposed", lambda _engine: reading.dispose())
    return reading


def _sqlite_engine(url: str | URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 15}, **_POOL)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _queue_writers(engine: Engine) -> None:
    # Imported here, because it imports SQLite, which a process with PostgreSQL does not need.
    from newsletter.write_queue import WriteQueue

    queue = WriteQueue()

    def end(connection: Connection) -> None:
        if not connection.invalidated:
            queue.end(_driver(connection))

    event.listen(engine, "begin", partial(_begin_sqlite, queue))
    # Before the commit is on the disk, so that the next writer in the queue is awake by then.
    event.listen(engine, "commit", end)
    event.listen(engine, "rollback", end)
    for lost in ("checkin", "close", "detach"):
        event.listen(engine, lost, lambda driver, _record: queue.end(driver))


def _backend(url: str) -> str:
    try:
        return make_url(url).get_backend_name()
    except (ArgumentError, ValueError):
        raise Invalid("DATABASE_URL: cannot be read; write it as postgresql://user:password@host:5432/name") from None


def _make_room(url: str) -> None:
    path = make_url(url).database
    if path and path != ":memory:":
        atomic_files.make_folder(Path(path).parent, mode=0o700)
        # SQLite gives the two files beside it the same mode, but leaves those of an earlier run unchanged.
        atomic_files.make_private(Path(path))
        for beside in ("-wal", "-shm"):
            atomic_files.restrict_to_owner(Path(f"{path}{beside}"))


def _meet_postgresql(connection: Any, record: ConnectionPoolEntry) -> None:
    commit, server = connection.execute("SELECT current_setting('synchronous_commit'), pg_backend_pid()").fetchone()
    # A role, a database or a server may be configured to answer before a commit is on the disk.
    record.info["hasty"] = commit == "off"
    # A pooler, such as pgbouncer, gives its clients numbers of its own. Each transaction may come to another server:
    # a statement that was prepared on one is not known on the next, or there is one of that name.
    record.info["pooled"] = server != connection.info.backend_pid
    if record.info["pooled"]:
        connection.prepare_threshold = None
    connection.rollback()


def _forget_mode(driver: Any, _record: ConnectionPoolEntry) -> None:
    # Once it has read, it would begin each transaction with READ WRITE, which a database that only reads refuses.
    if driver and not driver.closed and driver.read_only is not None:
        driver.read_only = None


def _begin_postgresql(connection: Connection) -> None:
    # In each transaction, because a pooler may change the server; and not by the driver, whose errors are not `AWAY`.
    settings: list[str] = []
    if connection.info["hasty"] and not connection.get_execution_options().get("read_only", False):
        settings.append("synchronous_commit = on")
    if connection.info["pooled"] and connection.info.get(_IMPATIENT):
        settings.extend(_DEDICATED_POSTGRESQL)
    if settings:
        connection.exec_driver_sql("; ".join(f"SET LOCAL {setting}" for setting in settings))


def _dedicated_postgresql(connection: Connection) -> list[str]:
    # A session's settings stay with the pooler's server connection, which another client gets next.
    return [] if connection.info["pooled"] else [f"SET {setting}" for setting in _DEDICATED_POSTGRESQL]


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # We begin transactions ourselves; the driver would begin late, and as a reader.
    connection.isolation_level = None
    # FULL, because with NORMAL a commit is on the disk only at some later checkpoint.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(queue: "WriteQueue", connection: Connection) -> None:
    # A writer that begins as a reader can fail half-way with "database is locked"; one that asks first waits.
    driver = _driver(connection)
    _place_statement_journal(connection, driver)
    try:
        if connection.info.get(_IMPATIENT):
            # SQLite's own pauses, up to a tenth of a second, would miss the moment between two of the web's groups.
            queue.begin_out_of_turn(driver, _DEDICATED_WAIT)
        else:
            queue.begin(driver, urgent=connection.get_execution_options().get(_URGENT, False))
    except connection.dialect.loaded_dbapi.OperationalError as error:
        raise OperationalError("BEGIN", None, error) from error


def _place_statement_journal(connection: Connection, driver: Any) -> None:
    # By which one statement of many is undone: SQLite would write each page that a large one changes to a file, too.
    # In memory only where statements are of a few thousand rows, because what is sorted is kept there as well.
    in_memory = connection.get_execution_options().get(_IN_TURN, False)
    if in_memory is not connection.info.get(_IN_TURN, False):
        driver.execute(f"PRAGMA temp_store = {'MEMORY' if in_memory else 'DEFAULT'}")
        connection.info[_IN_TURN] = in_memory


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection
