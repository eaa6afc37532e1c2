"""Every test that touches the store runs on both databases: SQLite, and a real PostgreSQL from a wheel."""

import os
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine

from newsletter.db import Sessions, open_engine
from newsletter.links import Links
from newsletter.wiring import Services
from tests import sample_services, servers
from tests.originals import Fill, Originals, empty
from tests.sample_services import LINKS, NOW

pytest_plugins = ["tests.caches", "tests.real_parts"]

# No deadline: what is quick on one machine is not on another. The quick one tries the same examples in each run, so a
# change alone turns it red; `make test-slow` takes the thorough one, which looks for new ones.
hypothesis.settings.register_profile("quick", max_examples=40, deadline=None, derandomize=True)
hypothesis.settings.register_profile("thorough", max_examples=500, deadline=None)
hypothesis.settings.load_profile("quick")


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: for a third of its time a test waits for a process, a socket or a page."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + (cores + 1) // 2


@pytest.fixture(autouse=True)
def _no_timer_outlives_its_test() -> Iterator[None]:
    """Or it would write clicks, and complain in the log of another test that the database is gone."""
    yield
    while timers := [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]:
        for timer in timers:
            timer.cancel()
            timer.join()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: TEST_POSTGRES_URL, or one started for this run that never waits for the disk."""
    with servers.running() as url:
        yield url


@pytest.fixture(scope="session")
def originals(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Originals]:
    """What the tests' own databases are copied from."""
    made = Originals(tmp_path_factory.mktemp("originals"), lambda: request.getfixturevalue("postgres_server"))
    yield made
    made.close()
    if url := os.environ.get("TEST_POSTGRES_URL"):
        made.drop(url)


@pytest.fixture
def filled() -> Fill:
    """With what a test's own database begins."""
    return empty


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, originals: Originals, filled: Fill, tmp_path: Path) -> Iterator[str]:
    """A migrated database of the test's own."""
    with originals.copy(request.param, filled, tmp_path) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Sessions:
    return Sessions(engine)


@pytest.fixture
def services(sessions: Sessions, tmp_path: Path) -> Services:
    """The house over that database."""
    return sample_services.build(sessions, tmp_path)


@pytest.fixture
def links() -> Links:
    return LINKS


@pytest.fixture
def now() -> datetime:
    """A Friday noon, four days before the first issue's Tuesday."""
    return NOW
