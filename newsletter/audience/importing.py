"""Import: a list from elsewhere, streamed from a CSV file, each row taken in or refused with its reason.

Can be run twice. It never brings back who left, complained or is suppressed, and a row that says its
reader left is obeyed, unless that reader has confirmed here.
"""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy.orm import Session

from newsletter.audience import admitting, exporting, sheet
from newsletter.audience.address import Address, clean_name
from newsletter.audience.columns import Field, Layout
from newsletter.audience.practice import Practice
from newsletter.audience.sheet import Line, Problem
from newsletter.audience.verdicts import Row, Tally, Terms
from newsletter.db import Sessions
from newsletter.errors import Invalid
from newsletter.publications import Publication

log = structlog.get_logger(__name__)

GROUP = 1_000
"""Rows to a transaction: few enough that nobody waits long, enough that a row costs little."""
_MAX_JOINED = 40


def read(path: Path) -> Iterator[Row | Problem]:
    """Every row of the file, or why not; Invalid if its first line names no column for addresses."""
    rows = sheet.lines(path)
    header = next(rows, None)
    if not isinstance(header, Line):
        raise Invalid(f"{path}: line 1: {header.reason if header else 'the file is empty'}")
    layout = _layout(path, header)
    for line in rows:
        yield line if isinstance(line, Problem) else _row(layout, line)


def load(
    sessions: Sessions,
    practice: Practice,
    publication: Publication,
    path: Path,
    terms: Terms,
    now: datetime,
    *,
    dry_run: bool = False,
) -> Iterator[Tally]:
    """Take the file in, group by group: each tally that comes out is committed, and their sum is the report.

    A dry run writes nothing; it counts an address twice that stands twice in the file, far apart.
    """
    for group in _groups(read(path)):
        rows = [entry for entry in group if isinstance(entry, Row)]
        problems = tuple(entry for entry in group if isinstance(entry, Problem))
        with _door(sessions, dry_run) as session:
            plan = admitting.plan(session, publication, rows)
            if not dry_run:
                admitting.carry_out(session, practice, publication, plan, terms, now)
        log.debug("import", publication=publication.slug, rows=len(rows), refused=len(problems), dry_run=dry_run)
        yield Tally.of(plan, problems)


def _layout(path: Path, header: Line) -> Layout:
    try:
        return Layout.of(header.cells)
    except Invalid as error:
        raise Invalid(f"{path}: line {header.number}: {error}") from None


def _row(layout: Layout, line: Line) -> Row | Problem:
    try:
        layout.check(line.cells)
        address = Address.parse(exporting.fused(layout.cell(line.cells, Field.EMAIL)))
        name = clean_name(exporting.fused(layout.name(line.cells)))
        return Row(address, name, layout.status(line.cells), _joined(layout, line))
    except Invalid as error:
        return Problem(line.number, str(error))


def _joined(layout: Layout, line: Line) -> str:
    moment = layout.cell(line.cells, Field.JOINED)[:_MAX_JOINED]
    return moment if moment.isprintable() else ""


def _groups(entries: Iterable[Row | Problem]) -> Iterator[list[Row | Problem]]:
    stream = iter(entries)
    while group := list(itertools.islice(stream, GROUP)):
        yield group


def _door(sessions: Sessions, dry_run: bool) -> AbstractContextManager[Session]:
    return sessions.reading() if dry_run else sessions.begin()
