"""The clock and the sender as they are run: real processes, a real SMTP server, both databases."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter import publication_file, publishing
from newsletter.audience import roster
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.config import Settings
from newsletter.db import Sessions
from newsletter.delivery import heartbeat
from newsletter.delivery.models import Copy, CopyState, LetterState
from newsletter.editorial import filing, shelf
from newsletter.editorial.pictures import PictureFolder
from newsletter.inbox import smtp
from newsletter.inbox.store import Store
from newsletter.links import Links
from newsletter.tokens import Seal
from newsletter.wiring import open_house
from newsletter.worker import Worker

ROOT = Path(__file__).parents[1]
SLUG = "unwind-a-tight-back"
READERS = 150
PATIENCE = 60

Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def mailbox(tmp_path: Path) -> Store:
    return Store(tmp_path / "inbox", keep=10_000)


@pytest.fixture
def mail_port(mailbox: Store) -> Iterator[int]:
    server = smtp.start("127.0.0.1", 0, mailbox)
    yield server.port
    server.stop()


@pytest.fixture
def environment(database_url: str, mail_port: int, tmp_path: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    mine = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path / "var"), "SECRET_KEY": "a secret for tests"}
    return kept | mine | {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(mail_port), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start a worker; all of them are gone after the test."""
    workers: list[subprocess.Popen[bytes]] = []

    def run() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "newsletter", "worker"]
        workers.append(subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=log))
        return workers[-1]

    with (tmp_path / "workers.log").open("wb") as log:
        yield run
        for worker in workers:
            worker.kill()
            worker.wait()


@pytest.fixture
def due(sessions: Sessions, tmp_path: Path) -> int:
    """An issue whose hour has just come, and its readers; the letter's id."""
    now = datetime.now(UTC)
    pictures = PictureFolder(tmp_path / "pictures")
    with sessions.begin() as session:
        home, _ = publication_file.load(session, ROOT / "issues" / "publication.toml", now)
        path = ROOT / "issues" / "2026-11-24-unwind-a-tight-back.md"
        for text in filing.read(path, lambda name, content: pictures.keep(session, name, content, now).file_name):
            shelf.save(session, home, text, shelf.BY_FILE, now)
        _add_readers(session, home.id, now)
        links = Links("https://letters.example.org", Seal(b"a secret for tests"))
        at = now + timedelta(seconds=1)
        publishing.mark_ready(shelf.find(session, SLUG), links)
        return publishing.schedule(session, links, shelf.find(session, SLUG), at, now).id


@pytest.mark.usefixtures("due")
def test_two_workers_start_an_issue_once_and_send_each_copy_once(
    sessions: Sessions, mailbox: Store, start: Start
) -> None:
    workers = [start(), start()]
    _wait_for(lambda: _finished(sessions))
    assert Counter(_recipients(mailbox)) == Counter(f"reader{number}@reader.example" for number in range(READERS))
    with sessions.reading() as session:
        assert session.execute(select(Copy.state, func.count()).group_by(Copy.state)).all() == [
            (CopyState.SENT, READERS)
        ]
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(20) for worker in workers] == [0, 0]


@pytest.mark.usefixtures("due")
def test_a_worker_that_is_stopped_in_mid_issue_leaves_nothing_in_doubt(
    sessions: Sessions, mailbox: Store, start: Start
) -> None:
    first = start()
    _wait_for(lambda: len(_recipients(mailbox)) > 10)
    first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0
    with sessions.reading() as session:
        left = set(session.scalars(select(Copy.state).distinct()))
    assert left <= {CopyState.SENT, CopyState.PENDING}
    start()
    _wait_for(lambda: _finished(sessions))
    assert Counter(_recipients(mailbox)) == Counter(f"reader{number}@reader.example" for number in range(READERS))


def test_the_workers_sign_of_life_is_seen_while_it_runs(sessions: Sessions, start: Start) -> None:
    now = datetime.now(UTC)
    with sessions.reading() as session:
        assert not heartbeat.alive(session, now)
    start()
    _wait_for(lambda: _alive(sessions))


@pytest.mark.usefixtures("due")
def test_each_job_does_its_part_when_called_by_hand(
    sessions: Sessions, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    house = open_house(Settings())
    worker = Worker(house)
    time.sleep(1)
    for job in worker.jobs():
        job.run()
    worker.finish_letters()
    house.close()
    assert _finished(sessions)


def _add_readers(session: Session, publication_id: int, now: datetime) -> None:
    for number in range(READERS):
        email = f"reader{number}@reader.example"
        person = Subscriber(email=email, key=email, name=f"Reader {number}", created_at=now)
        tie = Subscription(publication_id=publication_id, status=Status.ACTIVE, created_at=now)
        person.subscriptions.append(tie)
        session.add(person)
    session.flush()
    assert roster.audience_size(session, publication_id) == READERS


def _recipients(mailbox: Store) -> list[str]:
    return [address for mail in mailbox.newest(limit=10_000) for address in mail.envelope.recipients]


def _finished(sessions: Sessions) -> bool:
    with sessions.reading() as session:
        letter = shelf.find(session, SLUG).letter
        return letter is not None and letter.state is LetterState.FINISHED


def _alive(sessions: Sessions) -> bool:
    with sessions.reading() as session:
        return heartbeat.alive(session, datetime.now(UTC))


def _wait_for(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not seen():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)
