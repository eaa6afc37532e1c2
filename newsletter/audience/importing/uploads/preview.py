"""The preview of an uploaded list: its source, its columns, and the questions that somebody has to answer."""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from newsletter.audience.importing import column_fields, headers
from newsletter.audience.importing.cells import MAX_ATTRIBUTES
from newsletter.audience.importing.column_fields import EVERYTHING_ELSE, ColumnChoices
from newsletter.audience.importing.columns import ColumnLayout
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.progress import ImportSettings
from newsletter.audience.importing.reading import list_rows
from newsletter.audience.importing.reading.csv_reader import CsvFile, CsvRow
from newsletter.audience.importing.reading.files import ListFile
from newsletter.audience.importing.reading.text_encoding import EIGHT_BIT, UnknownEncoding, WordReading
from newsletter.audience.importing.sources.plain import PLAIN
from newsletter.audience.importing.sources.source import Source
from newsletter.errors import Invalid

_LONGEST_SAMPLE = 80
LEFT_OUT = "ignore"
"""What a form says of a column that counts for nothing."""
ENCODINGS = ("utf-8", *EIGHT_BIT)
"""The encodings that a form offers."""


class ColumnUse(NamedTuple):
    """A column, the first value in it, and what it is taken for; None if it is left out."""

    title: str
    sample: str
    field: FieldKind | None
    is_question: bool = False
    """Whether it may tell who has left, so that somebody has to say what it holds."""


@dataclass(slots=True)
class FilePreview:
    """What is known of a file, and what has to be said before it can be imported."""

    source: Source = PLAIN
    lists: list[str] = field(default_factory=list)
    columns: dict[str, ColumnUse] = field(default_factory=dict)
    """By what the spellings of a title have in common."""
    readings: Sequence[WordReading] = ()
    """How a word of the file reads in each encoding that it may be in."""
    questions: list[str] = field(default_factory=list)
    fault: str = ""
    unread: str = ""
    """What is in it and is not read, although there may be readers in it."""
    doubt: str = ""
    """Why it is not clear who in it has left (`ColumnLayout.doubt`)."""

    @property
    def is_ready(self) -> bool:
        """Whether nothing is left to be said."""
        return not (self.questions or self.fault or self.readings)


def preview(file: ListFile, settings: ImportSettings) -> FilePreview:
    """Look at the beginning of each list of a file; what prevents its import is part of the result, never raised."""
    seen = FilePreview()
    try:
        with file.lists() as lists:
            for sheet in lists:
                _look_at(seen, sheet, settings)
            seen.unread = file.unread_names
    except UnknownEncoding as error:
        seen.readings = error.readings
    except Invalid as error:
        seen.fault = str(error)
    if seen.doubt and not settings.terms.vouched:
        seen.questions.append(
            f"{seen.doubt[0].upper()}{seen.doubt[1:]}. "
            "If you have made sure that everybody in it still subscribes, say so below."
        )
    return seen


def choices_from(seen: FilePreview, answers: Sequence[str]) -> ColumnChoices:
    """The choices made in a form, which answers for each column in turn what it holds; "" leaves it as recognised."""
    mapped: dict[str, FieldKind] = {}
    ignored = set()
    for use, answer in zip(seen.columns.values(), answers, strict=False):
        if answer == LEFT_OUT:
            ignored.add(use.title)
        elif answer in set(FieldKind):
            mapped[use.title] = FieldKind(answer)
    return ColumnChoices(mapped, frozenset(ignored))


def _look_at(seen: FilePreview, sheet: CsvFile, settings: ImportSettings) -> None:
    source, header, rows = list_rows.headed(sheet, settings.source)
    choices = settings.choices.within(header.cells)
    sample = [row.cells for row in itertools.islice(rows, list_rows.SAMPLE) if isinstance(row, CsvRow)]
    seen.source = source if seen.source is PLAIN else seen.source
    seen.lists.append(sheet.name)
    uses = _uses(header.cells, choices, source, sample)
    for use in uses:
        if (known := seen.columns.get(key := column_fields.column_key(use.title))) is None or not known.sample:
            seen.columns[key] = use
    if questions := _questions(uses):
        seen.questions += [each for each in questions if each not in seen.questions]
        return
    layout = ColumnLayout.from_header(header.cells, choices, source, sheet.file_name, sample)
    seen.doubt = seen.doubt or layout.doubt


def _uses(
    header: Sequence[str], choices: ColumnChoices, source: Source, sample: Sequence[Sequence[str]]
) -> list[ColumnUse]:
    named = column_fields.named_fields(header, choices, source)
    free = column_fields.free_columns(header, named, choices, source)
    if FieldKind.EMAIL not in named:
        with contextlib.suppress(Invalid):  # asked for below
            named[column_fields.address_column(header, free, sample)] = FieldKind.EMAIL
    uses = []
    for at, title in enumerate(header):
        value = next((row[at].strip() for row in sample if at < len(row) and row[at].strip()), "")[:_LONGEST_SAMPLE]
        is_open = at in free and named[at] is None
        is_question = is_open and headers.suspected_field(title, header) is not None
        is_kept = is_open and EVERYTHING_ELSE not in choices.ignored and not headers.is_bookkeeping(title)
        uses.append(ColumnUse(title, value, FieldKind.ATTRIBUTE if is_kept else named[at], is_question))
    return uses


def _questions(uses: Sequence[ColumnUse]) -> list[str]:
    found = [
        f"“{use.title[:40]}” may tell who has left. Say what it holds, or leave it out."
        for use in uses
        if use.is_question
    ]
    if not any(use.field is FieldKind.EMAIL for use in uses):
        found.append("No column holds the addresses. Say which one does.")
    attributes = sum(use.field is FieldKind.ATTRIBUTE for use in uses)
    if attributes > MAX_ATTRIBUTES:
        found.append(f"{attributes} columns would be kept as attributes, and {MAX_ATTRIBUTES} fit. Leave some out.")
    return found
