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
        pytest.param("subscribers export", ">&-", marks=pytest.mark.slow),
        pytest.param("bounce --dry-run", "<&- >&- 2>&-", marks=pytest.mark.slow),
    ],
)
def test_a_standard_stream_that_is_closed_is_no_fault(
    environment: dict[str, str], tmp_path: Path, command: str, closed: str
) -> None:
    script = f'exec "$0" -m newsletter {command} {closed}'
    done = subprocess.run(["/bin/sh", "-c", script, sys.executable], check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0


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
    assert b"Traceback" not in done.stderr
