"""Restore a backup: all of it into an empty database, or nothing. Nothing is sent afterwards.

The database is written in one transaction, so a kill, a full disk or a bad row leaves it empty. An older backup is
loaded into the schema it was made with, and then migrated like any other database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.orm import Session

from newsletter import audit, migrations_runner, schema
from newsletter.audit import AuditWriter
from newsletter.backup import sequences, tables
from newsletter.backup.archive import Archive
from newsletter.backup.manifest import DKIM, KEY_FILE, ORIGINALS, PICTURES, TABLES, Manifest, fingerprint
from newsletter.backup.take import issue_counts
from newsletter.config import Settings
from newsletter.db import is_postgresql
from newsletter.delivery.ledger import partitions
from newsletter.delivery.workers import heartbeat, send_permission
from newsletter.editorial.images.pictures import PictureStore
from newsletter.errors import Conflict, Invalid
from newsletter.schema import SchemaState
from newsletter.system import atomic_files

_ELSEWHERE = "restore into an empty one: a new DATA_DIR for SQLite, a new database in DATABASE_URL for PostgreSQL"


def restore(archive: Archive, engine: Engine, pictures: PictureStore, now: datetime) -> list[dict[str, Any]]:
    """Restore a verified backup into this empty database; returns the counts of copies of each issue.

    Conflict or Invalid, and nothing is changed, if that is impossible.
    """
    state = schema.schema_state(engine)
    with engine.begin() as connection:
        _prepare(connection, state, archive.manifest, now)
        _fill(connection, archive)
        migrations_runner.upgrade_to(connection, "head")
        sequences.advance(connection, archive.manifest.last_ids, now)
        with Session(connection) as session:
            send_permission.disarm(session, archive.manifest.made_at)
            issues = _counted(session, archive)
            audit.record(session, AuditWriter(audit.OPERATOR, "newsletter restore", now, about=archive.path.name))
            for name in archive.named(PICTURES):
                pictures.restore_bytes(name, archive.read(f"{PICTURES}{name}"))
            for name in archive.named(ORIGINALS):
                pictures.keep_original(archive.read(f"{ORIGINALS}{name}"))
            session.commit()
    return issues


@contextmanager
def placed_keys(archive: Archive, settings: Settings) -> Iterator[list[str]]:
    """Write the backup's keys where the settings say, and remove them if the block fails.

    Yields notes for the operator: an existing key is never replaced.
    """
    made: list[Path] = []
    try:
        remarks = [*_put_secret(archive, settings, made), *_put_dkim(archive, settings.dkim_folder, made)]
        yield remarks
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def _put_secret(archive: Archive, settings: Settings, made: list[Path]) -> list[str]:
    has_key = KEY_FILE in archive.manifest.members
    if has_key and settings.secret_key is None:
        _put(settings.secret_file, archive.read(KEY_FILE), made)
    if archive.manifest.key in map(fingerprint, [settings.secret, *settings.older_secrets]):
        return []
    source = (
        f"`unzip -p {archive.path} {KEY_FILE}` prints it"
        if has_key
        else "the SECRET_KEY of the place where the backup was made"
    )
    consequence = "links in mail that is out do not open here, and nobody can tell who was erased"
    return [f"{consequence}: set SECRET_KEY_FALLBACKS to the backup's key ({source})"]


def _put_dkim(archive: Archive, folder: Path, made: list[Path]) -> list[str]:
    remarks = []
    for name in archive.named(DKIM):
        content, path = archive.read(f"{DKIM}{name}"), folder / name
        if not _put(path, content, made) and path.read_bytes() != content:
            remarks.append(f"{path}: a different key from the backup's; it was left as it is")
    return remarks


def _put(path: Path, content: bytes, made: list[Path]) -> bool:
    """Write a file readable by its owner only, atomically; False, and nothing is changed, if it exists."""
    atomic_files.make_folder(path.parent)
    try:
        atomic_files.create(path, content)
    except FileExistsError:
        return False
    made.append(path)
    return True


def _prepare(connection: Connection, state: SchemaState, manifest: Manifest, now: datetime) -> None:
    """Create the backup's schema, with empty tables; Conflict if the database is not empty."""
    if state is SchemaState.EMPTY:
        migrations_runner.upgrade_to(connection, manifest.revision)
        return
    if state is not SchemaState.CURRENT or manifest.revision != schema.revisions()[-1]:
        raise Conflict(f"this database has tables of a different version from the backup's; {_ELSEWHERE}")
    full = [
        table.name
        for table in tables.tables_to_back_up(connection)
        if connection.execute(select(table).limit(1)).first() is not None
    ]
    if full:
        raise Conflict(f"this database already contains data ({', '.join(full)}); {_ELSEWHERE}")
    with Session(connection) as session:
        if heartbeat.any_alive(session, now):
            raise Conflict("a worker runs on this database; stop it, and restore half a minute later")


def _fill(connection: Connection, archive: Archive) -> None:
    manifest, expected = archive.manifest, tables.tables_to_back_up(connection)
    columns = {name: sorted(member.columns or ()) for name, member in manifest.tables.items()}
    if columns != {table.name: sorted(table.columns.keys()) for table in expected}:
        raise Invalid(f"{archive.path}: its tables are not those of its version; somebody changed it")
    partitions.open_for(connection, manifest.letters)
    for table in expected:
        with archive.reading(f"{TABLES}{table.name}") as rows:
            tables.load(connection, table, manifest.tables[table.name].columns or (), rows)
    if is_postgresql(connection):
        # Without fresh statistics PostgreSQL may sort all copies for each claim.
        connection.execute(text(f"ANALYZE {', '.join(table.name for table in expected)}"))


def _counted(session: Session, archive: Archive) -> list[dict[str, Any]]:
    """The counts of copies of each issue; Invalid unless they match the manifest."""
    manifest, issues = archive.manifest, issue_counts(session)
    # Compare only what the manifest lists: early versions did not count corrections.
    differing = [counts for counts in manifest.issues if counts not in issues]
    if manifest.revision == schema.revisions()[-1] and differing:
        raise Invalid(f"{archive.path}: its copies do not stand where it says; somebody changed it")
    return issues
