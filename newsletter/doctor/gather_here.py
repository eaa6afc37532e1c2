"""Gathers the facts about this machine and the database: disk, files, schema, workers, queues, latest events."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from io import FileIO
from pathlib import Path
from statistics import median

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from newsletter import clock, schema
from newsletter.config import Settings
from newsletter.db import Sessions
from newsletter.delivery.bounces import webhooks
from newsletter.delivery.bounces.intake import mailbox_lease, tally
from newsletter.delivery.models import PENDING, Copy, Letter, LetterState, OutboxMessage, OutboxState
from newsletter.delivery.workers import heartbeat, send_permission
from newsletter.delivery.workers.heartbeat import Heartbeat
from newsletter.doctor.facts import ClockFacts, DatabaseFacts, MachineFacts
from newsletter.errors import Conflict
from newsletter.system import data_folder

_SYNCS = 5


def look_at_machine(settings: Settings, database_file: Path | None) -> MachineFacts:
    """Disks, files that others can read, and the last backup."""
    folders = {settings.data_dir, *([database_file.parent] if database_file else [])}
    existing_folder = next(each for each in (settings.data_dir, *settings.data_dir.absolute().parents) if each.exists())
    return MachineFacts(
        data_dir=str(settings.data_dir),
        disks={str(folder): data_folder.disk_problem(folder) or "" for folder in sorted(folders)},
        free_bytes=shutil.disk_usage(existing_folder).free,
        open_files=tuple(str(path) for path in _secrets(settings, database_file) if _others_read(path)),
        last_backup=data_folder.last_backup(settings.data_dir),
    )


def look_at_database(session: Session, sessions: Sessions, now: datetime) -> DatabaseFacts:
    """Schema, size, speed, workers, queues and latest events; only the first two if the schema is another version."""
    try:
        schema.require_current(sessions.reading_engine)
    except Conflict as error:
        return DatabaseFacts(kind=sessions.engine.dialect.name, schema=str(error))
    size, log_size = _sizes(session, sessions)
    return DatabaseFacts(
        kind=sessions.engine.dialect.name,
        size=size,
        log_size=log_size,
        sync=_commit_time(session, sessions),
        is_durable=sessions.embedded or session.scalar(text("SHOW fsync")) == "on",
        clock=None if sessions.embedded else _database_clock(session),
        sends=send_permission.may_send(session),
        workers=session.scalar(select(func.count()).where(heartbeat.is_recent(heartbeat.FRESH, now))) or 0,
        last_worker=session.scalar(select(func.max(Heartbeat.at))),
        oldest_mail=session.scalar(
            select(func.min(OutboxMessage.not_before)).where(OutboxMessage.state == OutboxState.PENDING)
        ),
        oldest_copies=_oldest_copies(session),
        heard=_heard(session),
        unread_mailboxes=mailbox_lease.unread_mailboxes(session, now),
        sent_last=session.scalar(select(func.max(Letter.started_at))),
    )


def database_file(sessions: Sessions) -> Path | None:
    """SQLite's file; None for PostgreSQL."""
    name = sessions.engine.url.database
    return Path(name) if sessions.embedded and name else None


def _secrets(settings: Settings, database_file: Path | None) -> Iterator[Path]:
    yield from (Path(".env"), settings.data_dir, settings.secret_file, settings.dkim_folder)
    if database_file:
        yield from (database_file, Path(f"{database_file}-wal"))


def _others_read(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & 0o077)


def _sizes(session: Session, sessions: Sessions) -> tuple[int, int]:
    """The bytes of the database, and of SQLite's write-ahead log."""
    file = database_file(sessions)
    if file is None:
        return session.scalar(text("SELECT pg_database_size(current_database())")) or 0, 0
    wal = Path(f"{file}-wal")
    return file.stat().st_size if file.exists() else 0, wal.stat().st_size if wal.exists() else 0


def _commit_time(session: Session, sessions: Sessions) -> timedelta:
    """How long a small write takes to the disk of SQLite's file, or a question to PostgreSQL and back."""
    file = database_file(sessions)
    took = [_timed(lambda: session.scalar(text("SELECT 1"))) for _ in range(_SYNCS)] if file is None else _syncs(file)
    return timedelta(seconds=median(took))


def _syncs(file: Path) -> list[float]:
    probe = file.parent / f".doctor-{os.getpid()}"
    try:
        with probe.open("wb", buffering=0) as written:
            return [_timed(partial(_write_through, written)) for _ in range(_SYNCS)]
    finally:
        probe.unlink(missing_ok=True)


def _write_through(file: FileIO) -> None:
    file.write(bytes(4096))
    os.fsync(file.fileno())


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _database_clock(session: Session) -> ClockFacts:
    its_time: datetime = session.scalar(text("SELECT clock_timestamp()"))
    return ClockFacts("the database server", clock.now() - its_time.astimezone(UTC))


def _oldest_copies(session: Session) -> datetime | None:
    """Since when a copy of a running letter has been due; letter by letter, as the index has them."""
    running = session.scalars(select(Letter.id).where(Letter.state == LetterState.RUNNING)).all()
    due = [session.scalar(select(func.min(Copy.not_before)).where(PENDING, Copy.letter_id == each)) for each in running]
    return min((moment for moment in due if moment), default=None)


def _heard(session: Session) -> dict[str, datetime]:
    seen = [*webhooks.last_seen(session).items(), *tally.last_mail_by_way(session).items()]
    return {way: max(at for other, at in seen if other == way) for way, _ in seen}
