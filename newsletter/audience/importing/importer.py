"""Import a subscriber list, streamed from a file; each row is taken in or refused with a reason.

Imports are idempotent. An import never brings back anybody who left, complained, was erased or is suppressed, and a
row that says its reader left takes effect unless that reader has confirmed here.
"""

import itertools
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from newsletter.audience import change_address
from newsletter.audience.importing import apply, progress
from newsletter.audience.importing.column_fields import DEFAULT_CHOICES, ColumnChoices
from newsletter.audience.importing.plan import ImportPlan, ImportStep, ImportTerms, RowFate, Tally
from newsletter.audience.importing.progress import START, ImportSettings, Place
from newsletter.audience.importing.reading import reader_process
from newsletter.audience.importing.reading.csv_reader import RefusedRow
from newsletter.audience.importing.reading.files import ListFile
from newsletter.audience.importing.reading.list_rows import ImportRow, ListSurvey, read_rows
from newsletter.audience.importing.reading.stretches import Stretch
from newsletter.audience.importing.sources.plain import PLAIN
from newsletter.audience.models import Status
from newsletter.audience.services import AudienceServices
from newsletter.db import OVERTAKEN, Sessions
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.publications import Publication

log = structlog.get_logger(__name__)

GROUP = 5_000
"""The most work in one transaction, counted in plain rows."""
SMALLEST_GROUP = 1_000
TURN = 0.1
"""Seconds that a transaction may take; the next has less work if one took longer, for others wait to write as well."""
PAUSE = 0.006
"""Seconds after it in which another process can begin to write; the web server asks every 5 ms (`write_queue`)."""
# Pending rows need a confirm letter, and those that end a subscription here skip copies that wait to be sent.
_WORK = {Status.PENDING: 20}
_WORK_TO_END = 10
_TRIES = 5
_NONE_YET = Tally()


def check_rows(file: ListFile, choices: ColumnChoices = DEFAULT_CHOICES, source: str = "") -> Generator[ImportStep]:
    """Find the rows that would be refused, without a database."""
    with file.lists() as lists:
        for number, sheet in enumerate(lists):
            entries = read_rows(sheet, choices.within(sheet.header.cells), source)
            while some := list(itertools.islice(entries, GROUP)):
                problems = [entry for entry in some if isinstance(entry, RefusedRow)]
                tally = Tally(refused=len(problems))
                yield ImportStep(len(some), tally, problems, sheet.position, list_number=number, list_size=sheet.size)


@dataclass(frozen=True, slots=True)
class ImportMode:
    """How an import is run, beside its settings."""

    operator: str = ""
    """Who goes on with an import of theirs that was broken off."""
    dry_run: bool = False
    """Whether nothing is written; an address that occurs twice in the file may be counted twice."""
    checked: bool = False
    """Whether `check_rows` found no row to refuse; then the import stops at one."""
    with_fates: bool = False
    """Whether each step tells what became of each row."""
    record: Callable[[Session, int, Sequence[RowFate]], None] | None = None
    """Called in the transaction of each group, with the number of the list and what became of the rows."""


_DEFAULT_MODE = ImportMode()


@dataclass(slots=True)
class ImportRun:
    """One run of an import, from the place where it is."""

    sessions: Sessions
    services: AudienceServices
    publication: Publication
    settings: ImportSettings
    now: datetime
    mode: ImportMode = _DEFAULT_MODE
    terms: ImportTerms = field(init=False)
    import_id: int = field(default=0, init=False)
    place: Place = field(default=START, init=False)
    total: Tally = field(default=_NONE_YET, init=False)
    former: frozenset[str] = field(default_factory=frozenset, init=False)
    """The keys of addresses that their readers have changed for others."""
    work_budget: int = field(default_factory=lambda: GROUP, init=False)
    """The most work in the next transaction, counted in plain rows."""

    def __post_init__(self) -> None:
        self.terms = self.settings.terms

    def import_file(self, file: ListFile, surveys: Sequence[ListSurvey]) -> Generator[ImportStep]:
        """Import a surveyed file in groups: each yielded step is committed, and the sum of their tallies is the report.

        One that was broken off goes on where it was; its first step has the tally of what was done. Conflict if a
        row is refused after the file was checked, or if somebody stopped the import. Invalid if the file does not
        tell who has left, although files from its source do, and nobody vouches for it.
        """
        if not self.terms.vouched:
            _check_states(file, surveys)
        with self.sessions.reading() as session:
            self.former = change_address.former_keys(session)
        if not self.mode.dry_run:
            yield from self._begin(file)
        with closing(reader_process.read_ahead(file, self.settings.choices, self.settings.source)) as stretches:
            # Not by a loop, whose variable would keep a stretch while the next is taken.
            yield from itertools.chain.from_iterable(map(partial(self._steps, surveys), stretches))
        if not self.mode.dry_run:
            with self.sessions.begin() as session:
                progress.finish(session, self.import_id, self.now)

    def _begin(self, file: ListFile) -> Generator[ImportStep]:
        """Store that the import runs; yields a step with the tally so far if it goes on where it was broken off."""
        settings = replace(self.settings, encoding=file.encoding)
        with self.sessions.begin() as session:
            found = progress.begin(session, self.publication, file, settings, self.mode.operator, self.now)
            self.import_id, self.place = found.id, progress.place_of(found)
            self.terms = replace(self.terms, file_id=found.file_id)
            # Refused rows are reported again, because they were not stored.
            self.total = replace(progress.tally_of(found.counts), refused=0)
        if self.place != START:
            yield ImportStep(0, self.total, (), 0, resumed=True)

    def _steps(self, surveys: Sequence[ListSurvey], stretch: Stretch) -> Generator[ImportStep]:
        """The steps of one stretch of a list."""
        number, position = stretch.list_number, stretch.start
        known = surveys[number]
        title = "" if known.source is PLAIN else known.source.title
        step = ImportStep(0, Tally(), (), position, list_number=number, list_size=stretch.list_size)
        if stretch.problems and self.mode.checked:
            line = stretch.problems[0].line
            raise Conflict(f"{known.name} was changed after it was checked: line {line}; import it again")
        if stretch.problems:
            refused = Tally(refused=len(stretch.problems))
            self.total += refused
            yield replace(step, rows=len(stretch.problems), tally=refused, problems=stretch.problems)
        done = self._rows_done(stretch)
        if done:
            yield replace(step, rows=done)
        for group in self._groups(stretch, done):
            done += len(group)
            is_last = done == stretch.length
            new = Place(number, stretch.last_line + 1) if is_last else Place(number, stretch.first_line, done)
            plan, tally = self._apply_group(group, new, title)
            position += round(len(group) * (stretch.position - step.position) / stretch.length)
            fates = plan.fates(self.terms) if self.mode.with_fates else ()
            yield replace(step, rows=len(group), tally=tally, position=position, fates=fates)

    def _apply_group(self, group: list[ImportRow], place: Place, source: str) -> tuple[ImportPlan, Tally]:
        began = time.monotonic()
        if self.mode.dry_run:
            with self.sessions.reading() as session:
                plan = apply.make_plan(session, self.services, self.publication, group, self.former)
                return plan, Tally.from_plan(plan, self.terms)
        plan, tally = self._write_group(group, place, source)
        took = time.monotonic() - began
        self.place, self.total = place, self.total + tally
        # The last group of a stretch is what was left of it, and does not tell how long a full one takes.
        if place.rows_done:
            self.work_budget = round(self.work_budget * TURN / took)
            self.work_budget = min(max(self.work_budget, SMALLEST_GROUP), GROUP)
        log.debug("import", publication=self.publication.slug, rows=len(group))
        return plan, tally

    def _write_group(self, group: list[ImportRow], place: Place, source: str) -> tuple[ImportPlan, Tally]:
        """Plan and write a group, anew where PostgreSQL let a reader be erased or added between the two."""
        for _ in range(_TRIES - 1):
            with suppress(*OVERTAKEN, NotFound):
                return self._write_once(group, place, source)
        return self._write_once(group, place, source)

    def _write_once(self, group: list[ImportRow], place: Place, source: str) -> tuple[ImportPlan, Tally]:
        with self.sessions.in_turn(PAUSE) as session:
            plan = apply.make_plan(session, self.services, self.publication, group, self.former)
            apply.apply_plan(session, self.services, self.publication, plan, self.terms, self.now, source)
            tally = Tally.from_plan(plan, self.terms)
            if self.mode.record:
                self.mode.record(session, place.list_number, plan.fates(self.terms))
            progress.advance(session, self.import_id, self.place, place, self.total + tally)
        return plan, tally

    def _rows_done(self, stretch: Stretch) -> int:
        number, current = stretch.list_number, self.place.list_number
        if number < current or (number == current and stretch.last_line < self.place.next_line):
            return stretch.length
        is_here = number == current and stretch.first_line == self.place.next_line
        return self.place.rows_done if is_here else 0

    def _groups(self, stretch: Stretch, done: int) -> Iterator[list[ImportRow]]:
        """The rows of a stretch after those that are done, in groups of not too much work."""
        group: list[ImportRow] = []
        work, ending = 0, self._ending(stretch.ended)
        for row in stretch.rows(done):
            group.append(row)
            work += _WORK_TO_END if row.key in ending else _WORK.get(self.terms.status_of(row), 1)
            if work >= self.work_budget:
                yield group
                group, work = [], 0
        if group:
            yield group

    def _ending(self, ended: Sequence[str]) -> Collection[str]:
        """Which of these keys are of this publication's readers."""
        if not ended:
            return ()
        with self.sessions.reading() as session:
            return apply.find_existing(session, self.publication, ended)


def _check_states(file: ListFile, surveys: Iterable[ListSurvey]) -> None:
    for one in surveys:
        if one.layout.doubt:
            elsewhere = "" if one.source is PLAIN else f"; if it is not from {one.source.title}, give --source plain"
            raise Invalid(
                f"{file.name}: nothing was imported, because {one.layout.doubt}. If you have made sure that everybody "
                f"in it still subscribes, give --all-subscribed{elsewhere}"
            )
