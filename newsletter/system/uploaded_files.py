"""Files uploaded at the desk: written into a folder under a name of our own, until a worker is done with them."""

import hashlib
import re
import secrets
import time
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import IO

from newsletter.errors import Invalid

LONGEST_NAME = 120
"""Characters of a file's own name."""
_LIST_COMMAND = "newsletter subscribers import FILE"
_CHUNK = 1 << 20
_ORPHANED = 24 * 3600
"""Seconds after which a file that belongs to no upload is deleted."""


def store_file(folder: Path, stream: IO[bytes], most_bytes: int, command: str = _LIST_COMMAND) -> tuple[str, str, int]:
    """Write an upload into the folder: its name there, its SHA-256 and size; Invalid if it is empty or too large.

    `command` is what takes a file of any size on the server.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = secrets.token_hex(16)
    try:
        with (folder / name).open("xb") as file:
            sha256, size = _copy(stream, file, most_bytes, command)
    except BaseException:
        (folder / name).unlink(missing_ok=True)
        raise
    return name, sha256, size


def _copy(stream: IO[bytes], file: IO[bytes], most_bytes: int, command: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > most_bytes:
            raise Invalid(too_large(most_bytes, command))
        digest.update(chunk)
        file.write(chunk)
    if not size:
        raise Invalid("This file is empty. Export it again, and upload that.")
    return digest.hexdigest(), size


def too_large(most_bytes: int, command: str = _LIST_COMMAND) -> str:
    """What to do with a file that is too large."""
    return (
        f"This file is larger than {most_bytes >> 20} MB. Upload it as a zip, raise IMPORT_MAX_MB, or import it on the "
        f"server: {command}"
    )


def clean_file_name(name: str) -> str:
    """The last part of a path, without what cannot be shown; the beginning of an endless name is cut off."""
    last = PurePosixPath(name.replace("\\", "/")).name
    printable = "".join(each for each in last if each.isprintable()).strip(". ")
    return re.sub(r"\s+", " ", printable)[-LONGEST_NAME:] or "list"


def delete_orphans(folder: Path, needed: Collection[str], over: Collection[str] = ()) -> None:
    """Delete the files of uploads that are over, and after a day those that belong to none."""
    for path in folder.glob("*"):
        if path.name in over or (path.name not in needed and time.time() - path.stat().st_mtime > _ORPHANED):
            path.unlink(missing_ok=True)
