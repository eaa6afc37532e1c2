"""The store: what it promises of a commit."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url

from newsletter.db import Sessions, open_engine

pytestmark = pytest.mark.usefixtures("durable")


@pytest.fixture
def hasty(database_url: str) -> Iterator[Engine]:
    """An engine on a database that is set not to wait for its disk, where there is such a setting."""
    engine = open_engine(database_url)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            name = make_url(database_url).database
            connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    engine.dispose()
    yield engine
    engine.dispose()


def test_a_commit_waits_for_the_disk_whatever_the_database_is_set_to(hasty: Engine) -> None:
    sessions = Sessions(hasty)
    for _ in range(2):
        with sessions.begin() as session:
            assert _waits(session.connection())
    with hasty.begin() as connection:
        assert _waits(connection)


def test_a_commit_over_a_kept_connection_waits_for_the_disk_too(hasty: Engine) -> None:
    with Sessions(hasty).dedicated_connection() as kept:
        for _ in range(2):
            with kept.begin():
                assert _waits(kept)


def _waits(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        return connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
    return connection.scalar(text("SHOW synchronous_commit")) != "off"
