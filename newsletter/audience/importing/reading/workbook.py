"""The plan of a workbook (XLSX): its sheets, the texts that they share, and how numbers are shown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from posixpath import basename, dirname, join, normpath
from typing import IO, NamedTuple
from zipfile import ZipFile, ZipInfo

from newsletter.audience.importing.reading import number_formats, zip_reader
from newsletter.audience.importing.reading.number_formats import NumberReader
from newsletter.audience.importing.reading.xml_part import DAMAGED, TRUE, XmlPart
from newsletter.errors import Invalid

_WORKBOOK = re.compile(r"xl/workbook\d*\.xml")
_MOST_ELEMENTS = 500_000
"""Of a part that is no sheet: a worn-out workbook has 64,000 formats."""


class Sheet(NamedTuple):
    """One worksheet."""

    name: str
    part: ZipInfo
    is_hidden: bool


class Workbook(NamedTuple):
    """What has to be known before a sheet can be read."""

    sheets: Sequence[Sheet]
    shared: ZipInfo | None
    """The texts of its cells, unless each cell has its own."""
    styles: Sequence[NumberReader]
    """What reads a number, by the style of its cell."""


def workbook_path(opened: ZipFile) -> str:
    """Where in a zip the part is that names the sheets; "" for a zip that is no workbook."""
    return next(filter(_WORKBOOK.fullmatch, _parts(opened)), "")


def read_workbook(opened: ZipFile) -> Workbook:
    """The plan of a workbook; Invalid if a part of it is missing or damaged."""
    try:
        return _plan(opened, _parts(opened), workbook_path(opened))
    except (KeyError, ValueError):
        raise Invalid(DAMAGED) from None


def _plan(opened: ZipFile, parts: Mapping[str, ZipInfo], path: str) -> Workbook:
    folder = dirname(path)
    relations = _elements(opened, parts[f"{folder}/_rels/{basename(path)}.rels"])
    related = {its["Id"]: (basename(its["Type"]), its["Target"]) for name, its in relations if name == "Relationship"}

    def part(target: str) -> str:
        return _key(normpath(join("/", folder, target)))

    sheets, from_1904 = [], False
    for name, attributes in _elements(opened, parts[path]):
        if name == "workbookPr":
            from_1904 = attributes.get("date1904") in TRUE
        elif name == "sheet":
            kind, target = related[attributes["id"]]
            # A sheet can also be a chart.
            if kind == "worksheet":
                is_hidden = attributes.get("state", "visible") != "visible"
                sheets.append(Sheet(attributes["name"], parts[part(target)], is_hidden))
    beside = {kind: parts.get(part(target)) for kind, target in related.values()}
    styles = beside.get("styles")
    readers = _readers(_elements(opened, styles), from_1904=from_1904) if styles else ()
    return Workbook(sheets, beside.get("sharedStrings"), readers)


def _readers(styles: Iterator[tuple[str, Mapping[str, str]]], *, from_1904: bool) -> Sequence[NumberReader]:
    """What reads a number, by the style of a cell."""
    codes: dict[int, str] = {}
    numbers: dict[str, list[int]] = {}
    within = ""
    for name, attributes in styles:
        if name == "numFmt":
            codes.setdefault(int(attributes["numFmtId"]), attributes["formatCode"])
        elif name == "xf":
            numbers[within].append(int(attributes.get("numFmtId", 0)))
        elif name.endswith("Xfs"):
            numbers[within := name] = []
    read = cache(partial(number_formats.reader_of, codes=codes, from_1904=from_1904))
    return list(map(read, numbers.get("cellXfs", ())))


def _parts(opened: ZipFile) -> dict[str, ZipInfo]:
    return {_key(entry.filename): entry for entry in opened.infolist()}


def _key(name: str) -> str:
    # Names of parts are the same in capitals, and some programs write the folders as Windows does.
    return name.replace("\\", "/").lstrip("/").casefold()


class _Elements(XmlPart):
    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self.found: list[tuple[str, Mapping[str, str]]] = []

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.found.append((self._local[name], {self._local[key]: value for key, value in attributes.items()}))

    def _end(self, name: str) -> None:
        pass


def _elements(opened: ZipFile, entry: ZipInfo) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The name of each element of a part, and its attributes."""
    count = 0
    with zip_reader.open_member(opened, entry) as stream:
        elements = _Elements(stream)
        while elements.read_piece():
            count += len(elements.found)
            if count > _MOST_ELEMENTS:
                raise Invalid(DAMAGED)
            yield from elements.found
            elements.found.clear()
