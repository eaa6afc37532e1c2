"""Originals: databases that are filled once a run. A test's own is a copy of one, much faster than filling it anew."""

import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from psycopg.sql import SQL
from sqlalchemy.engine import make_url

from newsletter import migrating
from newsletter.db import Sessions, open_engine
from newsletter.delivery import places
from tests import servers

_FILE = "newsletter.db"

Fill = Callable[[Sessions, Path], None]
"""Puts something into a migrated database; what it keeps beside it, such as pictures, goes into the folder."""


def empty(_sessions: Sessions, _folder: Path) -> None:
    """Nothing but the tables."""


@dataclass
class Originals:
    """All that were asked for so far."""

    folder: Path
    server: Callable[[], str]
    """The URL of the PostgreSQL server, which is started when it is first asked for."""
    _made: dict[tuple[str, Fill], tuple[str, Path]] = field(default_factory=dict)

    @contextmanager
    def copy(self, kind: str, fill: Fill, folder: Path) -> Iterator[str]:
        """The URL of a database of the test's own, filled so; what is kept beside it goes into the folder."""
        url = self._copy(self._original(kind, fill), folder)
        yield url
        if kind == "postgresql":
            servers.drop_database(self.server(), make_url(url).database or "")

    def drop(self, server: str) -> None:
        """Leave nothing behind on a server that other runs use, too."""
        for (kind, _), (url, _) in self._made.items():
            if kind == "postgresql":
                servers.drop_database(server, make_url(url).database or "")

    def _original(self, kind: str, fill: Fill) -> tuple[str, Path]:
        if (kind, fill) not in self._made:
            beside = self.folder / _new_name()
            beside.mkdir()
            self._made[kind, fill] = self._make(kind, fill, beside), beside
        return self._made[kind, fill]

    def _make(self, kind: str, fill: Fill, beside: Path) -> str:
        if fill is not empty:
            url = self._copy(self._original(kind, empty), beside)
        elif kind == "sqlite":
            url = f"sqlite:///{beside / _FILE}"
        else:
            url = servers.create_database(self.server(), _new_name())
        engine = open_engine(url)
        if fill is empty:
            migrating.upgrade(engine)
        fill(Sessions(engine), beside)
        engine.dispose()
        return url

    def _copy(self, original: tuple[str, Path], folder: Path) -> str:
        url, beside = original
        shutil.copytree(beside, folder, dirs_exist_ok=True)
        if (folder / _FILE).exists():
            _arm_file(folder / _FILE)
            return f"sqlite:///{folder / _FILE}"
        own = servers.create_database(self.server(), _new_name(), make_url(url).database or "")
        servers.run(own, SQL("UPDATE arming SET place = ({}), armed_at = now()").format(SQL(places._TABLE.text)))
        return own


def _new_name() -> str:
    return f"press_{uuid.uuid4().hex}"


def _arm_file(path: Path) -> None:
    """A copy may send only from now on."""
    # As SQLAlchemy writes a moment.
    at = f"{datetime.now(UTC).replace(tzinfo=None):%Y-%m-%d %H:%M:%S.%f}"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE arming SET place = ?, armed_at = ?", (places._of_file(str(path)), at))
