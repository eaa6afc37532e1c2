"""The report of an import: a progress bar, the refused rows with line and reason, and the totals."""

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO, cast

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from newsletter.audience.importing.plan import ImportStep, RowFate, Tally
from newsletter.audience.importing.reading.csv_reader import RefusedRow
from newsletter.audience.importing.reading.list_rows import ListSurvey
from newsletter.audience.models import Status
from newsletter.formulas import escape_formula
from newsletter.i18n import formats

SHOWN = 100
"""The number of rows of a kind that are printed; a million of them would hide everything else."""


@contextmanager
def reporting(
    surveys: Sequence[ListSurvey], *, as_json: bool, listed: bool, refused: Path | None, report: Path | None
) -> Iterator["Report"]:
    """A report for people or as JSON, and files of the refused rows and of every row's fate if they are named."""
    with ExitStack() as open_files:
        yield Report(surveys, as_json, listed, refused, report, open_files)


class Report:
    """Prints rows as they come, and keeps none of them in memory."""

    def __init__(
        self,
        surveys: Sequence[ListSurvey],
        as_json: bool,
        listed: bool,
        refused: Path | None,
        report: Path | None,
        open_files: ExitStack,
    ) -> None:
        self._surveys, self._as_json, self._listed = surveys, as_json, listed
        self._refused, self._open_files = refused, open_files
        self._count: Counter[str] = Counter()
        self._waiting = {name: self._waiting_file() for name in _ROWS}
        self._writers: dict[int, Callable[[RefusedRow], None]] = {}
        self._fate_writer = _fates_writer(self._open(report)) if report else None
        if refused:
            self._writer(0)
        self._name_sources()

    def follow(self, steps: Generator[ImportStep], doing: str) -> Tally:
        """Run all steps, with a progress bar if standard error is a terminal; the sum of their tallies."""
        tally, rows = Tally(), 0
        with _bar() as bar, closing(steps):
            task = bar.add_task(doing, total=None, rows=0)
            for step in steps:
                if step.resumed and not self._as_json:
                    click.echo("this import was broken off before, and goes on where it was", err=True)
                for problem in step.problems:
                    self._refuse(step.list_number, problem)
                for fate in step.fates:
                    self._tell(step.list_number, fate)
                tally, rows = tally + step.tally, rows + step.rows
                bar.update(task, completed=step.position, total=step.list_size or None, rows=rows)
        return tally

    def end(self, tally: Tally) -> None:
        """Print the totals."""
        if self._as_json:
            self._print_json(tally)
            return
        where = {"refused": self._refused and f"all are in {self._refused}", "rows": None}
        options = {"refused": "--refused FILE", "rows": "--report FILE"}
        for name, count in self._count.items():
            if count > SHOWN:
                all_of_them = where[name] or f"{options[name]} writes all into a file"
                click.echo(f"and {formats.number(count - SHOWN)} more; {all_of_them}", err=name == "refused")
        skipped = f", {formats.number(tally.skipped)} skipped" if tally.skipped else ""
        click.echo(
            f"{formats.number(tally.added)} added, {formats.number(tally.already)} already there, "
            f"{formats.number(tally.left_alone)} left alone, "
            f"{formats.number(tally.ended)} ended, {formats.number(tally.refused)} refused{skipped}"
        )
        self._print_details(tally)

    def _name_sources(self) -> None:
        for one in self._surveys:
            if one.source.name != "plain" and not self._as_json:
                click.echo(f"{one.name}: from {one.source.title} (--source NAME says otherwise)", err=True)

    def _print_details(self, tally: Tally) -> None:
        if any(one.source.name != "plain" for one in self._surveys) and tally.statuses:
            counts = (f"{formats.number(tally.statuses[one])} {one}" for one in Status if tally.statuses.get(one))
            click.echo(f"of those added or ended: {', '.join(counts)}")
        for remark, count in tally.remarks.items():
            click.echo(f"{formats.number(count)}: {remark}")

    def _tell(self, number: int, fate: RowFate) -> None:
        if self._fate_writer:
            self._fate_writer(self._list_name(number), fate)
        if not self._listed:
            return
        self._count["rows"] += 1
        if self._as_json:
            self._keep("rows", {"list": self._list_name(number), **fate._asdict()})
        elif self._count["rows"] <= SHOWN:
            status = f" as {fate.status}" if fate.status else ""
            reason = f" ({fate.reason})" if fate.reason else ""
            click.echo(f"{self._place(number)}line {fate.line}: {fate.email}: {fate.fate}{status}{reason}")

    def _refuse(self, number: int, problem: RefusedRow) -> None:
        self._count["refused"] += 1
        if self._refused:
            self._writer(number)(problem)
        if self._fate_writer:
            fate = RowFate(problem.line, "", "refused", "", problem.reason)
            self._fate_writer(self._list_name(number), fate)
        if self._as_json:
            list_name = {"list": self._list_name(number)} if len(self._surveys) > 1 else {}
            self._keep("refused", {**list_name, "line": problem.line, "reason": problem.reason})
        elif self._count["refused"] <= SHOWN:
            click.echo(f"{self._place(number)}line {problem.line}: {problem.reason}", err=True)

    def _keep(self, name: str, values: Mapping[str, object]) -> None:
        self._waiting[name].write(json.dumps(values, ensure_ascii=False) + "\n")

    def _list_name(self, number: int) -> str:
        return self._surveys[number].name

    def _place(self, number: int) -> str:
        return f"{self._list_name(number)}, " if len(self._surveys) > 1 else ""

    def _writer(self, number: int) -> Callable[[RefusedRow], None]:
        """Each list has columns of its own, and so its refused rows have a file of their own."""
        if number not in self._writers:
            path = cast("Path", self._refused)
            path = path.with_stem(f"{path.stem}-{number + 1}") if number else path
            self._writers[number] = _refused_rows_writer(self._surveys[number].layout.header, self._open(path))
        return self._writers[number]

    def _waiting_file(self) -> TextIO:
        return cast("TextIO", self._open_files.enter_context(TemporaryFile("w+", encoding="utf-8")))

    def _open(self, path: Path) -> TextIO:
        return self._open_files.enter_context(path.open("w", encoding="utf-8", newline=""))

    def _print_json(self, tally: Tally) -> None:
        counts = {
            "source": self._surveys[0].source.name if self._surveys else "plain",
            "added": tally.added,
            "already": tally.already,
            "left_alone": tally.left_alone,
            "ended": tally.ended,
            "skipped": tally.skipped,
            "statuses": dict(tally.statuses),
            "remarks": dict(tally.remarks),
        }
        click.echo(json.dumps(counts, indent=2, ensure_ascii=False).removesuffix("\n}"), nl=False)
        for name in _ROWS if self._listed else _ROWS[:1]:
            click.echo(f',\n  "{name}": [', nl=False)
            self._waiting[name].seek(0)
            for number, line in enumerate(self._waiting[name]):
                click.echo(f"{',' if number else ''}\n    {line.rstrip()}", nl=False)
            click.echo("\n  ]" if self._count[name] else "]", nl=False)
        click.echo("\n}")


_ROWS = ("refused", "rows")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        rows = task.fields["rows"]
        return Text(f"{formats.number(rows)} rows, {formats.number(round(rows / (task.elapsed or 1)))}/s")


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), _Rate(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _refused_rows_writer(header: Sequence[str], file: TextIO) -> Callable[[RefusedRow], None]:
    """Returns a function that writes refused rows under the header of their file: corrected, they can be imported.

    Open `file` with newline="".
    """
    sheet = csv.writer(file)

    def write(line: object, reason: str, cells: Iterable[str]) -> None:
        sheet.writerow([line, reason, *map(escape_formula, cells)])

    write("line", "reason", header)
    return lambda problem: write(problem.line, problem.reason, problem.cells)


def _fates_writer(file: TextIO) -> Callable[[str, RowFate], None]:
    """Writes what became of each row, with the name of its list. Open `file` with newline=""."""
    sheet = csv.writer(file)
    sheet.writerow(["list", *RowFate._fields])
    return lambda name, fate: sheet.writerow(
        [escape_formula(name), fate.line, *map(escape_formula, (fate.email, fate.fate, fate.status, fate.reason))]
    )
