"""Lists as people saved them, broken in the ways that lists break; and none of their rows is lost in silence."""

import gzip
import sys
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from newsletter.audience.importing.reading import list_rows
from newsletter.audience.importing.reading.csv_reader import RefusedRow
from newsletter.audience.importing.reading.list_rows import ImportRow
from newsletter.errors import Invalid
from tests.audience.opening import open_csv

LISTS = Path(__file__).parent / "lists"


def read(path: Path, encoding: str = "") -> list[ImportRow | RefusedRow]:
    with open_csv(path, encoding) as opened:
        return list(list_rows.read_rows(opened))


def people(rows: list[ImportRow | RefusedRow]) -> list[tuple[str, str]]:
    return [(row.email, row.name) for row in rows if isinstance(row, ImportRow)]


def refused(rows: list[ImportRow | RefusedRow]) -> dict[int, str]:
    return {row.line: row.reason for row in rows if isinstance(row, RefusedRow)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cr-line-ends", [("fern@garden.example", "Fern Hill"), ("moss@garden.example", "Moss Dale")]),
        ("excel-empty-rows", [("keep@garden.example", "Keep")]),
        ("german-header", [("ute2@garten.example", "Ute Blum")]),
        ("padded-header", [("pad@garden.example", "Pad Ded")]),
        (
            "name-and-address-in-one-cell",
            [
                ("rose@garden.example", "Rose Bush"),
                ("lily@garden.example", "Lily Pond"),
                ("reed@garden.example", ""),
                ("sedge@garden.example", ""),
            ],
        ),
    ],
)
def test_a_list_is_taken_whole(name: str, expected: list[tuple[str, str]]) -> None:
    rows = read(LISTS / f"{name}.csv")
    assert (people(rows), refused(rows)) == (expected, {})


def test_a_title_above_the_header_is_left_out(write: Callable[..., Path]) -> None:
    rows = read(write("Our readers,,\n,,\nEmail,Name,Status\nfern@garden.example,Fern,unsubscribed\n"))
    assert people(rows) == [("fern@garden.example", "Fern")]
    assert refused(rows) == {}


@pytest.mark.parametrize("above", ["Contact,,Unsubscribed", "Unsubscribed readers,,", "ivy@garden.example,,"])
def test_what_may_tell_of_readers_is_no_title(above: str, write: Callable[..., Path]) -> None:
    with pytest.raises(Invalid, match="line 1: no column is called email"):
        read(write(f"{above}\nEmail,Name,\nfern@garden.example,Fern,yes\n"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<!DOCTYPE html><html>", "a web page"),
        ("<html><table><tr><td>Email</td></tr></table></html>", "a web page"),
        ('\ufeff<?xml version="1.0"?>', "XML"),
        ('[{"email": "fern@garden.example"}]', "JSON"),
        ('{"email": "fern@garden.example"}\n', "JSON"),
        ("%PDF-1.7", "a PDF"),
        ("BEGIN:VCARD\nEMAIL:fern@garden.example\nEND:VCARD\n", "an address book"),
    ],
)
def test_what_is_no_list_is_called_by_its_kind(text: str, kind: str, write: Callable[..., Path]) -> None:
    with pytest.raises(Invalid, match=f"this is {kind} and no list; export it as CSV UTF-8 or XLSX"):
        read(write(text))


@pytest.mark.parametrize("failed", ["#N/A", "#NV", "#N/D!", "#REF!", "#VALEUR!"])
def test_a_formula_without_a_value_is_nobodys_name(failed: str, write: Callable[..., Path]) -> None:
    assert people(read(write(f"email,name\nfern@garden.example,{failed}\n"))) == [("fern@garden.example", "")]


def test_several_addresses_in_one_cell_are_refused_in_one_sentence() -> None:
    rows = read(LISTS / "mailbox-list-one-cell.csv")
    assert refused(rows) == {2: "several addresses in one cell; give each a row of its own"}
    assert people(rows) == []


def test_a_list_without_a_header_is_told_to_get_one() -> None:
    with pytest.raises(Invalid, match=r"no-header\.csv: line 1: .* put a line above it .*: email,name"):
        read(LISTS / "no-header.csv")


def test_what_nobody_sees_is_no_part_of_an_address() -> None:
    rows = read(LISTS / "invisible-characters.csv")
    assert [email for email, _ in people(rows)] == [
        "iris@garden.example",
        "ivy@garden.example",
        "oak@garden.example",
        "elm@garden.example",
        "ash@garden.example",
        "fir@garden.example",
        "bay@garden.example",
        "fig@garden.example",
    ]
    assert list(refused(rows)) == [7, 11, 12, 13]


@pytest.mark.parametrize("name", ["windows-1252", "windows-1252-semicolon", "windows-1252-other-column"])
def test_a_list_in_another_encoding_is_refused_in_one_sentence_that_says_what_to_do(name: str) -> None:
    with pytest.raises(
        Invalid, match=r"line 2 is not UTF-8, .* save it as CSV UTF-8, .* --encoding windows-1252"
    ) as it:
        read(LISTS / f"{name}.csv")
    assert "control character" not in str(it.value)


def test_an_encoding_that_is_named_is_read() -> None:
    assert people(read(LISTS / "windows-1252.csv", "windows-1252")) == [
        ("renee@garden.example", "Renée Dupré"),
        ("zoe@garden.example", "Zoë Grün"),
        ("plain@garden.example", "Paul Plain"),
    ]
    assert people(read(LISTS / "windows-1252-semicolon.csv", "cp1252"))[0] == ("joerg@garten.example", "Jörg Müller")


@pytest.mark.parametrize("encoding", ["mac-roman", "windows-1250", "iso-8859-2", "utf-16", "utf-16-le", "utf-32"])
def test_every_encoding_that_is_named_is_read(write: Callable[..., Path], encoding: str) -> None:
    path = write("email,name\nada@example.org,Adél\n", encoding)
    assert people(read(path, encoding)) == [("ada@example.org", "Adél")]


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"email\nada@example.org\n", "klingon", "no encoding is called 'klingon'"),
        (b"email\nada@example.org\n", "base64", "no encoding is called 'base64'"),
        (b"email,name\nada@example.org,\x81\n", "windows-1252", "line 2 is not windows-1252"),
        ("email\nada@example.org".encode("utf-16")[:-1], "", "damaged or cut off"),
        ("email,name\na@example.org,é\n".encode() + "b@example.org,é\n".encode("cp1252"), "", "line 3 is not UTF-8"),
        (b"email,name\n" + b"a@example.org,A\n" * 100_000 + b"b@example.org,\xe9\n", "", "line 100002 is not UTF-8"),
        (b"PK\x03\x04 and so on", "", "this zip is damaged or cut off; download it again"),
        (gzip.compress(b"email\nada@example.org\n", mtime=0), "", "packed, and not as a zip; unpack it"),
        (b"7z\xbc\xaf\x27\x1c and so on", "", "packed, and not as a zip; unpack it"),
        (b"\xd0\xcf\x11\xe0 and so on", "", "an old workbook, or one with a password; .* CSV UTF-8, or as XLSX"),
    ],
)
def test_what_cannot_be_read_to_its_end_is_not_begun(
    tmp_path: Path, content: bytes, encoding: str, message: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=message):
        read(path, encoding)


def test_a_nul_costs_no_more_than_its_row(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"email,name\nada@example.org,A\0da\nbob@example.org,Bob\ncyd\0@example.org,\n")
    rows = read(path)
    assert people(rows) == [("bob@example.org", "Bob")]
    assert list(refused(rows)) == [2, 4]


BROKEN = [
    'ada@example.org,"Ada',  # never closed
    '"ada@example.org,Ada',
    'ada@example.org,"Ada "the first"',
    'ada@example.org,Ada,"',
]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("others", ["{}@example.org,Name", '{}@example.org,"Name"', '"{}@example.org","Name"'])
def test_a_broken_quotation_mark_costs_no_more_than_its_line(
    write: Callable[..., Path], broken: str, others: str
) -> None:
    below = [others.format(f"reader{number}") for number in range(2_000)]
    rows = read(write("\n".join(["email,name", broken, *below, broken, "last@example.org,Last"])))
    assert list(refused(rows)) == [2, 2_003]
    assert len(people(rows)) == 2_001


@pytest.mark.parametrize(
    ("text", "lost", "kept"),
    [
        ('email,name,note\nada@example.org,Ada,"so\nbob@example.org,Bob,"\ncyd@example.org,Cyd,\n', [2, 3], ["cyd"]),
        # Closed in another column than it was opened in, so that fewer cells than the header's are left.
        ('email,a,b\nada@example.org,"x,\nbob@example.org,x,y\ncyd@example.org,x,y"\n', [2], ["bob", "cyd"]),
        # Opened before the address.
        ('a,email,b\n"x,ada@example.org,y\nx,bob@example.org,y"\nx,cyd@example.org,y\n', [2], ["bob", "cyd"]),
        ('a,email\n"x",ada@example.org"\n""x","bob@example.org"\n"x","cyd@example.org"\n', [2, 3], ["cyd"]),
        ('email\n"ada@example.org\nbob@example.org\n"cyd@example.org"\n', [2], ["bob", "cyd"]),
    ],
)
def test_a_quotation_mark_that_another_row_closes_swallows_nobody(
    write: Callable[..., Path], text: str, lost: list[int], kept: list[str]
) -> None:
    rows = read(write(text))
    assert list(refused(rows)) == lost
    assert [email.partition("@")[0] for email, _ in people(rows)] == kept


def test_line_breaks_inside_quotation_marks_stay_one_row(write: Callable[..., Path]) -> None:
    note = "met at the fair,\nwrites to cyd@example.org, and to me\n\nmore"
    rows = read(write(f'email,name,note\nada@example.org,Ada,"{note}"\nbob,,\n'))
    assert people(rows) == [("ada@example.org", "Ada")]
    assert list(refused(rows)) == [6]


def test_a_line_break_in_quotation_marks_may_stand_before_the_address(write: Callable[..., Path]) -> None:
    rows = read(write('note,email,name\n"met at the fair,\nin May",ada@example.org,Ada\nx,bob@example.org,Bob\n'))
    assert (people(rows), refused(rows)) == ([("ada@example.org", "Ada"), ("bob@example.org", "Bob")], {})


def test_a_row_that_a_line_break_cuts_in_two_makes_no_reader_of_its_first_half(write: Callable[..., Path]) -> None:
    cut, short = "ada@example.org,Ada\nHill,Oslo,inactive\n", "bob@example.org,Bob\n"
    rows = read(write(f"email,name,city,status\n{cut}{short}cyd@example.org,Cyd,Bonn,inactive\n"))
    assert people(rows) == [("bob@example.org", "Bob"), ("cyd@example.org", "Cyd")]
    assert refused(rows)[2].startswith("a line break seems to cut this row in two")


def test_the_rows_below_the_header_of_another_list_are_not_read_by_this_one(write: Callable[..., Path]) -> None:
    first, other = "email,name\nada@example.org,Ada\n", "email,status\nbob@example.org,inactive\n"
    rows = read(write(f"{first}{other}{first.replace('ada', 'cyd')}"))
    assert people(rows) == [("ada@example.org", "Ada"), ("cyd@example.org", "Ada")]
    assert refused(rows)[4] == "line 3 above is the header of another list; import that one by itself"
    # Of a row without an address, one cell may be called as a column is.
    rows = read(write("email,name,contact\n,Ada,Email\nbob@example.org,Bob,Email\n"))
    assert people(rows) == [("bob@example.org", "Bob")]


def test_a_name_may_be_a_word_that_programs_write_into_empty_cells(write: Callable[..., Path]) -> None:
    rows = read(write("email,name\nada@example.org,Nil\nbob@example.org,Null\ncyd@example.org,NULL\n"))
    assert people(rows) == [("ada@example.org", "Nil"), ("bob@example.org", "Null"), ("cyd@example.org", "")]


def test_standard_input_is_a_file_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

    content = (LISTS / "windows-1252.csv").read_bytes()
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(Pipe(content)))
    assert len(people(read(Path("-"), "windows-1252"))) == 3
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(Pipe(content)))
    with pytest.raises(Invalid, match="standard input: line 2 is not UTF-8"):
        read(Path("-"))
