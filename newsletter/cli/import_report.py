"""The report of an import: a progress bar, the refused rows with line and reason, and the totals."""

import json
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from newsletter.audience.importing import csv_export
from newsletter.audience.importing.csv_reader import CsvFile, RefusedRow
from newsletter.audience.importing.plan import ImportStep, Tally
from newsletter.i18n import formats

SHOWN = 100
"""The number of refused rows that are printed; a million of them would hide everything else."""


@contextmanager
def reporting(*, as_json: bool, refused: Path | None) -> Iterator["Report"]:
    """A report for people or as JSON, and a file of the refused rows if one is named."""
    with TemporaryFile("w+", encoding="utf-8") as waiting, ExitStack() as open_files:
        yield Report(as_json, refused, waiting, open_files)


class Report:
    """Prints refused rows as they come, and keeps none of them in memory."""

    def __init__(self, as_json: bool, refused: Path | None, waiting: TextIO, open_files: ExitStack) -> None:
        self._as_json, self._refused, self._waiting, self._open_files = as_json, refused, waiting, open_files
        self._count = 0
        self._write: Callable[[RefusedRow], None] | None = None

    def follow(self, steps: Generator[ImportStep], sheet: CsvFile, doing: str) -> Tally:
        """Run all steps, with a progress bar if standard error is a terminal; the sum of their tallies."""
        if self._refused and not self._write:
            file = self._open_files.enter_context(self._refused.open("w", encoding="utf-8", newline=""))
            self._write = csv_export.refused_rows_writer(sheet.header.cells, file)
        tally, rows = Tally(), 0
        with _bar() as bar, closing(steps):
            task = bar.add_task(doing, total=sheet.size, rows=0)
            for step in steps:
                for problem in step.problems:
                    self._refuse(problem)
                tally, rows = tally + step.tally, rows + step.rows
                bar.update(task, completed=step.position, rows=rows)
        return tally

    def end(self, tally: Tally) -> None:
        """Print the totals."""
        if self._as_json:
            self._print_json(tally)
            return
        if self._count > SHOWN:
            where = f"all are in {self._refused}" if self._refused else "--refused FILE writes all into a file"
            click.echo(f"and {formats.number(self._count - SHOWN)} more; {where}", err=True)
        click.echo(
            f"{formats.number(tally.added)} added, {formats.number(tally.already)} already there, "
            f"{formats.number(tally.left_alone)} left alone, "
            f"{formats.number(tally.ended)} ended, {formats.number(tally.refused)} refused"
        )

    def _refuse(self, problem: RefusedRow) -> None:
        self._count += 1
        if self._write:
            self._write(problem)
        if self._as_json:
            self._waiting.write(json.dumps({"line": problem.line, "reason": problem.reason}, ensure_ascii=False) + "\n")
        elif self._count <= SHOWN:
            click.echo(f"line {problem.line}: {problem.reason}", err=True)

    def _print_json(self, tally: Tally) -> None:
        counts = {"added": tally.added, "already": tally.already, "left_alone": tally.left_alone, "ended": tally.ended}
        click.echo(json.dumps(counts, indent=2).removesuffix("\n}") + ',\n  "refused": [', nl=False)
        self._waiting.seek(0)
        for number, line in enumerate(self._waiting):
            click.echo(f"{',' if number else ''}\n    {line.rstrip()}", nl=False)
        click.echo("\n  ]\n}" if self._count else "]\n}")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        rows = task.fields["rows"]
        return Text(f"{formats.number(rows)} rows, {formats.number(round(rows / (task.elapsed or 1)))}/s")


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), _Rate(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
