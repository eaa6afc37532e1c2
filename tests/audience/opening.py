"""Opens and imports lists for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from newsletter.audience.importing.column_fields import DEFAULT_CHOICES, ColumnChoices
from newsletter.audience.importing.importer import ImportMode, ImportRun
from newsletter.audience.importing.plan import ImportStep, ImportTerms, Tally
from newsletter.audience.importing.progress import ImportSettings
from newsletter.audience.importing.reading import list_rows
from newsletter.audience.importing.reading.csv_reader import CsvFile
from newsletter.audience.importing.reading.files import open_file
from newsletter.publications import Publication


@contextmanager
def open_csv(path: Path, encoding: str = "") -> Iterator[CsvFile]:
    """The first list of a file, to be read once."""
    with open_file(path, encoding) as file, file.lists() as lists:
        yield next(lists)


def import_steps(
    press: Any,
    path: Path,
    terms: ImportTerms,
    publication: Publication | None = None,
    *,
    choices: ColumnChoices = DEFAULT_CHOICES,
    source: str = "",
    **mode: Any,
) -> Iterator[ImportStep]:
    """The steps of an import into a publication, by default that of the press."""
    settings, home = ImportSettings(terms, choices, source), publication or press.publication
    run = ImportRun(press.sessions, press.audience, home, settings, press.now, ImportMode(**mode))
    with open_file(path) as opened:
        yield from run.import_file(opened, list_rows.survey(opened, choices, source))


def import_list(
    press: Any, path: Path, terms: ImportTerms, publication: Publication | None = None, **how: Any
) -> Tally:
    """What became of the rows of a file that was imported."""
    return sum((step.tally for step in import_steps(press, path, terms, publication, **how)), Tally())
