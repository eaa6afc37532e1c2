"""The fan-out, from its first lock to its commit, beside a bare INSERT … SELECT of the same rows.

Bare: the same readers by the same query into a table of the same columns, with a primary key and no other index.
`python -m bench.fanning_out 1000000` measures with that many readers on both databases.
"""

import logging
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from sqlalchemy import Column, Engine, MetaData, Table, insert, literal

from bench import stock
from bench.press import LINKS
from bench.rows import RUNS, Row
from newsletter import publications
from newsletter.audience import subscribers
from newsletter.db import Sessions, open_engine
from newsletter.delivery.models import Copy, CopyState
from newsletter.editorial.images.pictures import FolderPictureStore
from newsletter.editorial.issues import import_export, issue_store
from newsletter.editorial.models import Readiness
from newsletter.workflows import publish
from newsletter.workflows.build_letter import LetterSettings

READERS = 200_000
"""A fifth of the million that the measure names, which takes minutes; what does not grow weighs more here."""

_COLUMNS = Copy.__table__.columns
# Each begins with nothing of the last one's left to write to the disk.
_SETTLE = {"sqlite": "PRAGMA wal_checkpoint(TRUNCATE)", "postgresql": "CHECKPOINT"}


def on_sqlite(readers: int = READERS) -> Row:
    """Seconds on SQLite."""
    return _measure("SQLite", stock.sqlite, readers)


def on_postgresql(readers: int = READERS) -> Row:
    """Seconds on PostgreSQL."""
    return _measure("PostgreSQL", stock.postgresql, readers)


def _measure(name: str, database: Callable[[], AbstractContextManager[str]], readers: int) -> Row:
    with database() as url:
        # The first fan-out is in here, and is not counted.
        stock.fill(url, readers)
        engine = open_engine(url)
        slugs = _ready_issues(Sessions(engine))[:RUNS]
        if engine.dialect.name == "postgresql":
            _aside(engine, "VACUUM ANALYZE")
        pairs = [(_fan_out(engine, slug), _bare(engine)) for slug in slugs]
        engine.dispose()
    ours, bare = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    what = f"fan-out to {readers:,} readers, {name}"
    return Row(what, f"{ours:.2f} s", f"bare INSERT … SELECT: {bare:.2f} s", ratio, "≤ 2")


def _ready_issues(sessions: Sessions) -> list[str]:
    """The shipped issues that have not gone out, made ready."""
    now = datetime.now(UTC)
    with TemporaryDirectory() as folder, sessions.begin() as session:
        pictures, home = FolderPictureStore(Path(folder)), publications.find(session)
        for issue in import_export.read_folder(
            stock.ISSUES, lambda name, content: pictures.import_file(session, name, content, now)
        ):
            if issue_store.save(session, home, issue, issue_store.BY_FILE, now) is issue_store.Saved.NEW:
                issue_store.set_readiness(issue_store.find(session, issue.file.slug), Readiness.READY)
        return [issue.slug for issue in session.scalars(issue_store.listing()) if issue.letter is None]


def _fan_out(engine: Engine, slug: str) -> float:
    def act() -> None:
        with Sessions(engine).begin() as session:
            publish.send_now(session, LetterSettings(LINKS), issue_store.find(session, slug), datetime.now(UTC))

    return _seconds(engine, act)


def _bare(engine: Engine) -> float:
    columns = [Column(each.name, each.type, primary_key=each.primary_key, nullable=each.nullable) for each in _COLUMNS]
    table = Table("bare", MetaData(), *columns)
    now = literal(datetime.now(UTC), table.c.not_before.type)
    readers = subscribers.active_recipients(1).add_columns(
        literal(1), literal(CopyState.PENDING, table.c.state.type), literal(0), now
    )
    names = ["subscription_id", "address", "name", "since", "source", "letter_id", "state", "attempts", "not_before"]

    def act() -> None:
        with engine.begin() as connection:
            connection.execute(insert(table).from_select(names, readers))

    table.create(engine)
    seconds = _seconds(engine, act)
    table.drop(engine)
    return seconds


def _seconds(engine: Engine, act: Callable[[], None]) -> float:
    _aside(engine, _SETTLE[engine.dialect.name])
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _aside(engine: Engine, statement: str) -> None:
    """Outside of any transaction."""
    connection = engine.raw_connection()
    driver: Any = connection.driver_connection
    connection.detach()
    if engine.dialect.name == "postgresql":
        driver.autocommit = True
    driver.execute(statement)
    driver.close()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for measure in (on_sqlite, on_postgresql):
        print(measure(int(sys.argv[1]) if sys.argv[1:] else READERS), flush=True)
