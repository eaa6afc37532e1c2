"""Workbooks (XLSX) as lists: each cell as a CSV file would have it."""

import io
import itertools
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from python_calamine import CalamineWorkbook

from newsletter.audience.importing.column_fields import DEFAULT_CHOICES
from newsletter.audience.importing.reading import files, list_rows, reader_process, stretches, xlsx_reader
from newsletter.audience.importing.reading.csv_reader import CsvRow, RefusedRow
from newsletter.audience.importing.reading.list_rows import ImportRow
from newsletter.audience.statuses import Status
from newsletter.errors import Invalid

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DATE = 1
"""The style of a cell that is a date."""
CODES = ("yyyy-mm-dd hh:mm", "h:mm AM/PM", "[h]:mm", '0.0 "days"', "00000", "[$-407]d. mmmm yyyy", "dd/mm/yy;@", "0%")
"""Of the styles from 2."""


class Xml(str):
    """A cell as it stands in the sheet."""

    __slots__ = ()


def styled(code: str, number: float) -> Xml:
    return Xml(f'<c s="{CODES.index(code) + 2}"><v>{number}</v></c>')


def cell(value: object) -> str:
    if isinstance(value, Xml):
        return value
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, tuple):
        return f'<c s="{DATE}"><v>{value[0]}</v></c>'
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def workbook(
    path: Path,
    *sheets: Sequence[Sequence[object]],
    names: Sequence[str] = (),
    hidden: int = -1,
    merged: str = "",
    shared: Sequence[str] = (),
    settings: str = "",
) -> Path:
    """A workbook as Excel writes it, as far as a reader looks."""
    cells = "".join(f'<mergeCell ref="{each}"/>' for each in merged.split())
    merges = cells and f"<mergeCells>{cells}</mergeCells>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        numbers = range(1, len(sheets) + 1)
        seen = ["state='hidden'" if number == hidden else "" for number in numbers]
        named = "".join(
            f'<sheet name="{name}" sheetId="{n}" r:id="r{n}" {state}/>'
            for n, name, state in zip(numbers, names or [f"Sheet{n}" for n in numbers], seen, strict=True)
        )
        made.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types"/>')
        root = f'<Relationship Id="r1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
        made.writestr("_rels/.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{root}</Relationships>')
        made.writestr(
            "xl/workbook.xml", f'<workbook {MAIN} xmlns:r="{RELATIONS}">{settings}<sheets>{named}</sheets></workbook>'
        )
        to = "".join(
            f'<Relationship Id="r{n}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        to += f'<Relationship Id="s" Type="{RELATIONS}/styles" Target="styles.xml"/>'
        to += f'<Relationship Id="t" Type="{RELATIONS}/sharedStrings" Target="/xl/sharedStrings.xml"/>'
        made.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{to}</Relationships>'
        )
        codes = "".join(f"<numFmt numFmtId='{n}' formatCode={quoteattr(code)}/>" for n, code in enumerate(CODES, 164))
        used = "".join(f'<xf numFmtId="{n}"/>' for n in (0, 14, *range(164, 164 + len(CODES))))
        styles = f"<numFmts>{codes}</numFmts><cellStyleXfs><xf/></cellStyleXfs><cellXfs>{used}</cellXfs>"
        made.writestr("xl/styles.xml", f"<styleSheet {MAIN}>{styles}</styleSheet>")
        texts = "".join(f"<si>{text}</si>" for text in shared)
        made.writestr("xl/sharedStrings.xml", f"<sst {MAIN}>{texts}</sst>")
        for n, rows in zip(numbers, sheets, strict=True):
            lines = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
            made.writestr(
                f"xl/worksheets/sheet{n}.xml", f"<worksheet {MAIN}><sheetData>{lines}</sheetData>{merges}</worksheet>"
            )
    return path


def rewritten(path: Path, *changes: tuple[bytes, bytes]) -> Path:
    """The same workbook with other words in its sheets."""
    with (
        zipfile.ZipFile(io.BytesIO(path.read_bytes())) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name in old.namelist():
            content = old.read(name)
            for before, after in changes if "worksheets" in name else ():
                assert before in content
                content = content.replace(before, after)
            made.writestr(name, content)
    return path


def rows_of(path: Path) -> list[CsvRow | RefusedRow]:
    with files.open_file(path) as opened, opened.lists() as lists:
        return [row for sheet in lists for row in (sheet.header, *sheet.rows)]


def read(path: Path) -> list[ImportRow]:
    with files.open_file(path) as opened, opened.lists() as lists:
        return [row for sheet in lists for row in list_rows.read_rows(sheet) if isinstance(row, ImportRow)]


HEADER = ["email", "name", "age", "vip", "created_at", "zip"]


def test_cells_are_read_as_a_csv_file_would_have_them(tmp_path: Path) -> None:
    rows: Sequence[Sequence[object]] = [
        HEADER,
        ["fern@garden.example", "Zoë & Co", 41.0, True, (45293,), "01099"],
        ["", ""],
        ["ivy@garden.example"],
    ]
    fern, ivy = read(workbook(tmp_path / "list.xlsx", rows))
    assert (fern.name, fern.joined, fern.line) == ("Zoë & Co", "2024-01-02", 2)
    assert fern.attributes == {"age": "41", "vip": "true", "zip": "01099"}
    assert (ivy.name, ivy.attributes, ivy.line) == ("", {}, 4)


def test_a_cell_that_is_merged_with_those_below_counts_for_each_of_their_rows(tmp_path: Path) -> None:
    rows = [["email", "status"]]
    rows += [["ivy@garden.example", "unsubscribed"], ["moss@garden.example"], ["", ""], ["fern@garden.example", ""]]
    path = workbook(tmp_path / "list.xlsx", rows, merged="B2:B4 A1:B1 Z1:Z9")
    assert [(row.email, row.status) for row in read(path)] == [
        ("ivy@garden.example", Status.UNSUBSCRIBED),
        ("moss@garden.example", Status.UNSUBSCRIBED),
        ("fern@garden.example", None),
    ]


def test_merged_cells_are_found_once_and_filled_in_each_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [["email", "status"], ["ivy@garden.example", ""], ["moss@garden.example", "unsubscribed"]]
    rows += [[f"fern{number}@garden.example", ""] for number in range(4)]
    path = workbook(tmp_path / "list.xlsx", rows, merged="B3:B5")
    with files.open_file(path) as file:
        with file.lists() as lists:
            # Left in the middle of what is merged.
            assert [row.cells[-1] for row in itertools.islice(next(lists).rows, 2)] == [rows[1][0], "unsubscribed"]
        monkeypatch.setattr(xlsx_reader, "merged_ranges", None)
        (in_place,) = stretches.read_stretches(file)
        monkeypatch.setattr(reader_process, "SMALL", 0)
        (apart,) = reader_process.read_ahead(file, DEFAULT_CHOICES, "plain")
    assert list(apart.rows()) == list(in_place.rows())
    has_left = {row.email.partition("@")[0] for row in apart.rows() if row.status is Status.UNSUBSCRIBED}
    assert has_left == {"moss", "fern0", "fern1"}


def test_each_sheet_that_is_seen_and_has_rows_is_a_list(tmp_path: Path) -> None:
    sheets: Sequence[list[list[str]]] = (
        [HEADER, ["fern@garden.example"]],
        [],
        [["email"], ["gone@garden.example"]],
        [["Email"], ["ivy@garden.example"]],
    )
    path = workbook(tmp_path / "list.xlsx", *sheets, hidden=3)
    with files.open_file(path) as opened:
        assert [one.name.rpartition(", ")[2] for one in list_rows.survey(opened)] == [
            "sheet 'Sheet1'",
            "sheet 'Sheet4'",
        ]
    assert [row.email for row in read(path)] == ["fern@garden.example", "ivy@garden.example"]


def test_a_sheet_that_is_no_list_is_passed_over_by_name(tmp_path: Path) -> None:
    sheets = (
        [["Made by Numbers"]],
        [["Readers"], HEADER, ["fern@garden.example"]],
        [["email"], ["old@garden.example"]],
    )
    path = workbook(tmp_path / "list.xlsx", *sheets, names=["Summary", "Readers", "Backup"], hidden=3)
    with files.open_file(path) as opened:
        assert [one.name for one in list_rows.survey(opened)] == [str(path)]
        assert opened.unread_names == "sheet 'Summary' (without an address), sheet 'Backup' (hidden)"


def test_a_hidden_list_of_those_who_left_is_read_and_asked_about(tmp_path: Path) -> None:
    sheets = ([["email"], ["ivy@garden.example"]], [["email"], ["gone@garden.example"]])
    path = workbook(tmp_path / "list.xlsx", *sheets, names=["Readers", "Unsubscribed"], hidden=2)
    with files.open_file(path) as opened:
        _, gone = list_rows.survey(opened)
    assert "may say that its readers have left" in gone.layout.doubt


def test_a_workbook_of_hidden_sheets_says_so(tmp_path: Path) -> None:
    path = workbook(tmp_path / "list.xlsx", [["email"], ["ivy@garden.example"]], hidden=1)
    with pytest.raises(Invalid, match="all its sheets are hidden; show the one with the list"):
        rows_of(path)


def test_a_hidden_row_adds_no_reader_and_ends_what_it_says_has_ended(tmp_path: Path) -> None:
    rows = [
        ["email", "status"],
        ["ivy@garden.example", ""],
        ["moss@garden.example", ""],
        ["fern@garden.example", "left"],
    ]
    path = rewritten(
        workbook(tmp_path / "list.xlsx", rows),
        *((f"<row>{cell(address)}".encode(), f'<row hidden="1">{cell(address)}'.encode()) for address, _ in rows[2:]),
    )
    with files.open_file(path) as opened, opened.lists() as lists:
        ivy, moss, fern = [row for sheet in lists for row in list_rows.read_rows(sheet)]
    assert isinstance(ivy, ImportRow)
    assert isinstance(moss, RefusedRow)
    assert (moss.line, moss.reason.partition(";")[0]) == (3, "this row is hidden in the workbook, as by a filter")
    assert isinstance(fern, ImportRow)
    assert fern.status is Status.UNSUBSCRIBED


def test_a_sheet_says_by_its_name_that_its_readers_have_left(tmp_path: Path) -> None:
    path = workbook(tmp_path / "unsubscribed.xlsx", [["email"], ["ivy@garden.example"]])
    with files.open_file(path) as opened:
        (found,) = list_rows.survey(opened)
    assert "'Sheet1 unsubscribed.xlsx' may say that its readers have left" in found.layout.doubt


def test_a_workbook_that_is_cut_off_damaged_or_made_to_burst_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "list.xlsx", [HEADER, *([f"reader{n}@garden.example"] for n in range(200))])
    whole = path.read_bytes()
    spoilt = bytearray(whole)
    at = whole.index(b"xl/worksheets/sheet1.xml") + 200
    spoilt[at : at + 20] = bytes(20)
    for content in (whole[: len(whole) // 2], bytes(spoilt)):
        path.write_bytes(content)
        with files.open_file(path) as opened, pytest.raises(Invalid, match="damaged or cut off"):
            list_rows.survey(opened)
    workbook(path, [HEADER, *(["x" * 30_000] for _ in range(200))])
    with files.open_file(path) as opened, pytest.raises(Invalid, match="more than 200 times its size"):
        list_rows.survey(opened)


TWO = [["email", "name"], ["fern@garden.example", "Fern"], ["ivy@garden.example", "Ivy"]]
FAR = b'<c r="XFD1048576"><v>1</v></c></row></sheet'
"""The last cell that a sheet can have."""


def test_a_cell_far_to_the_right_refuses_its_row_and_no_other(tmp_path: Path) -> None:
    path = rewritten(workbook(tmp_path / "list.xlsx", TWO), (b"</row></sheet", FAR))
    *_, fern, far = rows_of(path)
    assert fern == CsvRow(2, ["fern@garden.example", "Fern"])
    assert isinstance(far, RefusedRow)
    assert (far.line, "at XFD1048576" in far.reason) == (1048576, True)


@pytest.mark.parametrize(
    "change",
    [
        (b"<worksheet", b"<!DOCTYPE x [<!ENTITY a 'aaa'>]><worksheet"),
        (b"</sheetData>", b""),
        (b"</sheetData>", b"<row r='2'><c><v>1</v></c></row></sheetData>"),
        (b"</sheetData>", b"<row r='99999999999'><c><v>1</v></c></row></sheetData>"),
        (b"</sheetData>", b"<row><c r='-1'><v>1</v></c></row></sheetData>"),
        (b"</sheetData>", b"<row><c t='s'><v>7</v></c></row></sheetData>"),
        (b"</sheetData>", b"<row><c t='s'><v>-1</v></c></row></sheetData>"),
        (b"</sheetData>", b"".join(b"<n%d/>" % number for number in range(20_000)) + b"</sheetData>"),
    ],
)
def test_a_sheet_that_no_program_writes_is_refused(tmp_path: Path, change: tuple[bytes, bytes]) -> None:
    path = rewritten(workbook(tmp_path / "list.xlsx", TWO), change)
    with pytest.raises(Invalid, match=r"list.xlsx: this workbook is damaged"):
        rows_of(path)


def test_rows_have_the_numbers_that_the_sheet_shows_wherever_it_begins(tmp_path: Path) -> None:
    path = rewritten(
        workbook(tmp_path / "list.xlsx", TWO),
        (b"<row><c t", b"<row r='4'><c r='C4' t"),
        (b"<row r='4'><c r='C4' t=\"inlineStr\"><is><t>fern", b"<row><c r='C8' t=\"inlineStr\"><is><t>fern"),
        (b"<row r='4'><c r='C4' t=\"inlineStr\"><is><t>ivy", b"<row><c r='C' t=\"inlineStr\"><is><t>ivy"),
    )
    assert rows_of(path) == [
        CsvRow(4, ["", "", "email", "name"]),
        CsvRow(8, ["", "", "fern@garden.example", "Fern"]),
        CsvRow(9, ["", "", "ivy@garden.example", "Ivy"]),
    ]
    assert [row.line for row in read(path)] == [8, 9]


def test_texts_that_cells_share_are_found_in_any_order(tmp_path: Path) -> None:
    shared = [f"<t>reader{number}@garden.example</t>" for number in range(500)]
    shared += [
        "<t>email</t>",
        "<t>a &amp; _x0062_</t>",
        "<r><t>Ka</t></r>\n<r><t xml:space='preserve'> na</t></r><rPh sb='0' eb='2'><t>KANA</t></rPh>",
        "",
    ]
    numbers = [500, *range(499, -1, -1), 501, 502, 503, 0]
    path = workbook(
        tmp_path / "list.xlsx", [[Xml(f'<c t="s"><v>{number}</v></c>')] for number in numbers], shared=shared
    )
    texts = [row.cells[0] for row in rows_of(path)]
    assert texts[:501] == ["email", *(f"reader{number}@garden.example" for number in range(499, -1, -1))]
    assert texts[501:] == ["a & b", "Ka na", "reader0@garden.example"]


CELLS = {
    Xml('<c t="str"><f>A1</f><v>of a formula</v></c>'): "of a formula",
    Xml('<c t="e"><v>#N/A</v></c>'): "#N/A",
    Xml('<c t="b"><v>0</v></c>'): "false",
    Xml('<c t="d"><v>2024-01-02T10:00:00</v></c>'): "2024-01-02 10:00:00",
    Xml('<c t="inlineStr"><is><r><t>Zo</t></r><r><t>\u00eb</t></r></is></c>'): "Zo\u00eb",
    Xml("<c><v>4.0999999999999996</v></c>"): "4.1",
    Xml("<c><v>1E+20</v></c>"): "100000000000000000000",
    Xml("<c><v>-3</v></c>"): "-3",
    Xml('<c s="99"><v>7</v></c>'): "7",
    styled("yyyy-mm-dd hh:mm", 45293.41667): "2024-01-02 10:00:00",
    styled("yyyy-mm-dd hh:mm", 60): "1900-02-28",
    styled("yyyy-mm-dd hh:mm", 1): "1900-01-01",
    styled("yyyy-mm-dd hh:mm", 1e15): "1000000000000000",
    styled("h:mm AM/PM", 0.75): "18:00:00",
    styled("[h]:mm", 1.25): "1 day, 6:00:00",
    styled("[h]:mm", 1e15): "1000000000000000",
    styled('0.0 "days"', 1.5): "1.5",
    styled("00000", 1099): "01099",
    styled("00000", 0.5): "0.5",
    styled("[$-407]d. mmmm yyyy", 45293): "2024-01-02",
    styled("dd/mm/yy;@", 45293): "2024-01-02",
    styled("0%", 0.5): "0.5",
}
CALAMINE_DIFFERS = {"#N/A", "1000000000000000", "01099", "2024-01-02 10:00:00"}
"""It reads an error as nothing, fails at a date that no calendar has, and tells no format of digits or milliseconds."""


def test_a_cell_of_any_kind_is_read_as_it_is_meant(tmp_path: Path) -> None:
    path = workbook(tmp_path / "list.xlsx", [["email", *("x" for _ in CELLS)], ["fern@garden.example", *CELLS]])
    assert rows_of(path)[1].cells[1:] == list(CELLS.values())
    of_1904 = workbook(path, [["email"], [styled("yyyy-mm-dd hh:mm", 43831.5)]], settings="<workbookPr date1904='1'/>")
    assert rows_of(of_1904)[1].cells == ["2024-01-02 12:00:00"]


def test_calamine_reads_the_same(tmp_path: Path) -> None:
    cells = [cell for cell, text in CELLS.items() if text not in CALAMINE_DIFFERS]
    path = workbook(tmp_path / "list.xlsx", [["email", *("x" for _ in cells)], ["fern@garden.example", *cells]])
    theirs = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()[1]
    for ours, other in zip(rows_of(path)[1].cells, theirs, strict=True):
        plain = int(other) if isinstance(other, float) and other.is_integer() else other
        assert ours == (str(plain).lower() if isinstance(plain, bool) else str(plain))


def test_names_may_have_a_prefix_and_the_namespace_may_be_the_strict_one(tmp_path: Path) -> None:
    path = workbook(tmp_path / "list.xlsx", TWO)
    plain = rows_of(path)
    names = [(b"<%b" % name, b"<x:%b" % name) for name in (b"worksheet", b"sheetData", b"row", b"c ", b"is>", b"t>")]
    ends = [(b"</%b" % name, b"</x:%b" % name) for name in (b"worksheet", b"sheetData", b"row", b"c>", b"is>", b"t>")]
    strict = (MAIN.encode(), b'xmlns:x="http://purl.oclc.org/ooxml/spreadsheetml/main"')
    assert rows_of(rewritten(path, *names, *ends, strict)) == plain


def test_a_workbook_of_another_kind_is_refused_with_what_to_save_it_as(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    for part in ("content.xml", "xl/workbook.bin", "Index/Document.iwa"):
        with zipfile.ZipFile(path, "w") as made:
            made.writestr(part, "")
        with pytest.raises(Invalid, match="another kind; save its sheet as XLSX or CSV"):
            rows_of(path)


def test_a_sheet_and_the_texts_of_its_cells_are_read_no_further_than_asked_for(tmp_path: Path) -> None:
    shared = ["<t>email</t>", *(f"<t>reader{number}@garden.example</t>" for number in range(20_000))]
    rows = [[Xml(f'<c t="s"><v>{number}</v></c>')] for number in range(len(shared))]
    path = workbook(tmp_path / "list.xlsx", rows, shared=shared)
    with files.open_file(path) as opened, opened.lists() as lists:
        sheet = next(lists)
        assert sheet.position < sheet.size / 10
        assert sum(1 for _ in sheet.rows) == 20_000
        assert sheet.size * 0.6 < sheet.position <= sheet.size


def test_a_stretch_of_a_workbook_ends_early_where_its_cells_are_long(tmp_path: Path) -> None:
    shared = ["<t>email</t>", "<t>note</t>", f"<t>{'x' * 30_000}</t>"]
    long = Xml('<c t="s"><v>2</v></c>')
    path = workbook(
        tmp_path / "list.xlsx",
        [["email", "note"], *([f"a{n}@garden.example", long] for n in range(900))],
        shared=shared,
    )
    with files.open_file(path) as opened:
        lines = [(each.first_line, each.last_line) for each in stretches.read_stretches(opened)]
    # The rows by which the columns are recognised have been read before.
    assert lines == [(2, 401), (402, 701), (702, 901)]
