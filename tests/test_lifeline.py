"""Child processes on a lifeline: real processes, real signals, and none left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATIENCE = 240
EACH = 10_000

WAITING = """
import sys
from newsletter.system import lifeline
asked = lifeline.watch_stop_signals()
print("ready", flush=True)
sys.stdin.read()
print(sorted(set(asked)), flush=True)
"""
PART = """
import signal, time
from newsletter.system import lifeline
lifeline.stop_with_holder()
print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])), flush=True)
while True:
    time.sleep(1)
"""
HOLDER = """
import time
from newsletter.system.lifeline import Lifeline
held = Lifeline()
held.start("child")
while True:
    time.sleep(1)
"""


@contextmanager
def as_from_a_terminal() -> Iterator[None]:
    """What is started here hears SIGHUP, though the tests themselves may run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextmanager
def run(program: str, folder: Path, *before: str) -> Iterator[subprocess.Popen[str]]:
    places = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(folder)))}
    ends = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with as_from_a_terminal():
        started = subprocess.Popen([*before, sys.executable, "-c", program], env=os.environ | places, **ends)
    with started as process:
        try:
            yield process
        finally:
            process.kill()


def test_however_many_signals_come_at_once_all_kinds_are_noted(tmp_path: Path) -> None:
    kinds = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    with run(WAITING, tmp_path) as process:
        assert process.stdout.readline() == "ready\n"
        for number in range(EACH * len(kinds)):
            process.send_signal(kinds[number % len(kinds)])
        noted, _ = process.communicate(timeout=PATIENCE)
    assert noted == f"{sorted(map(int, kinds))}\n"


def test_under_nohup_the_end_of_the_terminal_is_no_reason_to_stop(tmp_path: Path) -> None:
    with run(WAITING, tmp_path, "nohup") as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        noted, _ = process.communicate(timeout=PATIENCE)
    assert noted == "[]\n"


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_part_ends_with_its_holder_though_that_is_killed_and_whether_it_will_or_not(
    tmp_path: Path, stubborn: bool
) -> None:
    deaf = "lifeline._LONGEST_STOP = 0.5\nsignal.signal(signal.SIGTERM, lambda *_: None)\nlifeline.stop_with_holder()"
    (tmp_path / "child.py").write_text(PART.replace("lifeline.stop_with_holder()", deaf) if stubborn else PART)
    with run(HOLDER, tmp_path) as holder:
        assert "SIGINT" in (mask := holder.stdout.readline())
        assert "SIGHUP" in mask
        holder.kill()
        # The part shares the output, which ends with the last of the two.
        assert holder.communicate(timeout=PATIENCE)[0] == ""
