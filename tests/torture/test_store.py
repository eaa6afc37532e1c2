"""The store under the worker's feet: PostgreSQL restarted, PostgreSQL away, a disk that is full."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from newsletter import migrations_runner
from newsletter.db import open_engine
from newsletter.delivery.models import CopyState
from tests import servers
from tests.torture import press as presses
from tests.torture.conftest import Tell
from tests.torture.press import Press, wait_for
from tests.torture.sink import Tally

READERS = 800
_SLOW = 0.03


class Postgres:
    """A server of the test's own, for only that may be restarted; it falls as at a power failure."""

    def __init__(self, package: Any, folder: str) -> None:
        self._package = package
        self._server = package.get_server(folder)
        self.url = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def restart(self) -> None:
        self._control("restart", "-m", "immediate", "-l", str(self._server.log))

    def close(self) -> None:
        self._server.cleanup()

    def _control(self, *command: str) -> None:
        where = {"bin_path": self._server.bin_path, "user": self._server.system_user}
        self._package.pgexec.pgexec("pg_ctl", [*command, "-w", "-D", str(self._server.pgdata)], **where)


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    package = servers.package()
    with TemporaryDirectory(prefix="newsletter-restarted-") as folder:
        server = Postgres(package, folder)
        yield server
        server.close()


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """In the place that the test is about."""
    if "disk" in request.fixturenames:
        url = f"sqlite:///{request.getfixturevalue('disk') / 'newsletter.db'}"
    else:
        url = request.getfixturevalue("postgres").url
    engine = open_engine(url)
    migrations_runner.upgrade(engine)
    engine.dispose()
    return url


def test_a_database_that_is_restarted_in_mid_issue_costs_nothing(
    press: Press, tally: Tally, tell: Tell, postgres: Postgres
) -> None:
    worker = _in_mid_issue(press, tally)
    postgres.restart()
    wait_for(press.all_settled, [worker])
    _require_complete(press, tally, tell, "PostgreSQL restarted")


def test_a_database_that_is_away_for_three_seconds_costs_nothing(
    press: Press, tally: Tally, tell: Tell, postgres: Postgres
) -> None:
    worker = _in_mid_issue(press, tally)
    postgres.stop()
    time.sleep(3)
    assert worker.process.poll() is None
    postgres.start()
    wait_for(press.all_settled, [worker])
    _require_complete(press, tally, tell, "PostgreSQL away for 3 s")


def test_a_full_disk_stops_the_issue_with_a_clear_line_until_there_is_room(
    press: Press, tally: Tally, tell: Tell, disk: Path
) -> None:
    worker = _in_mid_issue(press, tally)
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    wait_for(lambda: any(_tells_of_no_room(event) for event in worker.events), [worker])
    refused = press.begin("issues", "load", str(presses.ISSUES))
    _, error = refused.communicate(timeout=presses.PATIENCE)
    assert refused.returncode == 1
    assert "full" in error
    assert "Traceback" not in error
    ballast.unlink()
    wait_for(press.all_settled, [worker])
    _require_complete(press, tally, tell, "disk full")
    assert press.run("db", "check")


def _tells_of_no_room(event: presses.Event) -> bool:
    return "trying again" in event["event"] and "full" in event.get("error", "")


def _in_mid_issue(press: Press, tally: Tally) -> presses.Worker:
    presses.stock(press.sessions, press.folder, READERS)
    tally.delay = _SLOW
    press.send()
    worker = press.start()
    wait_for(lambda: len(tally.taken) > READERS / 8, [worker])
    return worker


def _require_complete(press: Press, tally: Tally, tell: Tell, row: str) -> None:
    """All of it once, and the worker that began it ended it."""
    lost = presses.addresses(READERS) - tally.recipients.keys()
    tell(row, copies=READERS, lost=len(lost), in_doubt=press.doubted().total(), twice=len(tally.twice))
    assert (lost, tally.twice) == (set(), [])
    assert press.states() == {CopyState.SENT: READERS}
    [worker] = press.workers
    worker.stop()
