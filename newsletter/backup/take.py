"""Take a backup: every table from one snapshot, while web servers and workers keep running."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text, union
from sqlalchemy.orm import Session

from newsletter import schema
from newsletter.backup import archive, sequences, tables
from newsletter.backup.archive import BackupWriter
from newsletter.backup.manifest import DKIM, FORMAT, KEY_FILE, ORIGINALS, PICTURES, TABLES, Manifest, fingerprint
from newsletter.config import Settings
from newsletter.db import Sessions, is_postgresql
from newsletter.delivery.message import dkim_keys
from newsletter.delivery.models import UNDER_WAY, Copy, Letter
from newsletter.delivery.reports import stats
from newsletter.editorial.images.pictures import PictureStore
from newsletter.editorial.issues import mailings
from newsletter.editorial.models import OriginalPicture, Picture
from newsletter.errors import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class BackupResult:
    """The manifest of a backup, and what is missing from it."""

    manifest: Manifest
    missing: list[str]
    """Pictures that the database lists, but whose files are missing or damaged."""


def take(sessions: Sessions, settings: Settings, pictures: PictureStore, target: Path, now: datetime) -> BackupResult:
    """Write a backup of everything into a new file.

    Conflict if it exists, Unavailable if it cannot be written, Invalid if a restore would refuse one of the keys.
    """
    with archive.writing_backup(target) as draft, _snapshot(sessions) as connection, Session(connection) as session:
        _add_tables(draft, connection)
        missing = _add_pictures(draft, session, pictures)
        if settings.secret_key is None:
            _add_key(draft, KEY_FILE, settings.secret_file)
        for path in dkim_keys.key_files(settings.dkim_folder):
            _add_key(draft, f"{DKIM}{path.name}", path)
        under_way = Letter.state.in_(UNDER_WAY)
        manifest = Manifest(
            format=FORMAT,
            revision=schema.revisions()[-1],
            database=connection.dialect.name,
            made_at=now,
            key=fingerprint(settings.secret),
            members=draft.members,
            last_ids=sequences.last_ids(connection),
            letters=list(session.scalars(union(select(Copy.letter_id), select(Letter.id).where(under_way)))),
            issues=issue_counts(session),
        )
        draft.close(manifest)
    return BackupResult(manifest, missing)


def issue_counts(session: Session) -> list[dict[str, Any]]:
    """The state and the counts of copies of each issue and correction that has a letter."""
    return [
        {"issue": each.name, "state": each.state.value} | asdict(stats.copy_counts(session, each.letter))
        for each in list(mailings.all_mailings(session))
    ]


@contextmanager
def _snapshot(sessions: Sessions) -> Iterator[Connection]:
    """A read-only connection on a snapshot of the database, which does not block writers."""
    engine = sessions.reading_engine
    if not sessions.embedded:
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.begin() as connection:
        yield connection


def _add_tables(draft: BackupWriter, connection: Connection) -> None:
    found = tables.tables_to_back_up(connection)
    if is_postgresql(connection):
        # From here on no table definition may change.
        connection.execute(text(f"LOCK TABLE {', '.join(table.name for table in found)} IN ACCESS SHARE MODE"))
    for table in found:
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


def _add_key(draft: BackupWriter, name: str, path: Path) -> None:
    # Fail now: a backup without a usable key would only be noticed at the restore.
    if not draft.add(name, path.read_bytes()):
        raise Invalid(f"{path}: not a key, judging by its name or size; move it away, then make the backup again")
