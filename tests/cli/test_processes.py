"""The command as a process: what cannot be seen when it is called in ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, Press


@pytest.mark.slow
def test_the_whole_way_of_a_list_through_real_processes(process: Press) -> None:
    assert process("db", "check").code == 1
    assert process("db", "upgrade").code == 0
    assert process("issues", "load", str(ROOT / "issues")).code == 0
    assert len(json.loads(process("issues", "list", "--json").out)) == 5
    added = process(
        "subscribers", "import", "/dev/stdin", "--status", "active", "--consent", "a", stdin="email\na@b.example\n"
    )
    assert (added.code, added.out[:7], added.err) == (0, "1 added", "")
    exported = process("subscribers", "export")
    assert (exported.code, "a@b.example" in exported.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "err"),
    [
        (["--version"], 0, ""),
        (["issues", "list"], 1, "the database is empty; run `newsletter db upgrade`\n"),
        (["subscribers", "import", "nowhere.csv"], 2, "nowhere.csv"),
    ],
)
def test_exit_codes_and_streams_are_those_of_the_process(
    process: Press, arguments: list[str], code: int, err: str
) -> None:
    answer = process(*arguments)
    assert (answer.code, err in answer.err, "Traceback" in answer.err) == (code, True, False)


def test_arguments_that_are_no_text_are_refused(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "newsletter", "issues", "show", b"\xff"]
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "the arguments must be UTF-8 text\n")


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("command", "closed"),
    [
        ("issues list --json", "2>&-"),
        pytest.param("bounce --dry-run", "<&- 2>&-", marks=pytest.mark.slow),
    ],
)
def test_a_standard_stream_that_is_closed_and_not_needed_is_no_fault(
    environment: dict[str, str], tmp_path: Path, command: str, closed: str
) -> None:
    assert in_a_shell(f"{command} {closed}", tmp_path, environment).returncode == 0


CLOSED = "standard output: it is closed, and nothing was written to it\n"
FULL = "standard output: No space left on device\n"


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("--version >&-", CLOSED),
        pytest.param("subscribers export >&-", CLOSED, marks=pytest.mark.slow),
        pytest.param("issues list --json >&-", CLOSED, marks=pytest.mark.slow),
        pytest.param("bounce --dry-run <&- >&-", CLOSED, marks=pytest.mark.slow),
        pytest.param("subscribers export >/dev/full", FULL, marks=pytest.mark.slow),
        pytest.param("issues list --json >/dev/full", FULL, marks=pytest.mark.slow),
    ],
)
def test_output_that_cannot_be_written_is_said_to_be_lost(
    environment: dict[str, str], tmp_path: Path, command: str, said: str
) -> None:
    done = in_a_shell(command, tmp_path, environment)
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("to", [">&-", ">/dev/full"])
def test_a_mail_in_the_pipe_is_not_tried_again_because_nobody_could_be_told_of_it(
    environment: dict[str, str], tmp_path: Path, to: str
) -> None:
    done = in_a_shell(f"bounce </dev/null {to}", tmp_path, environment | {"LOG_LEVEL": "error"})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_what_is_written_for_programs_is_utf_8_in_any_locale(environment: dict[str, str], tmp_path: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "newsletter", "issues", "show", "under-the-hands"]
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment | ascii_only, capture_output=True)
    assert "therapist’s" in done.stdout.decode()


def test_a_reader_of_the_output_who_leaves_early_is_no_error(environment: dict[str, str], tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "newsletter", "--help"]
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def in_a_shell(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`newsletter …`, with its streams as the shell opens and closes them."""
    script = f'exec "$0" -m newsletter {command}'
    asked = ["/bin/sh", "-c", script, sys.executable]
    return subprocess.run(asked, check=False, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
