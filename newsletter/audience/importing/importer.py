"""Import: a list from elsewhere, streamed from a CSV file, each row taken in or refused with its reason.

Can be run twice. It never brings back who left, complained, was erased or is suppressed, and a row that says its
reader left is obeyed, unless that reader has confirmed here.
"""

import itertools
import re
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from newsletter.audience import status_transitions
from newsletter.audience.address import Address, clean_name
from newsletter.audience.importing import apply
from newsletter.audience.importing.columns import AS_NAMED, Choices, Layout
from newsletter.audience.importing.csv_reader import Line, Problem, Sheet
from newsletter.audience.importing.headers import Field
from newsletter.audience.importing.plan import Plan, Row, Step, Tally, Terms
from newsletter.audience.models import Status
from newsletter.audience.services import AudienceServices
from newsletter.db import Sessions
from newsletter.errors import Conflict, Invalid
from newsletter.publications import Publication

log = structlog.get_logger(__name__)

GROUP = 5_000
"""Work to a transaction, counted in plain rows: so much that a row costs little, and nobody waits for a second."""
# A confirm letter has to be written, and a leaving ends whatever still waits to be sent.
_WORK = {Status.PENDING: 20} | dict.fromkeys(status_transitions.GONE, 40)
STRETCH = 50_000
"""Rows that are written in order of their addresses, so that a group touches few pages of the index."""
_Stretch = tuple[list[Row], list[Problem], int]
"""What a stretch holds, and where in the file it ends."""
_MAX_JOINED = 40
_MAILBOX = re.compile(r'\s*"?([^<>]*?)"?\s*<([^<>]+)>\s*')
_SEVERAL = re.compile(r"@.*[;,\s].*@", re.DOTALL)


def read(sheet: Sheet, choices: Choices = AS_NAMED) -> Iterator[Row | Problem]:
    """Every row of the file, or why not; Invalid if its first line names no column for addresses, or a doubtful one."""
    try:
        layout = Layout.of(sheet.header.cells, choices)
    except Invalid as error:
        raise Invalid(f"{sheet.name}: line {sheet.header.number}: {error}") from None
    for line in sheet.rows:
        yield line if isinstance(line, Problem) else _row(layout, line)


def check(sheet: Sheet, choices: Choices = AS_NAMED) -> Generator[Step]:
    """Only look which rows would be refused; the database is not even asked."""
    entries = read(sheet, choices)
    while some := list(itertools.islice(entries, GROUP)):
        problems = [entry for entry in some if isinstance(entry, Problem)]
        yield Step(len(some), Tally(refused=len(problems)), problems, sheet.position)


def load(
    sessions: Sessions,
    practice: AudienceServices,
    publication: Publication,
    sheet: Sheet,
    terms: Terms,
    now: datetime,
    *,
    choices: Choices = AS_NAMED,
    dry_run: bool = False,
    checked: bool = False,
) -> Generator[Step]:
    """Take the file in, group by group: each step that comes out is committed, and their tallies' sum is the report.

    A dry run writes nothing; it may count an address twice that stands twice in the file. What was `checked`
    has no row to refuse any more: Conflict if it has one now.
    """

    def admit(group: list[Row]) -> Plan:
        with _door(sessions, dry_run) as session:
            plan = apply.plan(session, practice, publication, group)
            if not dry_run:
                apply.carry_out(session, practice, publication, plan, terms, now)
        log.debug("import", publication=publication.slug, rows=len(group), dry_run=dry_run)
        return plan

    position = 0
    for rows, problems, end in _ahead(_stretches(sheet, choices)):
        if problems and checked:
            raise Conflict(f"{sheet.name} was changed after it was checked: line {problems[0].line}; import it again")
        if problems:
            yield Step(len(problems), Tally(refused=len(problems)), problems, position)
        a_row = (end - position) / max(len(rows), 1)
        for group in _groups(rows, terms):
            position += round(len(group) * a_row)
            yield Step(len(group), Tally.of(admit(group)), (), position)


def _stretches(sheet: Sheet, choices: Choices) -> Iterator[_Stretch]:
    entries = read(sheet, choices)
    while some := list(itertools.islice(entries, STRETCH)):
        rows = sorted((entry for entry in some if isinstance(entry, Row)), key=lambda row: row.address.key)
        yield rows, [entry for entry in some if isinstance(entry, Problem)], sheet.position


def _ahead(stretches: Iterator[_Stretch]) -> Iterator[_Stretch]:
    # The next one is read while one is written: the database works outside of Python's lock, so both cores are used.
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, stretches, None)
        while stretch := coming.result():
            coming = reader.submit(next, stretches, None)
            yield stretch


def _row(layout: Layout, line: Line) -> Row | Problem:
    cells = line.cells
    try:
        layout.check(cells)
        beside, address = _mailbox(layout.cell(cells, Field.EMAIL))
        name = clean_name(layout.name(cells) or beside)
        return Row(address, name, layout.status(cells), _joined(layout, cells))
    except Invalid as error:
        return Problem(line.number, str(error), cells)


def _mailbox(text: str) -> tuple[str, Address]:
    """A name and an address in one cell, as mail programs write them; mostly it is the address alone."""
    found = _MAILBOX.fullmatch(text)
    name, address = found.groups() if found else ("", text)
    try:
        return ("" if "@" in name else name.replace('\\"', '"')), Address.parse(address)
    except Invalid:
        if text.count("@") > 1 and _SEVERAL.search(text):
            raise Invalid("several addresses in one cell; give each a row of its own") from None
        raise


def _joined(layout: Layout, cells: list[str]) -> str:
    moment = layout.cell(cells, Field.JOINED)[:_MAX_JOINED]
    return moment if moment.isprintable() else ""


def _groups(rows: Iterable[Row], terms: Terms) -> Iterator[list[Row]]:
    group: list[Row] = []
    work = 0
    for row in rows:
        group.append(row)
        work += _WORK.get(terms.status_of(row), 1)
        if work >= GROUP:
            yield group
            group, work = [], 0
    if group:
        yield group


def _door(sessions: Sessions, dry_run: bool) -> AbstractContextManager[Session]:
    return sessions.reading() if dry_run else sessions.begin()
