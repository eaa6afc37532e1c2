"""The command line as people use it: the real command, in a process of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.db import Sessions, open_engine
from newsletter.links import Links
from newsletter.tokens import Seal
from tests import houses

ROOT = Path(__file__).parents[2]
CORRECTED = "unwind-a-tight-back"


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
    """Run `newsletter …` in an empty folder."""

    def run(*arguments: str, stdin: str = "", **settings: str) -> Answer:
        done = newsletter(arguments, tmp_path, environment | settings, stdin)
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR with the shipped issues, made once by the command itself."""
    folder = tmp_path_factory.mktemp("store")
    for command in (["db", "upgrade"], ["issues", "load", str(ROOT / "issues")]):
        newsletter(command, folder, _clean(folder)).check_returncode()
    return folder


@pytest.fixture
def corrected(loaded: Press, environment: dict[str, str], tmp_path: Path) -> Press:
    """An issue that two readers got, and the letter about its first correction on its way to them."""
    (tmp_path / "readers.csv").write_text("email,name\nada@reader.example,Ada\nben@reader.example,Ben\n")
    consent = ("--status", "active", "--consent", "the old list")
    for command in (("subscribers", "import", "readers.csv", *consent), ("issues", "send", CORRECTED, "--now")):
        assert loaded(*command).code == 0
    engine = open_engine(f"sqlite:///{environment['DATA_DIR']}/newsletter.db")
    links = Links(houses.BASE_URL, Seal(b"a secret for tests"))
    houses.correct(Sessions(engine), links, CORRECTED, datetime.now(UTC))
    engine.dispose()
    return loaded


@pytest.fixture
def loaded(press: Press, store: Path, environment: dict[str, str]) -> Press:
    """The same, with the shipped issues in the store."""
    shutil.copytree(store, environment["DATA_DIR"])
    return press


def newsletter(
    arguments: Sequence[str], folder: Path, environment: dict[str, str], stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """`newsletter …` in that folder, with nothing in the environment but this."""
    command = [sys.executable, "-m", "newsletter", *arguments]
    return subprocess.run(
        command, check=False, input=stdin, env=environment, cwd=folder, capture_output=True, text=True, timeout=120
    )


def _clean(data: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"DATA_DIR": str(data), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
