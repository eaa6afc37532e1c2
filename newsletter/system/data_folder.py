"""The data folder: fit to be written into, closed to other users, and held by one `newsletter up` at a time."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.errors import Refused

_HOLDER = "up.lock"
# As much as a first start writes: a folder that cannot take this is as good as full.
_ROOM = 1 << 20
# A disk with less is as good as full: SQLite's log alone may grow by this much.
_SPARE = 32 << 20


def require_usable(folder: Path) -> None:
    """Refused, with what to do, where a database and pictures could not be kept."""
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
    """Refused, with what to do, where nothing can be put aside for a while, as a large upload is."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        raise Refused("there is no writable folder for temporary files; make /tmp writable, or set TMPDIR") from None


def disk_problem(folder: Path) -> str | None:
    """What is wrong with the disk that a folder is on, or is to be, as a sentence that says what to do."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    disk = os.statvfs(there)
    # Some file systems do not count their files.
    if disk.f_bavail * disk.f_frsize < _SPARE or (disk.f_files and not disk.f_favail):
        return f"the disk that holds {folder} is full; free some room"
    return None if os.access(there, os.W_OK) else f"{folder} cannot be written to; let this user write there"


def is_open_to_others(folder: Path) -> bool:
    """Whether other users of this machine may look into it."""
    return folder.is_dir() and bool(folder.stat().st_mode & 0o077)


@contextmanager
def locked(folder: Path, holder: str) -> Iterator[None]:
    """Keep the folder for this process while the block runs; Refused, naming the holder, where another has it."""
    # The system lets go of the lock with the process, however that ends, so a file that is left behind holds nobody up.
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
