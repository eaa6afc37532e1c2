"""Opens a list for tests that read it themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.audience.importing.reading.csv_reader import CsvFile
from newsletter.audience.importing.reading.files import open_file


@contextmanager
def open_csv(path: Path, encoding: str = "") -> Iterator[CsvFile]:
    """The first list of a file, to be read once."""
    with open_file(path, encoding) as file, file.lists() as lists:
        yield next(lists)
