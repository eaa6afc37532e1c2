"""The data folder: writable, private, and used by one `newsletter up` at a time."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from newsletter.errors import Refused
from newsletter.system import atomic_files

_HOLDER = "up.lock"
_LAST_BACKUP = "last_backup"
# As much as a first start writes: a folder that cannot take it counts as full.
_ROOM = 1 << 20
# A disk with less counts as full: SQLite's log alone may grow by this much.
_SPARE = 32 << 20


def require_usable(folder: Path) -> None:
    """Refused, saying what to do, if the database and pictures could not be stored."""
    require_temporary()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_ROOM))
            probe.flush()
            os.fsync(probe.fileno())
    except FileExistsError:
        raise Refused(f"DATA_DIR: {folder} is a file; name a folder") from None
    except OSError as error:
        raise _refusal(folder, error) from None


def require_temporary() -> None:
    """Refused, saying what to do, if temporary files, such as large uploads, could not be stored."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        raise Refused("there is no writable folder for temporary files; make /tmp writable, or set TMPDIR") from None


def disk_problem(folder: Path) -> str | None:
    """What is wrong with a folder's disk, as a sentence that says what to do; None if nothing is."""
    existing_folder = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    disk = os.statvfs(existing_folder)
    # Some file systems report no number of files.
    if disk.f_bavail * disk.f_frsize < _SPARE or (disk.f_files and not disk.f_favail):
        return f"the disk that holds {folder} is full; free some room"
    return None if os.access(existing_folder, os.W_OK) else f"{folder} cannot be written to; let this user write there"


def is_open_to_others(folder: Path) -> bool:
    """Whether other users of this machine can read it."""
    return folder.is_dir() and bool(folder.stat().st_mode & 0o077)


def note_backup(folder: Path, at: datetime) -> None:
    """Note when the last backup was made."""
    atomic_files.write(folder / _LAST_BACKUP, f"{at.isoformat()}\n".encode())


def last_backup(folder: Path) -> datetime | None:
    """When the last backup was made with this data folder; None if that is not known."""
    try:
        return datetime.fromisoformat((folder / _LAST_BACKUP).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None


@contextmanager
def locked(folder: Path, holder: str) -> Iterator[None]:
    """Lock the folder while the block runs; Refused, naming the holder, if another process has it."""
    # The system releases the lock when the process ends, for whatever reason, so a leftover lock file does no harm.
    with (folder / _HOLDER).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            by = file.read().strip() or "another `newsletter up`"
            raise Refused(
                f"{by} is already running on the data in {folder}; stop it first, or set DATA_DIR to another folder"
            ) from None
        file.truncate(0)
        file.write(holder)
        file.flush()
        yield
        file.truncate(0)


def _refusal(folder: Path, error: OSError) -> Refused:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Refused(f"the disk that holds {folder} is full; free some room, or set DATA_DIR to a folder elsewhere")
    return Refused(
        f"{folder} cannot be written to ({error.strerror}); let this user write there, "
        "or set DATA_DIR to a folder where it may"
    )
