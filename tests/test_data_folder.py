"""The data folder is fit to be written into before anything starts, and held by one `newsletter up` at a time."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter import migrations_runner
from newsletter.config import Settings
from newsletter.db import open_engine
from newsletter.errors import Refused
from newsletter.system import data_folder
from newsletter.wiring import open_services
from tests.cli.conftest import in_this_process
from tests.ports import free_port
from tests.sample_services import ISSUES


def test_a_folder_that_is_not_there_yet_is_made_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    data_folder.require_usable(tmp_path / "var" / "press")
    assert list((tmp_path / "var" / "press").iterdir()) == []


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(Refused, match="var is a file; name a folder"):
        data_folder.require_usable(tmp_path / "var")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full; free some room, or set DATA_DIR to a folder elsewhere"),
        (errno.EROFS, r"cannot be written to \(Read-only file system\); let this user write there"),
        (errno.EACCES, r"cannot be written to \(Permission denied\); let this user write there"),
    ],
)
def test_what_keeps_it_from_being_written_into_is_named_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Refused, match=words):
        data_folder.require_usable(tmp_path)


def test_whoever_comes_second_is_told_who_holds_it_and_may_have_it_afterwards(tmp_path: Path) -> None:
    with (
        data_folder.locked(tmp_path, "the first"),
        pytest.raises(Refused, match="the first is already running on the data in"),
        data_folder.locked(tmp_path, "the second"),
    ):
        pass
    with data_folder.locked(tmp_path, "the second"):
        assert (tmp_path / "up.lock").read_text() == "the second"


def test_a_machine_without_room_for_temporary_files_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "nothing")])
    with pytest.raises(Refused, match="set TMPDIR"):
        data_folder.require_usable(tmp_path)


def test_what_we_keep_is_open_to_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    settings = Settings(_env_file=None, data_dir=folder)
    press = open_services(settings, check_schema=False)
    migrations_runner.upgrade(press.sessions.engine)
    with press.sessions.begin() as session:
        session.execute(text("SELECT 1"))
        assert {path.name for path in folder.iterdir()} >= {"newsletter.db", "newsletter.db-wal", "newsletter.db-shm"}
        assert [
            path.name for path in (folder, *folder.iterdir()) if path.is_file() and path.stat().st_mode & 0o077
        ] == []
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not data_folder.is_open_to_others(folder)
    press.close()


def test_files_of_an_earlier_version_are_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "newsletter.db").touch()
    names = ("newsletter.db", "newsletter.db-wal", "newsletter.db-shm")
    open_engine(f"sqlite:///{tmp_path}/newsletter.db").connect().close()
    for name in names:
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    open_engine(f"sqlite:///{tmp_path}/newsletter.db").dispose()
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in names] == [0o600] * 3


@pytest.mark.slow
def test_the_command_keeps_all_files_to_its_user_and_tells_of_an_open_folder(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir(mode=0o755)
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "PORT": str(free_port())}
    for command in (["db", "upgrade"], ["issues", "load", str(ISSUES)], ["backup", str(folder / "a.backup")]):
        assert in_this_process(command, tmp_path, environment).code == 0
    assert [path for path in folder.rglob("*") if path.stat().st_mode & 0o077] == []
    serve = [sys.executable, "-m", "newsletter", "serve"]
    with subprocess.Popen(serve, env=environment, cwd=tmp_path, stderr=subprocess.PIPE) as serving:
        said = serving.stderr.readline()
        serving.terminate()
    assert b"open to other users" in said


@pytest.mark.parametrize("command", [["serve"], ["worker"], ["worker", "--processes", "2"]])
def test_nothing_starts_on_a_database_of_an_older_version(tmp_path: Path, command: list[str]) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/newsletter.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    engine.dispose()
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)}
    ended = in_this_process(command, tmp_path, environment)
    assert (ended.code, ended.err) == (1, "the database is behind; run `newsletter db upgrade`\n")
