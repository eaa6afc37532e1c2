"""`newsletter backup` and `restore` as an operator meets them."""

import json
import zipfile
from pathlib import Path

import pytest

from .conftest import Press

SLUG = "unwind-a-tight-back"
CSV = "email,name\nada@reader.example,Ada\nbob@reader.example,Bob\n"


@pytest.fixture
def backed_up(loaded: Press, tmp_path: Path) -> Press:
    """A press whose issue waits for two readers, and a backup of it: press.backup."""
    (tmp_path / "readers.csv").write_text(CSV)
    loaded("subscribers", "import", "readers.csv", "--status", "active", "--consent", "a fair")
    loaded("issues", "send", SLUG, "--now")
    done = loaded("backup", "press.backup")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == f"{SLUG} (sending): 2 copies = 2 pending"
    assert "press.backup: intact; " in done.out
    return loaded


def test_the_counts_at_the_restore_are_those_of_the_backup_and_nothing_is_sent(backed_up: Press) -> None:
    done = backed_up("restore", "press.backup", DATA_DIR="elsewhere")
    assert (done.code, done.err) == (0, "")
    first, *_, last = done.out.splitlines()
    assert first == f"{SLUG} (sending): 2 copies = 2 pending"
    assert last == "Sending is off until you run `newsletter arm`, which first shows what would go out."
    assert "This database was restored from a backup of " in backed_up("arm", DATA_DIR="elsewhere", stdin="n\n").out
    ours, theirs = (backed_up("subscribers", "export", DATA_DIR=folder).out for folder in ("var", "elsewhere"))
    assert ours == theirs


def test_programs_read_the_same_counts_from_both(backed_up: Press) -> None:
    taken = json.loads(backed_up("backup", "second.backup", "--json").out)
    restored = json.loads(backed_up("restore", "second.backup", "--json", DATA_DIR="elsewhere").out)
    assert restored == {"armed": False, "made_at": taken["made_at"], "issues": taken["issues"]}
    status = json.loads(backed_up("issues", "status", SLUG, "--json", DATA_DIR="elsewhere").out)
    assert {"issue": SLUG} | status == restored["issues"][0]
    assert taken.keys() == {"file", "bytes", "made_at", "rows", "issues"}


def test_a_check_reads_all_of_the_file_and_writes_nothing(backed_up: Press, tmp_path: Path) -> None:
    done = backed_up("restore", "press.backup", "--check", DATA_DIR="elsewhere")
    assert (done.code, done.err) == (0, "")
    assert "press.backup: intact; " in done.out
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("option", ["--check", "--json"])
def test_a_damaged_backup_is_refused_in_one_line_and_leaves_nothing(
    backed_up: Press, tmp_path: Path, option: str
) -> None:
    path = tmp_path / "press.backup"
    path.write_bytes(path.read_bytes()[:-100])
    done = backed_up("restore", "press.backup", option, DATA_DIR="elsewhere")
    assert (done.code, done.out) == (1, "")
    assert (
        done.err == "press.backup: not a complete backup of this program: it is cut short, damaged or something else\n"
    )
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_there_is_not_written_over_by_either(backed_up: Press) -> None:
    done = backed_up("backup", "press.backup")
    assert (done.code, done.err) == (
        1,
        "press.backup: already exists, and backups are never overwritten; choose another name\n",
    )
    done = backed_up("restore", "press.backup")
    assert done.code == 1
    assert done.err.startswith("this database already contains data (")
    assert len(done.err.splitlines()) == 1


def test_a_key_that_is_set_has_to_be_kept_beside_and_given_again(backed_up: Press, tmp_path: Path) -> None:
    key = "a key of the operator's own"
    done = backed_up("backup", "set.backup", SECRET_KEY=key)
    assert (done.code, done.err) == (
        0,
        "SECRET_KEY is set, and so not in the backup: keep it with the backup, because links need it\n",
    )
    assert "secret_key" not in zipfile.ZipFile(tmp_path / "set.backup").namelist()
    assert backed_up("restore", "set.backup", DATA_DIR="elsewhere", SECRET_KEY=key).err == ""
    assert "SECRET_KEY_FALLBACKS" in backed_up("restore", "set.backup", DATA_DIR="another").err


@pytest.mark.parametrize(
    "arguments", [["backup"], ["restore"], ["backup", "a", "b"], ["restore", "no-such-file"], ["restore", "."]]
)
def test_wrong_usage_ends_with_two(press: Press, arguments: list[str]) -> None:
    press("db", "upgrade")
    done = press(*arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
