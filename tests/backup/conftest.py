"""A press with something in each of its tables, a backup of it, and empty places on either database."""

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Column, Enum, Table, insert, select

from newsletter import migrations_runner, publications
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.backup import archive, tables, take
from newsletter.config import Settings
from newsletter.db import Base, Session, Sessions, open_engine
from newsletter.delivery import ledger
from newsletter.editorial.issues import issue_store
from newsletter.wiring import Services
from newsletter.workflows import publish
from newsletter.workflows.build_letter import LetterSettings
from tests import sample_services
from tests.originals import Fill, upon
from tests.sample_services import NOW
from tests.servers import create_database, drop_database

NASTY = [
    "",
    "\\N",
    "\\.",
    "tab\tin it",
    "two\nlines\r\nor three",
    "back\\slash\\t",
    "“quotes” 'and' \"so\" on",
    "🪑 ὀστέον",
]
TAKEN = "taken.backup"
KEY = b"a key of forty-eight letters, made and kept here"

_WORDS = {"kind": "bounced", "state": "pending", "cause": "desk", "role": "owner", "act": "left", "way": "form"}

Elsewhere = Callable[[], Settings]
Forge = Callable[..., Path]


@pytest.fixture
def filled() -> Fill:
    """In the middle of an issue; every table has rows, with all that text can hold in them; and a backup of it."""
    return _full


@upon(sample_services.stocked)
def _full(sessions: Sessions, folder: Path) -> None:
    links = sample_services.build(sessions, folder).links
    with sessions.begin() as session:
        home = publications.find(session)
        session.add_all(_reader(number, name, home, NOW) for number, name in enumerate(NASTY))
        session.flush()
        publish.send_now(session, LetterSettings(links), issue_store.find(session, sample_services.WAITING), NOW)
        first, second, *_ = ledger.claim(session, "old", 5, NOW)
        ledger.begin(session.connection(), "old", [first, second], NOW)
        for table in tables.tables_to_back_up(session.connection()):
            if session.execute(select(table).limit(1)).first() is None:
                session.execute(insert(table), _some_row(session, table, NOW))
    (folder / "secret_key").write_bytes(KEY)
    (folder / "dkim").mkdir()
    (folder / "dkim" / "letters.example.press.pem").write_text("a key that signs")
    made = sample_services.build(sessions, folder)
    take.take(sessions, settings_of(made), made.pictures, folder / TAKEN, NOW)


def settings_of(services: Services) -> Settings:
    """As where the key is made and kept, and not set."""
    url = services.sessions.engine.url.render_as_string(hide_password=False)
    return Settings(_env_file=None, data_dir=services.settings.data_dir, database_url=url)


@pytest.fixture
def settings(services: Services) -> Settings:
    return settings_of(services)


@pytest.fixture
def backup(database_url: str, tmp_path: Path) -> Path:  # noqa: ARG001  (with which it comes)
    """A backup of that press, made once a run."""
    return tmp_path / TAKEN


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Elsewhere]:
    """Settings for another, empty place: by default on the same kind of database."""
    made: list[str] = []

    def settle(kind: str = database_url.partition(":")[0].partition("+")[0]) -> Settings:
        name = f"press_{uuid.uuid4().hex}"
        if kind == "sqlite":
            url = f"sqlite:///{tmp_path / name / 'newsletter.db'}"
        else:
            url = create_database(request.getfixturevalue("postgres_server"), name)
            made.append(name)
        return Settings(_env_file=None, data_dir=tmp_path / name, database_url=url)

    yield settle
    for name in made:
        drop_database(request.getfixturevalue("postgres_server"), name)


@pytest.fixture
def forge(backup: Path) -> Forge:
    """Another backup, with files changed, added or (None) left out, and what it says of itself changed to fit."""

    def make(files: dict[str, bytes | None] | None = None, fitting: bool = True, **said: Any) -> Path:
        path = backup.with_name("forged.backup")
        path.unlink(missing_ok=True)
        with zipfile.ZipFile(backup) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            manifest = json.loads(source.read("manifest.json"))
            contents = {name: source.read(name) for name in manifest["members"]} | (files or {})
            for name, content in contents.items():
                if content is None:
                    del manifest["members"][name]
                else:
                    _tell(manifest, name, content) if fitting else None
                    target.writestr(name, content)
            target.writestr("manifest.json", json.dumps(manifest | said))
        return path

    return make


def rows(settings: Settings) -> dict[str, list[str]]:
    """All that is in a database, but what belongs to its place."""
    engine = open_engine(settings.database)
    try:
        return of_a_press(Sessions(engine))
    finally:
        engine.dispose()


def of_a_press(sessions: Sessions) -> dict[str, list[str]]:
    with sessions.reading() as session:
        kept = [
            table for table in migrations_runner.metadata().sorted_tables if table.name not in {"arming", "heartbeats"}
        ]
        return {table.name: sorted(map(repr, session.execute(table.select()))) for table in kept}


def _tell(manifest: dict[str, Any], name: str, content: bytes) -> None:
    told = archive.HashingWriter(io.BytesIO())
    told.write(content)
    known = manifest["members"].get(name, {})
    told.columns = known.get("columns", ["id"] if name.startswith("tables/") else None)
    told.rows = content.count(b"\n") if told.columns is not None else 0
    manifest["members"][name] = told.member().model_dump()


def _some_row(session: Session, table: Table, now: datetime) -> dict[str, Any]:
    """A row for a table that nothing else fills, tied to the first of everything."""
    tied = {column.name: key.column for column in table.columns for key in column.foreign_keys}
    first = {name: session.scalar(select(other).limit(1)) for name, other in tied.items()}
    return {column.name: _some_value(column, now) for column in table.columns} | first


def _some_value(column: Column[Any], now: datetime) -> Any:
    kind = column.type.python_type
    if isinstance(column.type, JSON):
        return {"spent": [["\\", 1]], "why": None}
    # The migrations know such a column as text; which words it may hold, the models say.
    declared = Base.metadata.tables[column.table.name].c[column.name].type
    if isinstance(declared, Enum):
        word = _WORDS.get(column.name, "")
        return word if word in declared.enums else declared.enums[0]
    at = now + timedelta(microseconds=1)
    day = date(2026, 12, 24)
    values = {datetime: at, date: day, time: time(9, 30), float: 0.1, bool: True, bytes: b"\0\\\xff\n", int: 1}
    return values.get(kind, "\\N\t")


def _reader(number: int, name: str, home: publications.Publication, now: datetime) -> Subscriber:
    email = f"reader{number}@reader.example"
    tie = Subscription(publication=home, status=Status.ACTIVE, created_at=now, confirmed_at=now)
    return Subscriber(email=email, key=email, name=name, created_at=now, subscriptions=[tie])
