"""Files that are written completely or not at all, even if the power fails.

A file's content reaches the disk by a sync of the file, its name by a sync of the folder (fsync(2)).
"""

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import get_ident


def write(path: Path, content: bytes) -> None:
    """Write a file, replacing an existing one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.part")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def create(path: Path, content: bytes) -> None:
    """Write a new file, readable by its owner only; FileExistsError, without any change, if there is one."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        rename_into_place(Path(draft), path)
    finally:
        Path(draft).unlink(missing_ok=True)


def rename_into_place(draft: Path, path: Path) -> None:
    """Give a synced file its final name; FileExistsError if that exists, so that of two attempts only one succeeds."""
    try:
        path.hardlink_to(draft)
    except OSError as error:
        # Some file systems have no hard links (FAT, some shares); then nobody else may be writing there.
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}:
            raise
        if path.exists() or path.is_symlink():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        draft.rename(path)
    sync_folder(path.parent)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and its missing parents, durably."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def make_private(path: Path) -> None:
    """Make sure that a file exists, empty if it is new, and that only its owner can read it."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    restrict_to_owner(path)


def restrict_to_owner(path: Path) -> None:
    """Remove everybody's access to a file but its owner's; a missing file is ignored."""
    with suppress(FileNotFoundError):
        now = path.stat()
        if now.st_mode & 0o077 and now.st_uid == os.geteuid():
            path.chmod(now.st_mode & 0o700)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that changes of names in it are durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # not every file system takes this of a folder
            os.fsync(handle)
    finally:
        os.close(handle)
