"""Import a subscriber list, streamed from a CSV file; each row is taken in or refused with a reason.

Imports are idempotent. An import never brings back anybody who left, complained, was erased or is suppressed, and a
row that says its reader left takes effect unless that reader has confirmed here.
"""

import itertools
import re
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import structlog

from newsletter.audience import status_transitions
from newsletter.audience.address import Address, clean_name
from newsletter.audience.importing import apply
from newsletter.audience.importing.columns import DEFAULT_CHOICES, ColumnChoices, ColumnLayout
from newsletter.audience.importing.csv_reader import CsvFile, CsvRow, RefusedRow
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.plan import ImportPlan, ImportRow, ImportStep, ImportTerms, Tally
from newsletter.audience.models import Status
from newsletter.audience.services import AudienceServices
from newsletter.db import Sessions
from newsletter.errors import Conflict, Invalid
from newsletter.publications import Publication

log = structlog.get_logger(__name__)

GROUP = 5_000
"""Work in one transaction, counted in plain rows: enough to be efficient, and less than a second of locks."""
# Pending rows need a confirm letter, and ended ones skip copies that wait to be sent.
_WORK = {Status.PENDING: 20} | dict.fromkeys(status_transitions.ENDED, 40)
STRETCH = 50_000
"""The rows that are sorted by address together, so that a group touches few pages of the index."""
_Stretch = tuple[list[ImportRow], list[RefusedRow], int]
"""The rows, the refused rows and the end position of a stretch."""
_MAX_JOINED = 40
_MAILBOX = re.compile(r'\s*"?([^<>]*?)"?\s*<([^<>]+)>\s*')
_SEVERAL = re.compile(r"@.*[;,\s].*@", re.DOTALL)


def read_rows(sheet: CsvFile, choices: ColumnChoices = DEFAULT_CHOICES) -> Iterator[ImportRow | RefusedRow]:
    """Each row of the file, parsed or refused; Invalid if the header has no address column, or an undecided one."""
    try:
        layout = ColumnLayout.of(sheet.header.cells, choices)
    except Invalid as error:
        raise Invalid(f"{sheet.name}: line {sheet.header.number}: {error}") from None
    for line in sheet.rows:
        yield line if isinstance(line, RefusedRow) else _row(layout, line)


def check_rows(sheet: CsvFile, choices: ColumnChoices = DEFAULT_CHOICES) -> Generator[ImportStep]:
    """Find the rows that would be refused, without a database."""
    entries = read_rows(sheet, choices)
    while some := list(itertools.islice(entries, GROUP)):
        problems = [entry for entry in some if isinstance(entry, RefusedRow)]
        yield ImportStep(len(some), Tally(refused=len(problems)), problems, sheet.position)


def run_import(
    sessions: Sessions,
    services: AudienceServices,
    publication: Publication,
    sheet: CsvFile,
    terms: ImportTerms,
    now: datetime,
    *,
    choices: ColumnChoices = DEFAULT_CHOICES,
    dry_run: bool = False,
    checked: bool = False,
) -> Generator[ImportStep]:
    """Import a file in groups: each yielded step is committed, and the sum of their tallies is the report.

    A dry run writes nothing; it may count an address that occurs twice in the file twice. `checked`
    says that `check_rows` found no row to refuse; Conflict if there is one now.
    """

    def admit(group: list[ImportRow]) -> ImportPlan:
        with sessions.reading() if dry_run else sessions.begin() as session:
            plan = apply.make_plan(session, services, publication, group)
            if not dry_run:
                apply.apply_plan(session, services, publication, plan, terms, now)
        log.debug("import", publication=publication.slug, rows=len(group), dry_run=dry_run)
        return plan

    position = 0
    for rows, problems, end in _ahead(_stretches(sheet, choices)):
        if problems and checked:
            raise Conflict(f"{sheet.name} was changed after it was checked: line {problems[0].line}; import it again")
        if problems:
            yield ImportStep(len(problems), Tally(refused=len(problems)), problems, position)
        a_row = (end - position) / max(len(rows), 1)
        for group in _groups(rows, terms):
            position += round(len(group) * a_row)
            yield ImportStep(len(group), Tally.of(admit(group)), (), position)


def _stretches(sheet: CsvFile, choices: ColumnChoices) -> Iterator[_Stretch]:
    entries = read_rows(sheet, choices)
    while some := list(itertools.islice(entries, STRETCH)):
        rows = sorted((entry for entry in some if isinstance(entry, ImportRow)), key=lambda row: row.address.key)
        yield rows, [entry for entry in some if isinstance(entry, RefusedRow)], sheet.position


def _ahead(stretches: Iterator[_Stretch]) -> Iterator[_Stretch]:
    # Reads the next stretch while one is written: the database works outside Python's lock, so both cores are used.
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, stretches, None)
        while stretch := coming.result():
            coming = reader.submit(next, stretches, None)
            yield stretch


def _row(layout: ColumnLayout, line: CsvRow) -> ImportRow | RefusedRow:
    cells = line.cells
    try:
        layout.check(cells)
        beside, address = _mailbox(layout.cell(cells, FieldKind.EMAIL))
        name = clean_name(layout.name(cells) or beside)
        moment = layout.cell(cells, FieldKind.JOINED)[:_MAX_JOINED]
        joined = moment if moment.isprintable() else ""
        return ImportRow(address, name, layout.status(cells), joined, line.number)
    except Invalid as error:
        return RefusedRow(line.number, str(error), cells)


def _mailbox(text: str) -> tuple[str, Address]:
    """The name and address in a cell such as `Ada <ada@example.org>`; mostly it is the address alone."""
    found = _MAILBOX.fullmatch(text)
    name, address = found.groups() if found else ("", text)
    try:
        return ("" if "@" in name else name.replace('\\"', '"')), Address.parse(address)
    except Invalid:
        if text.count("@") > 1 and _SEVERAL.search(text):
            raise Invalid("several addresses in one cell; give each a row of its own") from None
        raise


def _groups(rows: Iterable[ImportRow], terms: ImportTerms) -> Iterator[list[ImportRow]]:
    group: list[ImportRow] = []
    work = 0
    for row in rows:
        group.append(row)
        work += _WORK.get(terms.status_of(row), 1)
        if work >= GROUP:
            yield group
            group, work = [], 0
    if group:
        yield group
