"""Engines on SQLite or PostgreSQL: how they connect, how a transaction begins, and that a commit is on the disk."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from newsletter.db.dialects import is_postgresql
from newsletter.errors import Invalid
from newsletter.system import atomic_files

if TYPE_CHECKING:
    from newsletter.db.write_queue import WriteQueue

URGENT = "urgent"
"""The execution option of a connection whose transaction comes before all others that wait to write (SQLite)."""
IN_TURN = "in turn"
"""The same of one that writes some thousand rows at once."""
_DEDICATED = "dedicated"

# Parameters are hidden in errors, because errors are logged and parameters contain addresses.
_POOL: dict[str, Any] = {"pool_size": 20, "max_overflow": 20, "pool_use_lifo": True, "hide_parameters": True}

_DEDICATED_WAIT = 0.3
"""Seconds that a dedicated connection waits for another's lock."""
_DEDICATED_POSTGRESQL = (
    "lock_timeout = '300ms'",
    # A few statements run again and again on such a connection, and planning one costs as much as running it.
    "plan_cache_mode = force_generic_plan",
    # They look a few rows up by id, and those are in memory. If that cost a page of the disk each, PostgreSQL would
    # rather read every copy of a letter that has 25,000 or fewer.
    "random_page_cost = 0",
)


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


def reading_engine(engine: Engine) -> Engine:
    """An engine on the same database that refuses writes, so that a GET cannot change anything by mistake."""
    if is_postgresql(engine.dialect):
        return engine.execution_options(read_only=True, postgresql_readonly=True)
    # With connections of its own: one that were switched to and fro would forget its prepared statements each time.
    reading = _sqlite_engine(engine.url)
    event.listen(reading, "connect", lambda driver, _record: driver.execute("PRAGMA query_only = ON"))
    event.listen(reading, "begin", lambda connection: _driver(connection).execute("BEGIN"))
    event.listen(engine, "engine_disposed", lambda _engine: reading.dispose())
    return reading


def dedicate(connection: Connection) -> None:
    """Prepare a connection for many short transactions; DatabaseDown soon where another holds a lock.

    On PostgreSQL it gives up before deadlocks are looked for, so the other transaction is never the victim.
    """
    connection.info[_DEDICATED] = True
    # Outside SQLAlchemy's transactions, which would wait for the same lock.
    cursor = connection.connection.cursor()
    for command in _commands_to_dedicate(connection):
        cursor.execute(command)
    cursor.close()
    connection.connection.commit()


def _commands_to_dedicate(connection: Connection) -> list[str]:
    if not is_postgresql(connection):
        return ["PRAGMA busy_timeout = 0"]
    # A session's settings stay with the pooler's server connection, which another client gets next.
    return [] if connection.info["pooled"] else [f"SET {setting}" for setting in _DEDICATED_POSTGRESQL]


def _sqlite_engine(url: str | URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 15}, **_POOL)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _queue_writers(engine: Engine) -> None:
    # Imported here, because it imports SQLite, which a process with PostgreSQL does not need.
    from newsletter.db.write_queue import WriteQueue

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
    if connection.info["pooled"] and connection.info.get(_DEDICATED):
        settings.extend(_DEDICATED_POSTGRESQL)
    if settings:
        connection.exec_driver_sql("; ".join(f"SET LOCAL {setting}" for setting in settings))


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
        if connection.info.get(_DEDICATED):
            # SQLite's own pauses, up to a tenth of a second, would miss the moment between two of the web's groups.
            queue.begin_out_of_turn(driver, _DEDICATED_WAIT)
        else:
            queue.begin(driver, urgent=connection.get_execution_options().get(URGENT, False))
    except connection.dialect.loaded_dbapi.OperationalError as error:
        raise OperationalError("BEGIN", None, error) from error


def _place_statement_journal(connection: Connection, driver: Any) -> None:
    # By which one statement of many is undone: SQLite would write each page that a large one changes to a file, too.
    # In memory only where statements are of a few thousand rows, because what is sorted is kept there as well.
    in_memory = connection.get_execution_options().get(IN_TURN, False)
    if in_memory is not connection.info.get(IN_TURN, False):
        driver.execute(f"PRAGMA temp_store = {'MEMORY' if in_memory else 'DEFAULT'}")
        connection.info[IN_TURN] = in_memory


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection
