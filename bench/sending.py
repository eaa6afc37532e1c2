"""The press run on SQLite, ledger complete, beside Postfix's own C generator on the same sink."""

import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert

from bench.rows import RUNS, Row
from newsletter import migrating, publication_file, publishing
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.config import MailServer
from newsletter.db import Sessions, open_engine
from newsletter.delivery.sender import PressRun
from newsletter.editorial import filing, shelf
from newsletter.editorial.models import Readiness
from newsletter.editorial.pictures import PictureFolder
from newsletter.links import Links
from newsletter.ports import free_port
from newsletter.tokens import Seal

ISSUES = Path(__file__).parents[1] / "issues"
COPIES = 20_000
CONNECTIONS = 20
NEEDS = ("smtp-sink", "smtp-source")


def measure() -> Row:
    """Copies a second, and the ratio to smtp-source; smtp-sink and smtp-source come with Debian's postfix."""
    missing = [name for name in NEEDS if not _path(name)]
    if missing:
        return Row("press run, SQLite", f"not measured: {missing[0]} is missing (Debian: postfix)", "–", None, "")
    ours, theirs = zip(*(_pair() for _ in range(RUNS)), strict=True)
    rate, reference = statistics.median(ours), statistics.median(theirs)
    return Row(
        f"press run of {COPIES:,} copies, SQLite, {CONNECTIONS} connections",
        f"{rate:,.0f}/s",
        f"smtp-source -d: {reference:,.0f}/s",
        rate / reference,
        "≥ 0.9",
    )


def _pair() -> tuple[float, float]:
    with _sink() as port:
        return COPIES / _press_run(port), COPIES / _source(port)


def _source(port: int) -> float:
    command = [_path("smtp-source"), "-d", "-s", str(CONNECTIONS), "-m", str(COPIES), "-l", "39000"]
    return _seconds(lambda: subprocess.run([*command, f"127.0.0.1:{port}"], check=True))


def _press_run(port: int) -> float:
    with TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/bench.db")
        migrating.upgrade(engine)
        sessions, links = Sessions(engine), Links("https://letters.example.org", Seal(b"a secret for benchmarks"))
        _fan_out(sessions, links, Path(folder))
        server = MailServer("127.0.0.1", port)
        press = PressRun(sessions, server, links, worker="bench", connections=CONNECTIONS)
        seconds = _seconds(press.run_once)
        engine.dispose()
    return seconds


def _fan_out(sessions: Sessions, links: Links, folder: Path) -> None:
    now, pictures = datetime.now(UTC), PictureFolder(folder / "pictures")
    with sessions.begin() as session:
        home, _ = publication_file.load(session, ISSUES / "publication.toml", now)
        path = ISSUES / "2026-11-24-unwind-a-tight-back.md"
        (text,) = filing.read(path, lambda name, content: pictures.keep(session, name, content, now).file_name)
        shelf.save(session, home, text, shelf.BY_FILE, now)
        shelf.mark(shelf.find(session, text.file.slug), Readiness.READY)
        people = [_person(number, now) for number in range(1, COPIES + 1)]
        session.execute(insert(Subscriber), people)
        session.execute(insert(Subscription), [_tie(person["id"], home.id, now) for person in people])
        publishing.send_now(session, links, shelf.find(session, text.file.slug), now)


def _person(number: int, now: datetime) -> dict[str, object]:
    email = f"reader{number}@reader.example"
    return {"id": number, "email": email, "key": email, "name": f"Reader {number}", "created_at": now}


def _tie(subscriber_id: object, publication_id: int, now: datetime) -> dict[str, object]:
    known = {"subscriber_id": subscriber_id, "publication_id": publication_id}
    return known | {"status": Status.ACTIVE, "created_at": now}


@contextmanager
def _sink() -> Iterator[int]:
    port = free_port()
    command = [_path("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "1000"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait_until_open(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_until_open(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("smtp-sink did not start")


def _path(name: str) -> str:
    return shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin") or ""


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
