"""The press as it is installed: worker processes, the command line, a database; and what the ledger says of them."""

import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Sessions
from newsletter.delivery.ledger import LEASE
from newsletter.delivery.models import Copy, CopyState
from newsletter.editorial.images.pictures import FolderPictureStore
from newsletter.editorial.issues import import_export, issue_store
from newsletter.editorial.models import Readiness
from newsletter.links import Links
from newsletter.publications import toml_file
from newsletter.tokens import TokenSeal
from newsletter.workflows import publish
from newsletter.workflows.build_letter import LetterSettings
from tests.torture.sink import Tally

ROOT = Path(__file__).parents[2]
ISSUES = ROOT / "issues"
SLUG = "unwind-a-tight-back"
CONNECTIONS = 10
PATIENCE = 240.0
"""Seconds that a test waits at most for something that should take a few."""

SLOW = 0.03
"""Seconds. If answers take so long, most connections wait for one at any instant: as much doubt as there can be."""

LATER = LEASE.total_seconds() + 30
"""Seconds. If a worker's clock is so much ahead of the last one's, the leases of that one have run out."""

Event = dict[str, Any]


@dataclass
class Worker:
    """A worker process, and what it logs."""

    process: subprocess.Popen[bytes]
    log: Path
    clock: Path

    @property
    def events(self) -> list[Event]:
        """What it has logged so far."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    @property
    def doubted(self) -> list[int]:
        """The copies that it said are in doubt."""
        return [event["copy"] for event in self.events if event["event"].startswith("copy in doubt")]

    def set_clock(self, ahead: float) -> None:
        """Let its clock be so many seconds ahead, from now on."""
        draft = self.clock.with_suffix(".new")
        draft.write_text(str(ahead))
        draft.rename(self.clock)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """TERM; it must say that it is well, which it does only if it stopped within ten seconds."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.log.read_text()


@dataclass
class Press:
    """One installation in a folder of its own."""

    sessions: Sessions
    folder: Path
    environment: dict[str, str]
    workers: list[Worker] = field(default_factory=list)

    def start(self, ahead: float = 0.0, through: Sequence[str] = (), **settings: str) -> Worker:
        """`newsletter worker`, its clock so many seconds ahead; started by another script, if need be."""
        name = f"worker-{len(self.workers)}"
        clock, log = self.folder / f"{name}.clock", self.folder / f"{name}.log"
        clock.write_text(str(ahead))
        shifted = [str(ROOT / "tests" / "torture" / "shifted.py"), str(clock)]
        command = [sys.executable, *through, *shifted, "worker"]
        with log.open("wb") as stderr:
            environment = self.environment | settings
            process = subprocess.Popen(command, env=environment, cwd=self.folder, stderr=stderr)
        self.workers.append(Worker(process, log, clock))
        return self.workers[-1]

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """`newsletter …`, without waiting for its end."""
        command = [sys.executable, "-m", "newsletter", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=self.environment, cwd=self.folder, **pipes)

    def run(self, *arguments: str) -> str:
        """`newsletter …`; what it printed."""
        process = self.begin(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        return out

    def send(self) -> None:
        """What `newsletter issues send` does, without a process for it."""
        links = Links("https://letters.example.org", TokenSeal(self.environment["SECRET_KEY"].encode()))
        with self.sessions.begin() as session:
            publish.send_now(session, LetterSettings(links), issue_store.find(session, SLUG), datetime.now(UTC))

    def status(self) -> dict[str, Any]:
        """`newsletter issues status --json`."""
        answer: dict[str, Any] = json.loads(self.run("issues", "status", SLUG, "--json"))
        return answer

    def doubted(self) -> Counter[int]:
        """How often each copy was said to be in doubt, by all workers together."""
        return Counter(copy for worker in self.workers for copy in worker.doubted)

    def states(self) -> Counter[CopyState]:
        with self.sessions.reading() as session:
            return Counter(dict(session.execute(select(Copy.state, func.count()).group_by(Copy.state)).all()))

    def copies(self) -> dict[str, Copy]:
        """The ledger's rows, by address."""
        with self.sessions.reading() as session:
            return {copy.address: copy for copy in session.scalars(select(Copy))}

    def begun(self) -> Counter[str]:
        """How many copies each worker has begun without an answer on record: in doubt, should it be dead."""
        begun = select(Copy.worker).where(Copy.state == CopyState.SENDING, Copy.begun_at.is_not(None))
        with self.sessions.reading() as session:
            return Counter(session.scalars(begun))

    def all_settled(self) -> bool:
        """Whether no copy is pending or being sent any more."""
        return not {CopyState.PENDING, CopyState.SENDING} & self.states().keys()

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()


def stock(sessions: Sessions, folder: Path, readers: int) -> None:
    """A publication, an issue that is ready, and so many readers."""
    now, pictures = datetime.now(UTC), FolderPictureStore(folder / "pictures")
    with sessions.begin() as session:
        home, _ = toml_file.load(session, ISSUES / "publication.toml", now)
        path = ISSUES / f"2026-11-24-{SLUG}.md"
        for text in import_export.read_folder(
            path, lambda name, content: pictures.import_file(session, name, content, now)
        ):
            issue_store.save(session, home, text, issue_store.BY_FILE, now)
        issue_store.set_readiness(issue_store.find(session, SLUG), Readiness.READY)
        session.execute(insert(Subscriber), [_person(number, now) for number in range(1, readers + 1)])
        tie = {"publication_id": home.id, "status": Status.ACTIVE, "created_at": now}
        session.execute(insert(Subscription), [tie | {"subscriber_id": number} for number in range(1, readers + 1)])


def addresses(readers: int) -> set[str]:
    """Those of the readers."""
    return {f"reader{number}@reader.example" for number in range(1, readers + 1)}


@contextlib.contextmanager
def opened(sessions: Sessions, folder: Path, environment: dict[str, str]) -> Iterator[Press]:
    """A press, all of whose processes are gone afterwards."""
    press = Press(sessions, folder, environment)
    try:
        yield press
    finally:
        press.close()


def wait_for(seen: Callable[[], bool], workers: Iterable[Worker] = (), patience: float = PATIENCE) -> None:
    """Wait until that is so; what these workers logged is told if it never is."""
    deadline = time.monotonic() + patience
    while not seen():
        failed = any((worker.process.poll() or 0) > 0 for worker in workers)
        if failed or time.monotonic() > deadline:
            logs = "\n".join(worker.log.read_text()[-3000:] for worker in workers)
            raise AssertionError(f"{'a worker failed' if failed else 'waited too long'}\n{logs}")
        time.sleep(0.01)


def in_mid_issue(tally: Tally, worker: Worker, chance: random.Random) -> None:
    """Let the worker come so far that it sends, and then a random while further."""
    before = len(tally.taken)
    wait_for(lambda: len(tally.taken) > before, [worker])
    time.sleep(chance.uniform(0, 0.4))


def _person(number: int, now: datetime) -> dict[str, object]:
    email = f"reader{number}@reader.example"
    return {"id": number, "email": email, "key": email, "name": f"Reader {number}", "created_at": now}
