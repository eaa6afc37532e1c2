"""Workbooks (XLSX) as lists: each cell as a CSV file would have it."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from newsletter.audience.importing.reading import files, list_rows
from newsletter.audience.importing.reading.list_rows import ImportRow
from newsletter.audience.statuses import Status
from newsletter.errors import Invalid

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
FAR = b'<c r="XFD1048576"><v>1</v></c></row></sheet'
"""The last cell that a sheet can have."""
DATE = 1
"""The style of a cell that is a date."""


def cell(value: object) -> str:
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, tuple):
        return f'<c s="{DATE}"><v>{value[0]}</v></c>'
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def workbook(path: Path, *sheets: Sequence[Sequence[object]], hidden: int = -1, merged: str = "") -> Path:
    """A workbook as Excel writes it, as far as a reader looks."""
    cells = "".join(f'<mergeCell ref="{each}"/>' for each in merged.split())
    merges = cells and f"<mergeCells>{cells}</mergeCells>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        numbers = range(1, len(sheets) + 1)
        seen = ["state='hidden'" if number == hidden else "" for number in numbers]
        named = "".join(
            f'<sheet name="Sheet{n}" sheetId="{n}" r:id="r{n}" {state}/>'
            for n, state in zip(numbers, seen, strict=True)
        )
        made.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types"/>')
        root = f'<Relationship Id="r1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
        made.writestr("_rels/.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{root}</Relationships>')
        made.writestr("xl/workbook.xml", f'<workbook {MAIN} xmlns:r="{RELATIONS}"><sheets>{named}</sheets></workbook>')
        to = "".join(
            f'<Relationship Id="r{n}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        to += f'<Relationship Id="s" Type="{RELATIONS}/styles" Target="styles.xml"/>'
        made.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{to}</Relationships>'
        )
        made.writestr(
            "xl/styles.xml", f'<styleSheet {MAIN}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
        )
        for n, rows in zip(numbers, sheets, strict=True):
            lines = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
            made.writestr(
                f"xl/worksheets/sheet{n}.xml", f"<worksheet {MAIN}><sheetData>{lines}</sheetData>{merges}</worksheet>"
            )
    return path


def read(path: Path) -> list[ImportRow]:
    with files.open_file(path) as opened, opened.lists() as lists:
        return [row for sheet in lists for row in list_rows.read_rows(sheet) if isinstance(row, ImportRow)]


HEADER = ["email", "name", "age", "vip", "created_at", "zip"]


def test_cells_are_read_as_a_csv_file_would_have_them(tmp_path: Path) -> None:
    rows = [
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


def test_each_sheet_that_is_seen_and_has_rows_is_a_list(tmp_path: Path) -> None:
    sheets = (
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
    sparse = workbook(path, [["email"], ["fern@garden.example"]]).read_bytes()
    with zipfile.ZipFile(path, "w") as made, zipfile.ZipFile(io.BytesIO(sparse)) as old:
        for name in old.namelist():
            made.writestr(name, old.read(name).replace(b"</row></sheet", FAR))
    with files.open_file(path) as opened, pytest.raises(Invalid, match="spans more than 1,500,000 cells"):
        list_rows.survey(opened)
    workbook(path, [HEADER, *(["x" * 30_000] for _ in range(200))])
    with files.open_file(path) as opened, pytest.raises(Invalid, match="more than 200 times its size"):
        list_rows.survey(opened)
