"""The file of a backup: a zip that appears under its name only whole, and is believed only after all of it was read.

Nothing is ever unpacked by the names that lie in it: what is asked for is read, up to the size that was promised.
"""

import hashlib
import json
import os
import re
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from newsletter import schema
from newsletter.backup.manifest import (
    DKIM,
    FORMAT,
    KEY_FILE,
    NAME,
    ORIGINALS,
    PICTURES,
    TABLES,
    ArchiveMember,
    Manifest,
)
from newsletter.editorial.images.pictures import MAX_BYTES, MEDIA_TYPES
from newsletter.editorial.images.processing import UPLOAD_BYTES
from newsletter.errors import Conflict, Invalid, Unavailable
from newsletter.system import atomic_files

_CHUNK = 1 << 20
_LARGEST_MANIFEST = 64 << 20
_LARGEST_KEY = 64 << 10

# What may lie in a backup, and how large it may be: what is not a table is read in one piece.
_KINDS = {
    re.compile(rf"{TABLES}[a-z][a-z0-9_]{{0,62}}"): sys.maxsize,
    re.compile(rf"{PICTURES}[0-9a-f]{{64}}\.(?:{'|'.join(MEDIA_TYPES)})"): MAX_BYTES,
    re.compile(rf"{ORIGINALS}[0-9a-f]{{64}}"): UPLOAD_BYTES,
    re.compile(rf"{DKIM}[a-z0-9][a-z0-9.-]{{0,250}}\.pem"): _LARGEST_KEY,
    re.compile(KEY_FILE): _LARGEST_KEY,
}

_BROKEN = (BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OSError)


class BackupWriter:
    """A backup that is being written."""

    def __init__(self, file: ZipFile) -> None:
        self._zip = file
        self.members: dict[str, ArchiveMember] = {}
        """What is in it so far."""

    def add(self, name: str, content: bytes, *, packed: bool = False) -> bool:
        """Add a file that is at hand; False, and nothing is added, if no restore would take it."""
        if not _has_a_place(name, ArchiveMember(size=len(content), sha256=hashlib.sha256(content).hexdigest())):
            return False
        with self.adding(name, packed=packed) as file:
            file.write(content)
        return True

    @contextmanager
    def adding(self, name: str, *, packed: bool = False) -> Iterator["HashingWriter"]:
        """Where to write a file of that name; it is `packed` already, if that would not make it smaller."""
        entry = ZipInfo(name)
        entry.compress_type = ZIP_STORED if packed else ZIP_DEFLATED
        with self._zip.open(entry, "w", force_zip64=True) as file:
            summed = HashingWriter(file)
            yield summed
        self.members[name] = summed.member()

    def close(self, manifest: Manifest) -> None:
        """Say last what is in it."""
        self._zip.writestr(NAME, manifest.model_dump_json(indent=1))


class HashingWriter:
    """A file that knows the size and the sum of what was written into it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = 0
        self._sum = hashlib.sha256()
        self.rows = 0
        self.columns: list[str] | None = None

    def write(self, content: bytes | memoryview) -> None:
        self._file.write(content)
        self._sum.update(content)
        self._size += len(content)

    def member(self) -> ArchiveMember:
        return ArchiveMember(size=self._size, sha256=self._sum.hexdigest(), columns=self.columns, rows=self.rows)


@contextmanager
def writing_backup(target: Path) -> Iterator[BackupWriter]:
    """A new backup, readable by its owner only; it is there once the block has ended well, and else nothing is.

    Conflict if there is a file of that name; Unavailable, saying why, where it cannot be written.
    """
    _require_absent(target)
    draft: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=".backup.", suffix=".part", dir=target.parent)
        draft = Path(name)
        with os.fdopen(handle, "wb") as file:
            with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as archive:
                yield BackupWriter(archive)
            file.flush()
            os.fsync(file.fileno())
        atomic_files.name(draft, target)
    except FileExistsError:
        _require_absent(target)
        raise
    except OSError as error:
        where = error.filename if draft and error.filename else target
        raise Unavailable(f"{where}: {error.strerror or error}; no backup was made") from error
    finally:
        if draft:
            draft.unlink(missing_ok=True)


class Archive:
    """A backup whose every byte was read and found to be what its manifest says."""

    def __init__(self, path: Path, file: ZipFile) -> None:
        self.path = path
        self._zip = file
        self.manifest = _manifest(path, file)

    def named(self, beginning: str) -> list[str]:
        """The rest of every name that begins so."""
        return [name.removeprefix(beginning) for name in self.manifest.members if name.startswith(beginning)]

    def reading(self, name: str) -> IO[bytes]:
        """One of its files, as a stream."""
        return self._zip.open(name)

    def read(self, name: str) -> bytes:
        """One of its small files."""
        with self.reading(name) as file:
            return file.read(self.manifest.members[name].size)

    def check(self) -> None:
        """Read all of it; Invalid at the first thing that is not as it must be."""
        if sorted(self._zip.namelist()) != sorted([*self.manifest.members, NAME]):
            raise Invalid(f"{self.path}: its files are not those it lists; somebody changed it")
        for name, member in self.manifest.members.items():
            if not _has_a_place(name, member):
                raise Invalid(f"{self.path}: {name!r} does not belong in a backup; somebody changed it")
            if not self._is_whole(self._zip.getinfo(name), member):
                raise Invalid(f"{self.path}: {name} is damaged; use another backup")

    def _is_whole(self, entry: ZipInfo, member: ArchiveMember) -> bool:
        if entry.file_size != member.size or entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
            return False
        return _summed(self.reading(entry.filename), member) == member.sha256


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """A backup, all of it checked; Invalid or Conflict, saying what is wrong and what to do."""
    with _whole(path):
        file = ZipFile(path)
    with file:
        with _whole(path):
            archive = Archive(path, file)
            archive.check()
        yield archive


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except _BROKEN as error:
        raise Invalid(
            f"{path}: not a complete backup of this program: it is cut short, damaged or something else"
        ) from error


def _manifest(path: Path, file: ZipFile) -> Manifest:
    if NAME not in file.namelist():
        raise BadZipFile(NAME)
    with file.open(NAME) as stream:
        text = stream.read(_LARGEST_MANIFEST)
    told = json.loads(text)
    made_by = told.get("format") if isinstance(told, dict) else None
    if isinstance(made_by, int) and made_by > FORMAT:
        raise _newer(path)
    manifest = Manifest.model_validate_json(text)
    if manifest.revision not in schema.revisions():
        raise _newer(path)
    return manifest


def _newer(path: Path) -> Conflict:
    return Conflict(f"{path}: made by a newer version of this program; install that version to restore it")


def _has_a_place(name: str, member: ArchiveMember) -> bool:
    """Whether a file of that name and size may be there; a picture's name is the sum of its bytes."""
    fits = any(kind.fullmatch(name) and member.size <= most for kind, most in _KINDS.items())
    is_itself = not name.startswith((PICTURES, ORIGINALS)) or Path(name).stem == member.sha256
    return fits and is_itself and name.startswith(TABLES) is (member.columns is not None)


def _summed(stream: IO[bytes], member: ArchiveMember) -> str:
    """The sum of a file; of a table, only if it has the rows that it should have."""
    found, rows = hashlib.sha256(), 0
    with stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
            rows += chunk.count(b"\n")
    return found.hexdigest() if member.columns is None or rows == member.rows else ""


def _require_absent(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise Conflict(f"{target}: already exists, and backups are never overwritten; choose another name")
