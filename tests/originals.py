"""Originals: databases that are filled once a run. A test's own is a copy of one, much faster than filling it anew."""

import shutil
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from psycopg.sql import SQL
from sqlalchemy import Connection, MetaData
from sqlalchemy.engine import make_url

from newsletter import migrations_runner
from newsletter.db import Sessions, open_engine
from newsletter.delivery.workers import database_identity
from tests import servers, snapshots
from tests.snapshots import Snapshot

_FILE = "newsletter.db"
PUBLICATION = """INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name,
                                          sender_address, postal_address, follow, created_at)
                 VALUES (1, 'one', 'One', '', '', 'en', 'UTC', 'One', 'desk@example.org', '', '[]', :at)"""
"""A publication in a database of an old version (`start_at`)."""

Fill = Callable[[Sessions, Path], None]
"""Puts something into a migrated database; what it keeps beside it, such as pictures, goes into the folder."""


_bases: dict[Fill, Fill] = {}


def empty(_sessions: Sessions, _folder: Path) -> None:
    """Nothing but the tables."""


def upon(base: Fill) -> Callable[[Fill], Fill]:
    """Begin a fill with a copy of what another put in."""

    def begin(fill: Fill) -> Fill:
        _bases[fill] = base
        return fill

    return begin


@dataclass
class Originals:
    """All that were asked for so far."""

    folder: Path
    server: Callable[[], str]
    """The URL of the PostgreSQL server, which is started when it is first asked for."""
    _made: dict[tuple[str, Fill], tuple[str, Path]] = field(default_factory=dict)
    _used: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Of each original on PostgreSQL, the copies that earlier tests had."""
    _snapshots: dict[str, Snapshot] = field(default_factory=dict)
    _connections: dict[str, snapshots.Connection] = field(default_factory=dict)
    """One to each of these copies: the server reads about all its tables once for each connection."""

    @contextmanager
    def copy(self, kind: str, fill: Fill, folder: Path) -> Iterator[str]:
        """The URL of a database of the test's own, filled so; what is kept beside it goes into the folder."""
        original, beside = self._original(kind, fill)
        url = self._copy(original, beside, folder)
        yield url
        if kind == "postgresql":
            self._used[original].append(url)

    def close(self) -> None:
        """Hang up."""
        for url in list(self._connections):
            self._hang_up(url)

    def drop(self, server: str) -> None:
        """Leave nothing behind on a server that other runs use, too."""
        originals = [url for (kind, _), (url, _) in self._made.items() if kind == "postgresql"]
        for url in [*originals, *chain.from_iterable(self._used.values())]:
            servers.drop_database(server, make_url(url).database or "")

    def _original(self, kind: str, fill: Fill) -> tuple[str, Path]:
        if (kind, fill) not in self._made:
            beside = self.folder / _new_name()
            beside.mkdir()
            self._made[kind, fill] = self._make(kind, fill, beside), beside
        return self._made[kind, fill]

    def _make(self, kind: str, fill: Fill, beside: Path) -> str:
        if fill is not empty:
            url = self._copy(*self._original(kind, _bases.get(fill, empty)), beside)
        elif kind == "sqlite":
            url = f"sqlite:///{beside / _FILE}"
        else:
            url = servers.create_database(self.server(), _new_name())
        engine = open_engine(url)
        if fill is empty:
            migrations_runner.upgrade(engine)
        fill(Sessions(engine), beside)
        engine.dispose()
        self._hang_up(url)  # or it could not be copied
        return url

    def _copy(self, original: str, beside: Path, folder: Path) -> str:
        shutil.copytree(beside, folder, dirs_exist_ok=True)
        if (folder / _FILE).exists():
            _arm_file(folder / _FILE)
            return f"sqlite:///{folder / _FILE}"
        own = self._used_before(original) or servers.create_database(
            self.server(), _new_name(), make_url(original).database or ""
        )
        place = SQL(database_identity._TABLE.text)
        self._connected(own).execute(SQL("UPDATE arming SET place = ({}), armed_at = now()").format(place))
        return own

    def _used_before(self, original: str) -> str | None:
        """A copy that a test had, put back to what the original holds; one that cannot be is dropped."""
        while self._used[original]:
            url = self._used[original].pop()
            if original not in self._snapshots:
                self._snapshots[original] = snapshots.take(original)
            if snapshots.put_back(self._connected(url), self._snapshots[original]):
                return url
            self._hang_up(url)
            servers.drop_database(self.server(), make_url(url).database or "")
        return None

    def _connected(self, url: str) -> snapshots.Connection:
        if url not in self._connections:
            self._connections[url] = servers.connected(url)
        return self._connections[url]

    def _hang_up(self, url: str) -> None:
        if connection := self._connections.pop(url, None):
            connection.close()


def _new_name() -> str:
    return f"press_{uuid.uuid4().hex}"


def _arm_file(path: Path) -> None:
    """A copy may send only from now on."""
    # As SQLAlchemy writes a moment.
    at = f"{datetime.now(UTC).replace(tzinfo=None):%Y-%m-%d %H:%M:%S.%f}"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("UPDATE arming SET place = ?, armed_at = ?", (database_identity._of_file(str(path)), at))


def start_at(connection: Connection, revision: str) -> None:
    """Empty a database, and give it the tables of an old version."""
    tables = MetaData()
    tables.reflect(connection)
    tables.drop_all(connection)
    migrations_runner.upgrade_to(connection, revision)
