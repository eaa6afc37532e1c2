"""Rows that are read without the parser: they are the same as if it had read them, and whatever else is left to it."""

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

import hypothesis.strategies as st
import pytest
from hypothesis import given

from newsletter.audience.importing.reading import number_formats, xml_part
from newsletter.audience.importing.reading.csv_reader import CsvRow, RefusedRow
from newsletter.audience.importing.reading.merged_cells import MergedCells
from newsletter.audience.importing.reading.shared_strings import SharedStrings
from newsletter.audience.importing.reading.sheet_rows import SheetRows
from newsletter.audience.importing.reading.xml_part import XmlPart
from newsletter.errors import Invalid

STYLES = [number_formats.plain_number, number_formats.reader_of(14, {}, from_1904=False)]
PLAIN = {
    "declaration": ["", '<?xml version="1.0" encoding="UTF-8"?>'],
    "data": ["<sheetData>"],
    "row": ["", ' spans="1:3"', ' ht="15.5" x14ac:dyDescent="0.25"'],
    "column": ["A", "B", "C", "E"],
    "attributes": ["", ' s="1"', ' s="1" t="n"', ' t="str" s="9"', ' t="b"', ' t="d"', ' t="e"', ' t="inlineStr"'],
    "around": ["<v>{}</v>", "<is><t>{}</t></is>", '<is><t xml:space="preserve">{}</t></is>', "{}"],
    "text": ["0", "45293", "1.50", "true", "2024-01-02T03:04:05", "Zoë's \"12'\"", " a\tb\nc ", "_x0041_", ""],
    "between": ["", "\n"],
    "shared": ["<si><t>email</t></si>", '<si><t xml:space="preserve"> Zoë, _x0042_</t></si>', "<si><t></t></si>"],
}
ROW = '<row r="1"><c r="A1"><v>1</v></c></row>'
ODD = {
    "declaration": ['<?xml version="1.0" encoding="latin-1"?>', "<!-- <sheetData> -->"],
    "data": ["<sheetData><!-- <sheetData>", "<sheetData><![CDATA[<sheetData>", "<x:sheetData>", "<sheetData x='1'>"],
    "row": [' hidden="1"', ' hidden="false"', ' r="9"', ' s="', ' a="x>y"', "/"],
    "column": ["AA", "a", "ZZZ", ""],
    "attributes": [' t="&#98;"', ' r="B9"', ' s="1" s="2"', " t='b'", ' t="b" ', ' t="a/b"', 't="b"', ' t="s"'],
    "around": [
        "<f>A1</f><v>{}</v>",
        "<v><![CDATA[{}</row>]]></v>",
        "<is><t>{}</is>",
        "<v>{}</v><!-- </row> -->",
        "<v>{}<b/></v>",
        "<is><r><t>{}</t></r><rPh><t>x</t></rPh></is>",
        "<v>{}</v></c></row><row>",
    ],
    "text": ["&amp;", "&#0;", "&x;", "a\r\nb", "\x0b", "\ufffe", "]]>", "a>b", "x" * 70_000, "<v>", "\ud800"],
    "between": [
        f"<!-- {ROW}{ROW} -->",
        f"<![CDATA[{ROW}",
        "]]>",
        "<row/>",
        "<x:row/>",
        "<?a </row>?>",
        "<b>",
        "</sheetData>",
    ],
    "shared": [
        "<si><r><t>a</t></r><rPh><t>b</t></rPh></si>",
        "<si/>",
        "<si><!-- </si> --><t>c</t></si>",
        "<!-- </si>",
        "<![CDATA[</si>",
        "<si><t>&lt;</t></si>",
        "<si><t>\r</t></si>",
        "<si><t>d</si>",
        f"<si><t>{'y' * 40_000}</t></si>",
        "</sst>",
    ],
}
"""By the place where a sheet or its texts have it, what is not to be read without the parser."""


def made(chance: random.Random, place: str, odd: str) -> tuple[bytes, bytes]:
    """A sheet and the texts that it shares, all plain but for about one oddity."""

    def part(kind: str) -> str:
        return odd if kind == place and chance.random() < 0.2 else chance.choice(PLAIN[kind])

    sheet = f"{part('declaration')}<worksheet>{part('data')}"
    for row in range(1, chance.randint(4, 9)):
        sheet += f'<row r="{row}"{part("row")}>'
        for column in sorted(part("column") for _ in range(chance.randint(0, 4))):
            attributes, text = part("attributes"), part("text")
            if chance.random() < 0.2:
                attributes, text = ' t="s"', str(chance.randint(0, 20))
            sheet += f'<c r="{column}{row}"{attributes}>{part("around").format(text)}</c>'
        sheet += f"</row>{part('between')}"
    sheet += "</sheetData><row r='99'><c><v>3</v></c></row></worksheet>"
    texts = "".join(part("shared") for _ in range(chance.randint(18, 40)))
    return sheet.encode(errors="surrogatepass"), f"<sst>{texts}</sst>".encode()


@pytest.mark.parametrize("place", ODD)
@given(seed=st.integers(0, 1 << 32))
def test_a_row_is_read_without_the_parser_as_the_parser_reads_it(place: str, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    sheet, texts = made(chance, place, chance.choice(ODD[place]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_part, "_PIECE", chance.choice([64, 500, 1 << 14]))
        patch.setattr(xml_part, "_LONGEST_UNIT", chance.choice([200, 1 << 20]))
        taken = outcome(sheet, texts)
        patch.setattr(XmlPart, "_takes_units", lambda _: False)
        assert taken == outcome(sheet, texts)


def test_nearly_all_rows_of_a_plain_sheet_are_read_without_the_parser() -> None:
    rows = (f'<row r="{number}"><c r="A{number}"><v>{number}</v></c></row>' for number in range(1, 5_001))
    sheet = f"<sheetData>{''.join(rows)}</sheetData>".encode()
    with opened(sheet, b"<sst/>") as read:
        assert sum(1 for _ in read) == 5_000
        assert read.parsed_bytes < len(sheet) / 10


def outcome(sheet: bytes, texts: bytes) -> list[CsvRow | RefusedRow] | str:
    """The rows, or the reason why the sheet is refused."""
    try:
        with opened(sheet, texts) as rows:
            return list(rows)
    except Invalid as error:
        return str(error)


@contextmanager
def opened(sheet: bytes, texts: bytes) -> Iterator[SheetRows]:
    with TemporaryFile() as file:
        yield SheetRows(io.BytesIO(sheet), SharedStrings(io.BytesIO(texts), file), STYLES, MergedCells({}))
