"""Workers as they are run: real processes, a real SMTP server, an issue whose hour has come.

What a process does is shown on SQLite, and on PostgreSQL in the slow tier; where workers meet in the database, on both.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as Talk
from sqlalchemy import insert

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Session, Sessions
from newsletter.delivery.models import LetterState
from newsletter.editorial.images.pictures import FolderPictureStore
from newsletter.editorial.issues import import_export, issue_store
from newsletter.links import Links
from newsletter.publications import toml_file
from newsletter.tokens import TokenSeal
from newsletter.workflows import issue_readiness, publish
from newsletter.workflows.build_letter import LetterSettings
from tests.delivery.peers import Peer
from tests.originals import Fill, Originals

ROOT = Path(__file__).parents[2]
SECRET = "a secret for tests"
SLUG = "unwind-a-tight-back"

Start = Callable[..., subprocess.Popen[bytes]]


class Sink:
    """A mail server that takes everything, keeps the recipients in the order of their coming, and takes its time."""

    def __init__(self) -> None:
        self.recipients: list[str] = []
        self.delay = 0.0
        """Seconds that it thinks about each message."""

    async def handle_DATA(self, _server: SMTP, _talk: Talk, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.delay)
        self.recipients.append(envelope.rcpt_tos[0])
        return "250 2.0.0 Taken"


BOTH_DATABASES = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, originals: Originals, filled: Fill, tmp_path: Path) -> Iterator[str]:
    with originals.copy(request.param, filled, tmp_path) as url:
        yield url


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def mail_port(sink: Sink) -> Iterator[int]:
    peer = Peer(lambda: SMTP(sink, loop=asyncio.get_running_loop(), hostname="localhost"))
    yield peer.port
    peer.stop()


@pytest.fixture
def environment(database_url: str, mail_port: int, tmp_path: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    mine = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path / "var"), "SECRET_KEY": SECRET, "LOG_FORMAT": "json"}
    return kept | mine | {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(mail_port), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What the workers log, a JSON object a line."""
    return tmp_path / "workers.log"


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path, log: Path) -> Iterator[Start]:
    """Start `newsletter worker`; all that were started are gone after the test."""
    workers: list[subprocess.Popen[bytes]] = []

    def run(*options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "newsletter", "worker", *options]
        workers.append(subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=out, stderr=out))
        return workers[-1]

    with log.open("wb") as out:
        yield run
        for worker in workers:
            worker.kill()
            worker.wait()


@pytest.fixture
def print_issue(sessions: Sessions, tmp_path: Path) -> Callable[..., None]:
    """Have an issue go to so many readers, now or in so many seconds."""

    def act(readers: int, within: float = 0) -> None:
        now = datetime.now(UTC)
        pictures = FolderPictureStore(tmp_path / "pictures")
        with sessions.begin() as session:
            home, _ = toml_file.load(session, ROOT / "issues" / "publication.toml", now)
            path = ROOT / "issues" / "2026-11-24-unwind-a-tight-back.md"
            for text in import_export.read_folder(
                path, lambda name, content: pictures.import_file(session, name, content, now)
            ):
                issue_store.save(session, home, text, issue_store.BY_FILE, now)
            _add_readers(session, home.id, readers, now)
            links = Links("https://letters.example.org", TokenSeal(SECRET.encode()))
            issue_readiness.mark_ready(session, issue_store.find(session, SLUG), links)
            if within:
                publish.schedule(
                    session,
                    LetterSettings(links),
                    issue_store.find(session, SLUG),
                    now + timedelta(seconds=within),
                    now,
                )
            else:
                publish.send_now(session, LetterSettings(links), issue_store.find(session, SLUG), now)

    return act


def addresses(readers: int) -> list[str]:
    """Where the issue goes."""
    return [f"reader{number}@reader.example" for number in range(readers)]


def is_finished(sessions: Sessions) -> bool:
    with sessions.reading() as session:
        letter = issue_store.find(session, SLUG).letter
        return letter is not None and letter.state is LetterState.FINISHED


def _add_readers(session: Session, publication_id: int, readers: int, now: datetime) -> None:
    people = [{"email": email, "key": email, "name": "", "created_at": now} for email in addresses(readers)]
    ids = session.scalars(insert(Subscriber).returning(Subscriber.id), people).all()
    ties = {"publication_id": publication_id, "status": Status.ACTIVE, "created_at": now}
    session.execute(insert(Subscription), [ties | {"subscriber_id": person} for person in ids])
