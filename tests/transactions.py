"""How much each transaction wrote to SQLite: a test tells by it, without a clock, how long others had to wait."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event


@contextmanager
def counted(engine: Engine) -> Iterator[list[int]]:
    """The rows that each transaction within the block changed, one after the other."""
    sizes: list[int] = []
    before: dict[Connection, int] = {}

    def begin(connection: Connection) -> None:
        before[connection] = _changes(connection)

    def commit(connection: Connection) -> None:
        sizes.append(_changes(connection) - before[connection])

    event.listen(engine, "begin", begin)
    event.listen(engine, "commit", commit)
    try:
        yield sizes
    finally:
        event.remove(engine, "begin", begin)
        event.remove(engine, "commit", commit)


def _changes(connection: Connection) -> int:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    [count] = driver.execute("SELECT total_changes()").fetchone()
    return int(count)
