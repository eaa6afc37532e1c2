"""The rows of a list: what each says of its reader, or why it is refused. No database is asked."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from newsletter.audience import statuses
from newsletter.audience.address import Address
from newsletter.audience.chosen_hour import DeliveryHour
from newsletter.audience.importing import headers, sources
from newsletter.audience.importing.column_fields import DEFAULT_CHOICES, ColumnChoices
from newsletter.audience.importing.columns import ColumnLayout, Details
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.reading.csv_reader import CsvFile, CsvRow, RefusedRow, naming
from newsletter.audience.importing.reading.files import ListFile
from newsletter.audience.importing.sources.source import Source
from newsletter.audience.statuses import Status
from newsletter.characters import clean_name
from newsletter.errors import Invalid

SAMPLE = 50
"""The rows by which a column of addresses is recognised."""
_ONLY_THE_STATE = "left there; the name or another detail is not valid, and none was taken over"
_OTHER_LIST = "line {} above is the header of another list; import that one by itself"
_BROKEN = "a line break seems to cut this row in two; a cell that contains one needs quotes"
_END = CsvRow(0, [])
_MAX_JOINED = 40
_MAILBOX = re.compile(r'\s*"?([^<>]*?)"?\s*<([^<>]+)>\s*')
_SEVERAL = re.compile(r"@.*[;,\s].*@", re.DOTALL)


class ImportRow(NamedTuple):
    """One reader in the file; each text is quoted from the file, or empty."""

    email: str
    key: str
    """The same for every spelling of the address."""
    name: str
    status: Status | None
    joined: str
    line: int = 0
    """Where it stands in the list, from 1."""
    tags: tuple[str, ...] = ()
    is_monthly: bool = False
    """Whether they get one digest a month; of a reader who is there already it is left as it is."""
    topics_off: tuple[str, ...] = ()
    """By their keys; of a reader who is there already they are left as they are."""
    delivery_hour: DeliveryHour | None = None
    """As with topics."""
    attributes: Mapping[str, str] = {}
    proof: str = ""
    """The peer's proof of their consent, word for word."""
    remark: str = ""
    """A remark on that proof, or on what was left out, for the report."""
    skipped: str = ""
    """Why this row cannot be a reader; empty if it can."""
    paused_until: datetime | None = None

    @property
    def is_ended(self) -> bool:
        return self.status in statuses.ENDED

    def says_worse_than(self, other: "ImportRow") -> bool:
        """Whether this row states a worse status than another row of the same address."""
        return self.status is not other.status and statuses.worse_status(other.status, self.status) is self.status


class ListSurvey(NamedTuple):
    """What one list of a file is: where it comes from, and what its columns hold."""

    name: str
    source: Source
    layout: ColumnLayout


def survey(file: ListFile, choices: ColumnChoices = DEFAULT_CHOICES, source: str = "") -> list[ListSurvey]:
    """What each list of a file is, by its header; Invalid if it is not recognised, or a column has to be decided."""
    with file.lists() as lists:
        found = []
        for sheet in lists:
            layout, _ = opened(sheet, choices.within(sheet.header.cells), source)
            found.append(ListSurvey(sheet.name, layout.source, layout))
    with naming(f"{file.name}: line 1"):
        choices.check([title for one in found for title in one.layout.header])
    return found


def read_rows(
    sheet: CsvFile, choices: ColumnChoices = DEFAULT_CHOICES, source: str = ""
) -> Iterator[ImportRow | RefusedRow]:
    """Each row of a list, parsed or refused; Invalid if the header has no address column, or an undecided one."""
    return parsed(*opened(sheet, choices, source))


def parsed(layout: ColumnLayout, lines: Iterator[CsvRow | RefusedRow]) -> Iterator[ImportRow | RefusedRow]:
    """Each row of a list that `opened` gave, parsed or refused; its header is passed over where it comes again."""
    details, other_header = layout.details(), 0
    for line, following in itertools.pairwise(itertools.chain(lines, [_END])):
        row = line if isinstance(line, RefusedRow) else _row(layout, details, line)
        if isinstance(row, ImportRow):
            doubt = _OTHER_LIST.format(other_header) if other_header else ""
            # Whoever left is not mailed again by mistake.
            if not (doubt or row.is_ended):
                doubt = _BROKEN if layout.is_first_half(line.cells, following.cells) else _own_doubt(line)
            yield RefusedRow(row.line, doubt, line.cells) if doubt else row
        elif layout.has_titles(row.cells):
            other_header = 0
        else:
            if layout.is_other_header(row.cells):
                other_header = row.line
            yield row


def _own_doubt(line: CsvRow | RefusedRow) -> str:
    return line.doubt if isinstance(line, CsvRow) else line.reason


def headed(sheet: CsvFile, source: str = "") -> tuple[Source, CsvRow, Iterator[CsvRow | RefusedRow]]:
    """Where a list comes from, its header, and all rows below; what stands in for a header that it lacks."""
    header, rows = _below_its_title(sheet)
    found = sources.source_named(source) if source else sources.recognised_source(header.cells, sheet.file_name)
    if found.headerless and any("@" in cell for cell in header.cells):
        rows = itertools.chain([header], rows)
        titles = [*found.headerless, *(f"Field {number}" for number in range(3, len(header.cells) + 1))]
        header = CsvRow(header.number, titles)
    return found, header, rows


def _below_its_title(sheet: CsvFile) -> tuple[CsvRow, Iterator[CsvRow | RefusedRow]]:
    """The header of a list, and the rows below it; a title above both is left out, as Numbers writes the table's."""
    top = [sheet.header, *itertools.islice(sheet.rows, _MOST_TITLES)]
    for at, row in enumerate(top):
        texts = [cell for cell in row.cells if cell.strip()]
        if isinstance(row, CsvRow) and any(headers.field_of(text) is FieldKind.EMAIL for text in texts):
            return row, itertools.chain(top[at + 1 :], sheet.rows)
        if len(texts) != 1 or "@" in texts[0] or headers.names_the_gone(texts[0]):
            break
    return sheet.header, itertools.chain(top[1:], sheet.rows)


_MOST_TITLES = 3
"""Lines that a list may have above its header."""


def opened(sheet: CsvFile, choices: ColumnChoices, source: str) -> tuple[ColumnLayout, Iterator[CsvRow | RefusedRow]]:
    """The layout of a list, and all its rows; Invalid if it has no address column, or an undecided one."""
    found, header, rows = headed(sheet, source)
    sample = list(itertools.islice(rows, SAMPLE))
    cells = [row.cells for row in sample if isinstance(row, CsvRow)]
    try:
        layout = ColumnLayout.from_header(header.cells, choices, found, sheet.file_name, cells)
    except Invalid as error:
        raise Invalid(f"{sheet.name}: line {header.number}: {error}") from None
    return layout, itertools.chain(sample, rows)


def _row(layout: ColumnLayout, details: Details, line: CsvRow) -> ImportRow | RefusedRow:
    try:
        cells = layout.padded(line.cells)
        texts = layout.checked_texts(cells)
        beside, address = _mailbox(layout.text(texts, FieldKind.EMAIL))
        status, joined = layout.status(cells), layout.text(texts, FieldKind.JOINED)[:_MAX_JOINED]
        joined = joined if joined.isprintable() else ""
        try:
            name, more = clean_name(layout.name(texts) or beside), {field: read(texts) for field, read in details}
        except Invalid:
            # Whoever left must be known to have left, whatever else their row says.
            if status not in statuses.ENDED:
                raise
            name, more = "", {"remark": _ONLY_THE_STATE}
        if skipped := layout.skip_reason(cells, address):
            more["skipped"] = skipped
        if status is Status.PAUSED:
            more["paused_until"] = _paused_until(layout, texts)
        return ImportRow(address.email, address.key, name, status, joined, line.number, **more)
    except Invalid as error:
        return RefusedRow(line.number, str(error), line.cells)


def _paused_until(layout: ColumnLayout, texts: Sequence[str]) -> datetime:
    try:
        return datetime.fromisoformat(layout.text(texts, FieldKind.PAUSED_UNTIL)).astimezone(UTC)
    except ValueError:
        raise Invalid("this reader is paused, and no column tells until when") from None


def _mailbox(text: str) -> tuple[str, Address]:
    """The name and address in a cell such as `Ada <ada@example.org>`; mostly it is the address alone."""
    found = _MAILBOX.fullmatch(text) if "<" in text else None
    name, address = found.groups() if found else ("", text)
    try:
        return ("" if "@" in name else name.replace('\\"', '"')), Address.parse(address)
    except Invalid:
        if text.count("@") > 1 and _SEVERAL.search(text):
            raise Invalid("several addresses in one cell; give each a row of its own") from None
        raise
