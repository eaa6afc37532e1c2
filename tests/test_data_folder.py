"""The data folder is fit to be written into before anything starts, and held by one `newsletter up` at a time."""

import errno
import os
from pathlib import Path

import pytest

from newsletter import data_folder
from newsletter.errors import Refused


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
        data_folder.held(tmp_path, "the first"),
        pytest.raises(Refused, match="the first is running on the data in"),
        data_folder.held(tmp_path, "the second"),
    ):
        pass
    with data_folder.held(tmp_path, "the second"):
        assert (tmp_path / "up.lock").read_text() == "the second"
