"""Torture: each row of the table "what survives", with real workers, both databases, and a server that counts.

TORTURE=long (`make torture`) runs it at full length; else it is as long as CI can afford. TORTURE_SEED
repeats a run's random instants. The figures are printed in a table at the end.
"""

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from newsletter.db import Sessions
from tests import servers
from tests.originals import Originals
from tests.torture import press as presses
from tests.torture.press import CONNECTIONS, ROOT, Press
from tests.torture.sink import Tally, counting

SEED = os.environ.get("TORTURE_SEED") or f"{time.time_ns() % 1_000_000}"
_DISK = 24_000_000  # bytes
_COLUMNS = ("row", "blows", "copies", "lost", "in doubt", "twice", "seconds")

Tell = Callable[..., None]


@dataclass(frozen=True)
class Scale:
    """How much of it."""

    kills: int
    stops: int
    readers: int
    """For a kill or a stop each; the other rows take a few hundred."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All torture is slow."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A server that keeps what it has promised, as people's do."""
    with servers.running(durable=True) as url:
        yield url


@pytest.fixture(autouse=True)
def _durable(durable: None) -> None:
    """SQLite, too."""


@pytest.fixture(scope="session")
def originals(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Originals]:
    """What the tests' own databases are copied from, on that server."""
    made = Originals(tmp_path_factory.mktemp("originals"), lambda: postgres_server)
    yield made
    made.close()


@pytest.fixture(scope="session")
def scale() -> Scale:
    return Scale(100, 20, 250) if os.environ.get("TORTURE") == "long" else Scale(3, 3, 250)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Where the random instants come from; a test that fails tells how to have the same again."""
    request.node.add_report_section("setup", "to repeat it", f"TORTURE_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")  # noqa: S311  (instants, not secrets)


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def mail_port(tally: Tally) -> Iterator[int]:
    """Where the counting server listens, all through the test."""
    with counting(tally) as peer:
        yield peer.port


@pytest.fixture
def environment(database_url: str, mail_port: int, tmp_path: Path) -> dict[str, str]:
    """The settings of an installation; none leaks in from outside."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    mail = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(mail_port), "MAIL_CONNECTIONS": str(CONNECTIONS)}
    mine = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path / "var"), "SECRET_KEY": "a secret for tests"}
    return kept | mail | mine | {"LOG_FORMAT": "json", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def press(sessions: Sessions, environment: dict[str, str], tmp_path: Path) -> Iterator[Press]:
    with presses.opened(sessions, tmp_path, environment) as press:
        yield press


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk of the test's own."""
    with TemporaryDirectory(prefix="newsletter-disk-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", folder]
        if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("no disk of the test's own: only root may mount one")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


@pytest.fixture
def tell(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Tell:
    """Put this test's figures into the table at the end."""
    began = time.monotonic()

    def say(row: str, **figures: int) -> None:
        database = request.node.callspec.params.get("database_url", "") if hasattr(request.node, "callspec") else ""
        row = f"{row}, {database}" if database else row
        told = {name.replace("_", " "): str(value) for name, value in figures.items()}
        record_property("torture", {"row": row, "seconds": f"{time.monotonic() - began:.1f}"} | told)

    return say


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for group in terminalreporter.stats.values() for report in group]
    told = [dict(report.user_properties) for report in reports if getattr(report, "when", "") == "call"]
    rows = [figures["torture"] for figures in told if "torture" in figures]
    if rows:
        terminalreporter.section("torture")
        width = max(len(row["row"]) for row in rows)
        for row in [dict(zip(_COLUMNS, _COLUMNS, strict=True)), *sorted(rows, key=itemgetter("row"))]:
            cells = "".join(f"{row.get(column, '–'):>10}" for column in _COLUMNS[1:])
            terminalreporter.write_line(f"{row['row']:<{width}}{cells}")
