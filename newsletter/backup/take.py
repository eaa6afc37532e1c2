"""Taking a backup: every table at one instant, while web and workers go on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import CompoundSelect, Connection, select, text, union
from sqlalchemy.orm import Session

from newsletter import schema
from newsletter.backup import archive, sequences, tables
from newsletter.backup.archive import BackupWriter
from newsletter.backup.manifest import DKIM, FORMAT, KEY_FILE, ORIGINALS, PICTURES, TABLES, Manifest, fingerprint
from newsletter.config import Settings
from newsletter.db import Sessions
from newsletter.delivery.message import dkim_keys
from newsletter.delivery.models import UNDER_WAY, Copy, Letter
from newsletter.delivery.reports import stats
from newsletter.editorial.images.pictures import PictureStore
from newsletter.editorial.issues import mailings
from newsletter.editorial.models import OriginalPicture, Picture
from newsletter.errors import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A backup that was made."""

    manifest: Manifest
    missing: list[str]
    """Pictures that the database tells of, and that are not kept any more, or are damaged."""


def take(sessions: Sessions, settings: Settings, pictures: PictureStore, target: Path, now: datetime) -> BackupResult:
    """Write the whole press into one new file.

    Conflict if it is there, Unavailable if it cannot be written, Invalid if a key is none that a restore would take.
    """
    with archive.writing_backup(target) as draft, _snapshot(sessions) as connection, Session(connection) as session:
        _add_tables(draft, connection)
        missing = _add_pictures(draft, session, pictures)
        _add_keys(draft, settings)
        manifest = Manifest(
            format=FORMAT,
            revision=schema.revisions()[-1],
            database=connection.dialect.name,
            made_at=now,
            key=fingerprint(settings.secret),
            members=draft.members,
            last_ids=sequences.last_ids(connection),
            letters=list(session.scalars(_letters_with_copies())),
            issues=issue_counts(session),
        )
        draft.close(manifest)
    return BackupResult(manifest, missing)


def issue_counts(session: Session) -> list[dict[str, Any]]:
    """Of each issue that has a letter, and of each correction that has, its state and where its copies stand."""
    every = list(mailings.all_mailings(session))
    return [
        {"issue": each.name, "state": each.state.value} | asdict(stats.copy_counts(session, each.letter))
        for each in every
    ]


def _letters_with_copies() -> CompoundSelect[int]:
    """Those that are under way have none yet, or none any more, and still a place for them."""
    under_way = Letter.state.in_(UNDER_WAY)
    return union(select(Copy.letter_id), select(Letter.id).where(under_way))


@contextmanager
def _snapshot(sessions: Sessions) -> Iterator[Connection]:
    """A connection that sees the database as it was at one instant, writes nothing, and lets everybody else write."""
    if sessions.embedded:
        options: dict[str, Any] = {"read_only": True}
    else:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with sessions.engine.execution_options(**options).begin() as connection:
        yield connection


def _add_tables(draft: BackupWriter, connection: Connection) -> None:
    kept = tables.tables_to_back_up(connection)
    if connection.dialect.name == "postgresql":
        # No table may be changed from here to the end.
        connection.execute(text(f"LOCK TABLE {', '.join(table.name for table in kept)} IN ACCESS SHARE MODE"))
    for table in kept:
        with draft.adding(f"{TABLES}{table.name}") as file:
            file.columns = table.columns.keys()
            file.rows = tables.dump(connection, table, file.write)


def _add_pictures(draft: BackupWriter, session: Session, pictures: PictureStore) -> list[str]:
    names = session.scalars(select(Picture.file_name).order_by(Picture.file_name))
    missing = [name for name in names if not _add_file(draft, f"{PICTURES}{name}", partial(pictures.read, name))]
    loaded = session.scalars(select(OriginalPicture.sha256).order_by(OriginalPicture.sha256))
    return missing + [
        name for name in loaded if not _add_file(draft, f"{ORIGINALS}{name}", partial(pictures.read_original, name))
    ]


def _add_file(draft: BackupWriter, name: str, read: Callable[[], bytes]) -> bool:
    try:
        return draft.add(name, read(), packed=True)
    except NotFound:
        return False


def _add_keys(draft: BackupWriter, settings: Settings) -> None:
    if settings.secret_key is None:
        _add_key(draft, KEY_FILE, settings.secret_file)
    for path in dkim_keys.key_files(settings.dkim_folder):
        _add_key(draft, f"{DKIM}{path.name}", path)


def _add_key(draft: BackupWriter, name: str, path: Path) -> None:
    # A restore without the key would be worse than a backup that a person has to look after now.
    if not draft.add(name, path.read_bytes()):
        raise Invalid(f"{path}: not a key, judging by its name or size; move it away, then make the backup again")
