"""The data folder of `newsletter up`: fit to be written into, and held by one at a time."""

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


def require_usable(folder: Path) -> None:
    """Refused, with what to do, where a database and pictures could not be kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_ROOM))
            probe.flush()
            os.fsync(probe.fileno())
    except FileExistsError:
        raise Refused(f"DATA_DIR: {folder} is a file; name a folder") from None
    except OSError as error:
        raise _refusal(folder, error) from None


@contextmanager
def held(folder: Path, holder: str) -> Iterator[None]:
    """Keep the folder for this process while the block runs; Refused, naming the holder, where another has it."""
    # The system lets go of the lock with the process, however that ends, so a file that is left behind holds nobody up.
    with (folder / _HOLDER).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            by = file.read().strip() or "another `newsletter up`"
            raise Refused(
                f"{by} is running on the data in {folder} already; stop it first, or set DATA_DIR to another folder"
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
