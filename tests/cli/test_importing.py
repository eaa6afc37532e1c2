"""`newsletter subscribers import` as people use it: what it prints, writes and refuses, and how it ends."""

import csv
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.cli.import_report import SHOWN

from .conftest import Press

ACTIVE = ("--status", "active", "--consent", "paper form, May 2026")
IMPORT = ("subscribers", "import", "list.csv", *ACTIVE)


def readers(press: Press) -> list[str]:
    return [line.split(",")[0] for line in press("subscribers", "export").out.splitlines()[1:]]


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two good rows around two bad ones."""
    path = tmp_path / "list.csv"
    path.write_text(
        'email,name\nada@reader.example,Ada\nnonsense,=1+1\nbob@reader.example,"B\nb"\ncyd@reader.example,\n'
    )
    return path


def test_all_or_nothing_imports_nothing_if_one_row_is_refused(loaded: Press, mixed: Path) -> None:
    answer = loaded(*IMPORT, "--all-or-nothing")
    assert (answer.code, answer.out) == (1, "0 added, 0 already there, 0 left alone, 0 ended, 2 refused\n")
    assert [line.partition(":")[0] for line in answer.err.splitlines()] == [
        "line 3",
        "line 4",
        "nothing was imported, because of the refused rows",
    ]
    assert readers(loaded) == []
    mixed.write_text("email\nada@reader.example\n")
    answer = loaded(*IMPORT, "--all-or-nothing")
    assert (answer.code, answer.out[:8], answer.err) == (0, "1 added,", "")


def test_refused_rows_are_written_into_a_file_that_can_be_mended_and_imported(
    loaded: Press, mixed: Path, tmp_path: Path
) -> None:
    assert loaded(*IMPORT, "--refused", "refused.csv").code == 1
    refused = tmp_path / "refused.csv"
    with refused.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["line", "reason", "email", "name"]
    # The apostrophe keeps a spreadsheet from computing what a stranger wrote.
    assert [(line, *cells) for line, _, *cells in rows] == [
        ("3", "nonsense", "'=1+1"),
        ("4", "bob@reader.example", "B\nb"),
    ]
    assert "the @" in rows[0][1]
    refused.replace(mixed)
    mixed.write_text(mixed.read_text().replace("nonsense", "dan@reader.example").replace("B\nb", "Bob"))
    assert loaded(*IMPORT, "--refused", "refused.csv").out.startswith("2 added")
    assert readers(loaded) == [f"{name}@reader.example" for name in ("ada", "cyd", "bob", "dan")]
    assert refused.read_text() == "line,reason,line,reason,email,name\n"


def test_the_screen_shows_the_first_refused_rows_and_how_many_more_there_are(loaded: Press, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("email\n" + "nonsense\n" * (SHOWN + 1_234))
    answer = loaded(*IMPORT)
    *shown, last = answer.err.splitlines()
    assert (len(shown), shown[-1].partition(":")[0]) == (SHOWN, f"line {SHOWN + 1}")
    assert last == "and 1,234 more; --refused FILE writes all into a file"
    assert loaded(*IMPORT, "--refused", "refused.csv").err.splitlines()[-1] == "and 1,234 more; all are in refused.csv"


def test_json_names_every_refused_row(loaded: Press, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("email\nada@reader.example\n" + "nonsense\n" * (SHOWN + 1))
    answer = loaded(*IMPORT, "--json")
    told = json.loads(answer.out)
    refused = told.pop("refused")
    assert (answer.code, answer.err) == (1, "")
    counts = {"added": 1, "already": 0, "left_alone": 0, "ended": 0, "skipped": 0}
    assert told == {"source": "plain", "statuses": {"active": 1}, "remarks": {}} | counts
    assert [one["line"] for one in refused] == list(range(3, SHOWN + 4))
    assert set(refused[0]) == {"line", "reason"}
    (tmp_path / "list.csv").write_text("email\nada@reader.example\n")
    assert json.loads(loaded(*IMPORT, "--json").out) == told | {
        "added": 0,
        "already": 1,
        "statuses": {},
        "refused": [],
    }


def test_the_list_itself_is_never_written_over(loaded: Press, mixed: Path) -> None:
    before = mixed.read_text()
    answer = loaded(*IMPORT, "--refused", "./list.csv")
    assert (answer.code, mixed.read_text()) == (2, before)
    assert "name another" in answer.err
    answer = loaded(*IMPORT, "--refused", "told.csv", "--report", "./told.csv")
    assert (answer.code, "name two" in answer.err) == (2, True)


@pytest.mark.slow
def test_a_list_can_come_through_a_pipe_but_only_once(loaded: Press) -> None:
    text = "email\n" + "".join(f"reader{number}@reader.example\n" for number in range(5_000))
    answer = loaded("subscribers", "import", "/dev/stdin", *ACTIVE, stdin=text)
    assert (answer.code, answer.out[:11]) == (0, "5,000 added")
    answer = loaded("subscribers", "import", "/dev/stdin", *ACTIVE, "--all-or-nothing", stdin=text)
    assert (answer.code, "only once" in answer.err) == (2, True)


@pytest.mark.slow
def test_a_terminal_sees_a_bar_with_rate_and_time_left_and_a_log_file_does_not(
    loaded: Press, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text("email\n" + "".join(f"r{number}@reader.example\n" for number in range(25_000)))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "newsletter", *IMPORT]
    settings = environment | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, cwd=tmp_path, env=settings, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        seen = _read(ours)
        out = process.stdout.read() if process.stdout else b""
    assert out.startswith(b"25,000 added")
    for part in ("importing", "%", "5,000 rows, ", "/s", "0:00:0"):
        assert part in seen
    assert loaded(*IMPORT).err == ""


def _read(terminal: int) -> str:
    """Everything that is written to a terminal until it is closed."""
    seen = b""
    try:
        while chunk := os.read(terminal, 65_536):
            seen += chunk
    except OSError:
        pass  # how Linux says that the other end is closed
    finally:
        os.close(terminal)
    return seen.decode()


def test_a_column_that_may_tell_who_has_left_is_asked_about(loaded: Press, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "email,type\nada@reader.example,regular\nbob@reader.example,unsubscribed\ncyd@reader.example,unsubscribed\n"
    )
    for terms in (ACTIVE, (), ("--dry-run",), (*ACTIVE, "--all-or-nothing")):
        answer = loaded("subscribers", "import", "list.csv", *terms)
        assert (answer.code, answer.out) == (1, "")
        assert "'type': --map type=status or --ignore type" in answer.err
    assert readers(loaded) == []
    answer = loaded(*IMPORT, "--map", "type=status")
    assert (answer.code, answer.out) == (0, "1 added, 0 already there, 0 left alone, 2 ended, 0 refused\n")
    for wrong in ("type", "type=", "=status", "type=letter"):
        answer = loaded(*IMPORT, "--map", wrong)
        assert (answer.code, "COLUMN=FIELD" in answer.err) == (2, True)


def test_a_dash_is_standard_input(loaded: Press) -> None:
    answer = loaded("subscribers", "import", "-", *ACTIVE, "--refused", "bad.csv", stdin="email\nada@reader.example\n")
    assert (answer.code, answer.out[:7], readers(loaded)) == (0, "1 added", ["ada@reader.example"])
    answer = loaded("subscribers", "import", "-", *ACTIVE, stdin="email,type\nbob@reader.example,x\n")
    assert (answer.code, answer.err[:23]) == (1, "standard input: line 1:")


def test_a_list_in_another_encoding_is_read_once_that_is_named(loaded: Press, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes("email,name\nada@reader.example,Adél\n".encode("cp1252"))
    answer = loaded(*IMPORT)
    assert (answer.code, "--encoding windows-1252" in answer.err) == (1, True)
    assert loaded(*IMPORT, "--encoding", "windows-1252").code == 0
    assert "Adél" in loaded("subscribers", "export").out


SOURCES = Path(__file__).parents[1] / "audience" / "sources"


def test_the_source_is_named_and_the_fates_are_counted(loaded: Press, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes((SOURCES / "buttondown.csv").read_bytes())
    answer = loaded(*IMPORT, "--dry-run", "--report", "fates.csv")
    assert answer.err == "list.csv: from Buttondown (--source NAME says otherwise)\n"
    *rows, totals, statuses = answer.out.splitlines()
    assert rows[0] == "line 2: fern@garden.example: added as active"
    assert rows[11] == "line 13: weed@garden.example: skipped (blocked at Buttondown)"
    assert totals == "7 added, 0 already there, 0 left alone, 5 ended, 0 refused, 1 skipped"
    assert statuses == "of those added or ended: 2 pending, 5 active, 3 unsubscribed, 1 bounced, 1 complained"
    with (tmp_path / "fates.csv").open(newline="", encoding="utf-8") as file:
        header, *fates = csv.reader(file)
    assert header == ["list", "line", "email", "fate", "status", "reason"]
    assert fates[11] == ["list.csv", "13", "weed@garden.example", "skipped", "", "blocked at Buttondown"]
    assert readers(loaded) == []
    told = json.loads(loaded(*IMPORT, "--dry-run", "--json").out)
    assert (told["source"], told["skipped"], len(told["rows"])) == ("buttondown", 1, 13)
    assert told["rows"][11] == {
        "list": "list.csv",
        "line": 13,
        "email": "weed@garden.example",
        "fate": "skipped",
        "status": "",
        "reason": "blocked at Buttondown",
    }


def test_a_list_that_does_not_tell_who_has_left_is_imported_only_on_somebodys_word(
    loaded: Press, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_bytes((SOURCES / "listmonk.csv").read_bytes())
    answer = loaded(*IMPORT)
    assert (answer.code, answer.out) == (1, "")
    for words in ('"enabled" is said of the account', "subscription_status=confirmed", "--all-subscribed"):
        assert " ".join(words.split()) in " ".join(answer.err.split())
    assert readers(loaded) == []
    assert loaded(*IMPORT, "--all-subscribed").out.startswith("1 added, 0 already there, 0 left alone, 2 ended")


def test_a_source_can_be_named_where_it_is_not_recognised_as_one(loaded: Press, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("first_name,email,status,created_at\nBud,bud@reader.example,inactive,2024\n")
    assert "1 pending" in loaded(*IMPORT, "--dry-run").out
    assert "1 unsubscribed" in loaded(*IMPORT, "--dry-run", "--source", "beehiiv").out
    assert "0 added, 0 already there, 0 left alone, 1 ended" in loaded(*IMPORT, "--dry-run", "--source", "plain").out
    assert loaded(*IMPORT, "--source", "nobody").code == 2
