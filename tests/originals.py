"""Originals: databases that are filled once a run. A test's own is a copy of one, much faster than filling it anew."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from newsletter import migrating
from newsletter.db import Sessions, open_engine
from newsletter.delivery import arming

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
        url, beside = self._original(kind, fill)
        shutil.copytree(beside, folder, dirs_exist_ok=True)
        if kind == "sqlite":
            own = f"sqlite:///{folder / 'newsletter.db'}"
            _arm(own)
            yield own
            return
        name = f"press_{uuid.uuid4().hex}"
        own = create_database(self.server(), name, make_url(url).database or "")
        _arm(own)
        yield own
        drop_database(self.server(), name)

    def drop(self, server: str) -> None:
        """Leave nothing behind on a server that other runs use, too."""
        for (kind, _), (url, _) in self._made.items():
            if kind == "postgresql":
                drop_database(server, make_url(url).database or "")

    def _original(self, kind: str, fill: Fill) -> tuple[str, Path]:
        if (kind, fill) not in self._made:
            self._made[kind, fill] = self._make(kind, fill, f"original_{uuid.uuid4().hex}")
        return self._made[kind, fill]

    def _make(self, kind: str, fill: Fill, name: str) -> tuple[str, Path]:
        beside = self.folder / name
        beside.mkdir()
        url = f"sqlite:///{beside / 'newsletter.db'}" if kind == "sqlite" else create_database(self.server(), name)
        engine = open_engine(url)
        migrating.upgrade(engine)
        fill(Sessions(engine), beside)
        engine.dispose()
        return url, beside


def create_database(server: str, name: str, template: str = "template1") -> str:
    """Its URL."""
    _on_server(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def drop_database(server: str, name: str) -> None:
    """Drop it, whoever is still connected."""
    _on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


def _arm(url: str) -> None:
    """A copy may send only from now on."""
    engine = open_engine(url)
    with Sessions(engine).begin() as session:
        arming.arm(session, datetime.now(UTC))
    engine.dispose()


def _on_server(server: str, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
