"""Each file that is written for good stays, with its name and its content, when the power fails right after."""

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.backup import archive
from newsletter.config import Settings
from newsletter.delivery.message import dkim_keys
from newsletter.editorial.images.pictures import FolderPictureStore
from newsletter.inbox.store import Envelope, Store
from newsletter.system import atomic_files

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

Write = Callable[[Path], object]


def secret_key(folder: Path) -> object:
    return Settings(_env_file=None, data_dir=folder).secret


def dkim_key(folder: Path) -> object:
    return dkim_keys.create_key(folder, "example.org", "press", ed25519=True)


def picture(folder: Path) -> object:
    return FolderPictureStore(folder)._put("a.png", b"content")


def mail_in_the_inbox(folder: Path) -> object:
    return Store(folder).add(Envelope("", ("ada@example.org",)), b"Subject: x\r\n\r\nHello", NOW)


def backup(folder: Path) -> object:
    atomic_files.make_folder(folder)
    with archive.writing_backup(folder / "backup.zip"):
        return None


def file_put_in_place_of_another(folder: Path) -> object:
    atomic_files.make_folder(folder)
    (folder / "issue.md").write_bytes(b"old")
    return atomic_files.write(folder / "issue.md", b"newer")


class Disk:
    """What is on the disk: the names in each folder and the size of each file, as they were at its last sync."""

    def __init__(self) -> None:
        self._really = os.fsync
        self._names: dict[int, dict[str, int]] = {}
        self._sizes: dict[int, int] = {}

    def fsync(self, handle: int) -> None:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            names = os.listdir(handle)
            self._names[status.st_ino] = {name: os.stat(name, dir_fd=handle).st_ino for name in names}
        else:
            self._sizes[status.st_ino] = status.st_size
        self._really(handle)

    def holds(self, path: Path) -> bool:
        """Whether a file has its name and all of its content there."""
        status = path.stat()
        is_named = self._names.get(path.parent.stat().st_ino, {}).get(path.name) == status.st_ino
        return is_named and (path.is_dir() or self._sizes.get(status.st_ino) == status.st_size)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    return disk


@pytest.mark.parametrize(
    "write", [secret_key, dkim_key, picture, mail_in_the_inbox, backup, file_put_in_place_of_another]
)
def test_what_was_written_stays_when_the_power_fails(write: Write, disk: Disk, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    write(folder)
    written = list(folder.iterdir())
    assert written
    assert all(disk.holds(path) for path in [*written, folder, folder.parent])


def test_of_two_who_create_one_file_the_first_wins(tmp_path: Path) -> None:
    path = tmp_path / "key"
    atomic_files.create(path, b"first")
    with pytest.raises(FileExistsError):
        atomic_files.create(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "issue.md"
    path.write_bytes(b"old")

    def fail(_handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        atomic_files.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
