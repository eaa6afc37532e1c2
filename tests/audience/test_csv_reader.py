"""Lists as other programs write them, and what is made of each row."""

import csv
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.audience.importing.column_fields import DEFAULT_CHOICES, ColumnChoices
from newsletter.audience.importing.reading import files, list_rows
from newsletter.audience.importing.reading.csv_reader import RefusedRow
from newsletter.audience.importing.reading.list_rows import ImportRow
from newsletter.audience.models import Status
from newsletter.errors import Invalid, NotFound
from tests.audience.opening import open_csv

ADA, BOB = "ada@example.org", "bob@example.org"


def read(path: Path, choices: ColumnChoices = DEFAULT_CHOICES, encoding: str = "") -> Iterator[ImportRow | RefusedRow]:
    with open_csv(path, encoding) as opened:
        yield from list_rows.read_rows(opened, choices)


def told(rows: list[ImportRow | RefusedRow]) -> list[tuple[str, str, Status | None] | tuple[int, str]]:
    return [(row.email, row.name, row.status) if isinstance(row, ImportRow) else (row.line, row.reason) for row in rows]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,TAGS\nada@example.org,Ada,L,2,,", None),
        (
            "Email Address,First Name,Last Name,UNSUB_TIME,UNSUB_REASON\nada@example.org,Ada,L,2024-01-02 10:00:00,x",
            Status.UNSUBSCRIBED,
        ),
        ("Email Address,First Name,Last Name,CLEAN_TIME\nada@example.org,Ada,L,2024-01-02 10:00:00", Status.BOUNCED),
        ("email,active_subscription,expiry,plan,email_disabled,name\nada@example.org,false,,other,false,Ada L", None),
        ("email,active_subscription,email_disabled,name\nada@example.org,true,true,Ada L", Status.UNSUBSCRIBED),
        ("id,email,name,note,subscribed_to_emails,deleted_at,labels\n6,ada@example.org,Ada L,,true,,", None),
        ("id,email,name,subscribed_to_emails\n6,ada@example.org,Ada L,false", Status.UNSUBSCRIBED),
        ('uuid,email,name,attributes,created_at\n7,ada@example.org,Ada L,"{""city"": ""Łódź""}",', None),
        ("uuid,email,name,attributes,status\n7,ada@example.org,Ada L,{},blocklisted", Status.COMPLAINED),
        ("email,First Name,Last Name,status,tier,unsubscribed_at\nada@example.org,Ada,L,active,free,", Status.ACTIVE),
        (
            "email,First Name,Last Name,status,tier,unsubscribed_at\nada@example.org,Ada,L,active,free,2024-01-02",
            Status.UNSUBSCRIBED,
        ),
        ("email,first_name,last_name,status\nada@example.org,Ada,L,Pending", Status.PENDING),
    ],
)
def test_exports_of_other_programs_are_understood(write: Callable[..., Path], text: str, status: Status | None) -> None:
    assert told(list(read(write(text)))) == [(ADA, "Ada L", status)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_is_read_however_it_was_saved(
    write: Callable[..., Path], encoding: str, delimiter: str, end: str
) -> None:
    lines = [("E-Mail", "Name", "Note"), (ADA, "Zoë", f'"a{end}b"'), ("", "", ""), ("mailto:" + BOB, "", "")]
    text = end.join(delimiter.join(line) for line in lines)
    assert told(list(read(write(text, encoding)))) == [(ADA, "Zoë", None), (BOB, "", None)]


def test_an_excel_sep_line_names_the_delimiter(write: Callable[..., Path]) -> None:
    rows = list(read(write("sep=;\r\nemail;name\r\nada@example.org;Ada, Countess\r\nbob;\r\n")))
    assert told(rows) == [
        (ADA, "Ada, Countess", None),
        (4, "Please give an address like name@example.org: the @ is missing"),
    ]


def test_the_first_filled_one_of_two_columns_with_one_name_counts(write: Callable[..., Path]) -> None:
    text = "Email,Email Address,Email\n,ada@example.org,bob@example.org\nnull,,bob@example.org\n"
    assert [row.email for row in read(write(text))] == [ADA, BOB]


def test_every_refused_row_names_its_line_and_reason(write: Callable[..., Path]) -> None:
    text = (
        "email,name,status\n"
        'ada@example.org,"two\nlines",active\n'
        "bob@example.org,Bob,active,surplus\n"
        "cyd@example.org,Cyd,platinum\n"
        '"dan"@example.org,Dan,active\n'
        "eve@example.org,Eve,active\n"
        'fay@example.org,"Fay,active\n'
        "gus@example.org,Gus,active\n"
    )
    rows = list(read(write(text)))
    problems = {row.line: row.reason for row in rows if isinstance(row, RefusedRow)}
    assert list(problems) == [2, 4, 5, 6, 8]
    assert "in one line" in problems[2]
    assert "4 cells for 3 columns" in problems[4]
    assert "'platinum' cannot be imported" in problems[5]
    assert "not CSV" in problems[6]
    assert "never closed" in problems[8]
    assert [row.email for row in rows if isinstance(row, ImportRow)] == ["eve@example.org", "gus@example.org"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("name,city\nAda,London", "no column is called email; the first line names: 'name', 'city'"),
        ("name,city\nAda,London", "--map COLUMN=email"),
        ("ada@example.org\nbob@example.org", "no column is called email, because this line is a reader, not a header"),
    ],
)
def test_a_file_without_a_column_for_addresses_is_refused(write: Callable[..., Path], text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        list(read(write(text)))


def test_what_is_no_text_or_no_file_is_refused(tmp_path: Path) -> None:
    picture = tmp_path / "list.csv"
    picture.write_bytes(b"\x89PNG\r\n\0\0\0\0\0\0\0\0\0\0IHDR")
    with pytest.raises(Invalid, match="a text file;"):
        list(read(picture))
    for missing in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(NotFound, match="cannot be read"):
            list(read(missing))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.csv"
    for head in (b"", b"email,name,status\n"):
        path.write_bytes(head + content)
        try:
            assert all(isinstance(row, ImportRow | RefusedRow) for row in read(path))
        except Invalid:
            continue


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20).map(lambda text: f"n{text}n")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(names=st.lists(NAMES, max_size=5), delimiter=st.sampled_from(",;\t"))
def test_what_a_spreadsheet_writes_is_read_as_it_was(tmp_path: Path, names: list[str], delimiter: str) -> None:
    path = tmp_path / "list.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("email", "first name"), *((ADA, name) for name in names)])
    assert [row.name for row in read(path)] == [unicodedata.normalize("NFC", name) for name in names]


def test_a_list_is_looked_through_for_its_encoding_once_however_often_it_is_read(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    find_encoding = files.find_encoding
    monkeypatch.setattr(files, "find_encoding", lambda *of: looked.append(find_encoding(*of)) or looked[-1])
    with files.open_file(write("email,name\nzoe@example.org,Zoë\n", "utf-16")) as file:
        list_rows.survey(file)
        for _ in range(2):
            with file.lists() as lists:
                assert told(list(list_rows.read_rows(next(lists)))) == [("zoe@example.org", "Zoë", None)]
    assert looked == ["utf-16"]
