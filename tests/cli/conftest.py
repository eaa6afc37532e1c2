"""The command line as people use it.

`press` calls the command in this process, for a new one takes a second to begin; `process` is the real one. What has to
be a process (servers, and whatever reads `/dev/stdin`) is one with either.
"""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import structlog
from click.testing import CliRunner

from newsletter.cli import main
from newsletter.db import Sessions, open_engine
from newsletter.links import Links
from newsletter.tokens import TokenSeal
from tests import sample_services

ROOT = Path(__file__).parents[2]
CORRECTED = "unwind-a-tight-back"
SERVERS = {"up", "serve", "worker", "inbox"}
PATIENCE = 240
"""Seconds that a command may take on a machine that is busy with other things."""


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


Press = Callable[..., Answer]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Only what the system needs and a folder of the test's own: no setting leaks in."""
    return _clean(tmp_path / "var")


@pytest.fixture
def press(environment: dict[str, str], tmp_path: Path) -> Press:
    """Run `newsletter …` in an empty folder, in this process."""

    def run(*arguments: str, stdin: str = "", **settings: str) -> Answer:
        needs_one = "/dev/stdin" in arguments or (arguments and arguments[0] in SERVERS)
        act = in_a_process if needs_one else in_this_process
        return act(arguments, tmp_path, environment | settings, stdin)

    return run


@pytest.fixture
def process(environment: dict[str, str], tmp_path: Path) -> Press:
    """The same, in a process of its own."""

    def run(*arguments: str, stdin: str = "", **settings: str) -> Answer:
        return in_a_process(arguments, tmp_path, environment | settings, stdin)

    return run


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR with the shipped issues, made once by the command itself."""
    folder = tmp_path_factory.mktemp("store")
    for command in (["db", "upgrade"], ["issues", "load", str(ROOT / "issues")]):
        assert in_this_process(command, folder, _clean(folder)).code == 0
    return folder


@pytest.fixture
def corrected(loaded: Press, environment: dict[str, str], tmp_path: Path) -> Press:
    """An issue that two readers got, and the letter about its first correction on its way to them."""
    (tmp_path / "readers.csv").write_text("email,name\nada@reader.example,Ada\nben@reader.example,Ben\n")
    consent = ("--status", "active", "--consent", "the old list")
    for command in (("subscribers", "import", "readers.csv", *consent), ("issues", "send", CORRECTED, "--now")):
        assert loaded(*command).code == 0
    engine = open_engine(f"sqlite:///{environment['DATA_DIR']}/newsletter.db")
    links = Links(sample_services.BASE_URL, TokenSeal(b"a secret for tests"))
    sample_services.correct(Sessions(engine), links, CORRECTED, datetime.now(UTC))
    engine.dispose()
    return loaded


@pytest.fixture
def loaded(press: Press, store: Path, environment: dict[str, str]) -> Press:
    """The same, with the shipped issues in the store."""
    shutil.copytree(store, environment["DATA_DIR"])
    return press


def in_a_process(arguments: Sequence[str], folder: Path, environment: dict[str, str], stdin: str = "") -> Answer:
    """`newsletter …` in that folder, with nothing in the environment but this."""
    command = [sys.executable, "-m", "newsletter", *arguments]
    done = subprocess.run(
        command, check=False, input=stdin, env=environment, cwd=folder, capture_output=True, text=True, timeout=PATIENCE
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def in_this_process(arguments: Sequence[str], folder: Path, environment: dict[str, str], stdin: str = "") -> Answer:
    """The same, and nothing of it is left in this process."""
    with (
        _logs_restored(),
        _umask_restored(),
        pytest.MonkeyPatch.context() as patch,
        # As wide as where there is no terminal.
        mock.patch.dict(os.environ, {"COLUMNS": "80"} | environment, clear=True),
        CliRunner().isolation(stdin) as (out, err, _),
    ):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["newsletter", *arguments])
        code = _code_of(main)
        sys.stdout.flush()
    return Answer(code, out.getvalue().decode(), err.getvalue().decode())


def _clean(data: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    # Without SpamAssassin, which takes seconds for each check and has tests of its own.
    kept["PATH"] = str(Path(sys.executable).parent)
    return kept | {"DATA_DIR": str(data), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


def _code_of(command: Callable[[], None]) -> int:
    try:
        command()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@contextmanager
def _logs_restored() -> Iterator[None]:
    """A command sets up its process's logs, which are ours here."""
    root, known = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    with mock.patch.object(structlog, "configure", _configure):
        yield
    structlog.configure(**known)
    root.handlers[:] = handlers
    root.setLevel(level)


@contextmanager
def _umask_restored() -> Iterator[None]:
    """A command keeps its files to its user, whatever others may do."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def _configure(**settings: Any) -> None:
    # A logger that kept what it was first used with would write into this output for ever.
    _structlog_configure(**settings | {"cache_logger_on_first_use": False})


_structlog_configure = structlog.configure
