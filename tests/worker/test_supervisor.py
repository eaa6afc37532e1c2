"""`newsletter worker --processes N`: what one worker loses the others do, and none outlives the supervisor."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import make_url

from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.models import Copy, CopyState
from tests.waiting import PATIENCE, wait_for

from .conftest import Sink, Start, addresses, is_finished

READERS = 300
CONNECTIONS = 10  # MAIL_CONNECTIONS, when nothing else is said


@pytest.mark.slow
def test_supervised_workers_send_each_copy_once_and_stop_together(
    sessions: Sessions, sink: Sink, start: Start, log: Path, print_issue
) -> None:
    supervisor = start("--processes", "2")
    wait_for(lambda: len(_started(log)) == 2)
    print_issue(READERS)
    wait_for(lambda: is_finished(sessions))
    assert Counter(sink.recipients) == Counter(addresses(READERS))
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(PATIENCE) == 0
    assert _stopped(log) == 2


def test_what_a_killed_worker_held_goes_out_at_once_and_another_takes_its_place(
    sessions: Sessions, sink: Sink, start: Start, log: Path, print_issue
) -> None:
    sink.delay = 0.02
    print_issue(READERS)
    start("--processes", "2")
    wait_for(lambda: len(_started(log)) == 2 and len(sink.recipients) > 20)
    os.kill(_started(log)[0], signal.SIGKILL)
    # Its leases would run out only later than we wait here.
    assert ledger.LEASE.total_seconds() > PATIENCE
    wait_for(lambda: is_finished(sessions))
    wait_for(lambda: len(_started(log)) == 3)
    assert set(sink.recipients) == set(addresses(READERS))
    assert len(sink.recipients) - READERS <= CONNECTIONS


@pytest.mark.slow
def test_no_worker_outlives_its_supervisor(
    sessions: Sessions, sink: Sink, start: Start, log: Path, print_issue
) -> None:
    sink.delay = 0.4
    supervisor = start("--processes", "2")
    # One that has hardly begun ends without a word.
    wait_for(lambda: len(_events(log, "worker started")) == 2)
    print_issue(READERS)
    wait_for(lambda: sink.recipients)
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: _stopped(log) == 2)
    with sessions.reading() as session:
        left = Counter(session.scalars(select(Copy.state)))
    assert set(left) == {CopyState.SENT, CopyState.PENDING}
    assert left[CopyState.SENT] == len(sink.recipients)


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_supervisor_outlives_a_database_that_only_reads_for_a_while(
    database_url: str, postgres_server: str, start: Start, log: Path
) -> None:
    supervisor = start("--processes", "2")
    wait_for(lambda: len(_events(log, "worker started")) == 2)
    _only_reads(postgres_server, database_url, "on")
    os.kill(_started(log)[0], signal.SIGKILL)
    wait_for(lambda: any("job" not in event for event in _events(log, "the database did not answer; trying again")))
    wait_for(lambda: any("job" in event for event in _events(log, "the database did not answer; trying again")))
    assert supervisor.poll() is None
    _only_reads(postgres_server, database_url, "off")
    wait_for(lambda: _events(log, "took over from a worker that is gone") != [])
    assert _events(log, "job failed") == []


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_supervisor_without_a_mail_server_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "newsletter", "worker", "--processes", "2"]
    nowhere = environment | {"MAIL_SERVER": ""}
    done = subprocess.run(
        command, env=nowhere, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("MAIL_SERVER is not set")


def _only_reads(server: str, url: str, on_or_off: str) -> None:
    """Let the database refuse every write, as a standby does, or take them again."""
    name = make_url(url).database
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = {on_or_off}"))
        # Whoever is connected goes by what was so when they came.
        them = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(them, {"name": name})
    engine.dispose()


def _started(log: Path) -> list[int]:
    """The process ids of the workers, in the order of their beginning."""
    return [line["pid"] for line in _events(log, "worker process started")]


def _stopped(log: Path) -> int:
    """How many workers came to their end in good order."""
    return len(_events(log, "worker stopped"))


def _events(log: Path, name: str) -> list[dict[str, Any]]:
    # The last line may be half written.
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
    return [line for line in lines if line["event"] == name]
