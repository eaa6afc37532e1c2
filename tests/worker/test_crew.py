"""`newsletter worker --processes N`: what one of the crew loses the others do, and nobody outlives the supervisor."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import select

from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.models import Copy, CopyState

from .conftest import PATIENCE, Sink, Start, addresses, is_finished, wait_for

READERS = 300
CONNECTIONS = 10  # MAIL_CONNECTIONS, when nothing else is said


def test_a_crew_sends_each_copy_once_and_stops_as_one(
    sessions: Sessions, sink: Sink, start: Start, log: Path, print_issue
) -> None:
    supervisor = start("--processes", "3")
    wait_for(lambda: len(_started(log)) == 3)
    print_issue(READERS)
    wait_for(lambda: is_finished(sessions))
    assert Counter(sink.recipients) == Counter(addresses(READERS))
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(15) == 0
    assert _stopped(log) == 3


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


def test_no_worker_outlives_its_supervisor(
    sessions: Sessions, sink: Sink, start: Start, log: Path, print_issue
) -> None:
    sink.delay = 0.02
    print_issue(READERS)
    supervisor = start("--processes", "2")
    # One that has hardly begun ends without a word.
    wait_for(lambda: log.read_text().count('"worker started"') == 2 and len(sink.recipients) > 20)
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: _stopped(log) == 2)
    with sessions.reading() as session:
        left = Counter(session.scalars(select(Copy.state)))
    assert set(left) == {CopyState.SENT, CopyState.PENDING}
    assert left[CopyState.SENT] == len(sink.recipients)


def test_a_crew_without_a_mail_server_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "newsletter", "worker", "--processes", "2"]
    nowhere = environment | {"MAIL_SERVER": ""}
    done = subprocess.run(command, env=nowhere, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("MAIL_SERVER is not set")


def _started(log: Path) -> list[int]:
    """The process ids of the workers, in the order of their beginning."""
    return [line["pid"] for line in _events(log, "worker process started")]


def _stopped(log: Path) -> int:
    """How many workers came to their end in good order."""
    return len(_events(log, "worker stopped"))


def _events(log: Path, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]
