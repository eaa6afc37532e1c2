"""The backup file: a zip that appears under its name only when complete, and is trusted only after full verification.

Nothing is extracted to paths named in the zip: members are read by name, up to the size in the manifest.
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

# What a backup may contain, and its maximum size: members that are not tables are read into memory.
_KINDS = {
    re.compile(rf"{TABLES}[a-z][a-z0-9_]{{0,62}}"): sys.maxsize,
    re.compile(rf"{PICTURES}[0-9a-f]{{64}}\.(?:{'|'.join(MEDIA_TYPES)})"): MAX_BYTES,
    re.compile(rf"{ORIGINALS}[0-9a-f]{{64}}"): UPLOAD_BYTES,
    re.compile(rf"{DKIM}[a-z0-9][a-z0-9.-]{{0,250}}\.pem"): _LARGEST_KEY,
    re.compile(KEY_FILE): _LARGEST_KEY,
}

_BROKEN = (BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OSError)


class BackupWriter:
    """Writes a new backup."""

    def __init__(self, file: ZipFile) -> None:
        self._zip = file
        self.members: dict[str, ArchiveMember] = {}
        """The members written so far."""

    def add(self, name: str, content: bytes, *, packed: bool = False) -> bool:
        """Add a small member; False, and nothing is added, if a restore would refuse it."""
        if not _has_a_place(name, ArchiveMember(size=len(content), sha256=hashlib.sha256(content).hexdigest())):
            return False
        with self.adding(name, packed=packed) as file:
            file.write(content)
        return True

    @contextmanager
    def adding(self, name: str, *, packed: bool = False) -> Iterator["HashingWriter"]:
        """A stream to write a member to; `packed` means that it is compressed already."""
        entry = ZipInfo(name)
        entry.compress_type = ZIP_STORED if packed else ZIP_DEFLATED
        with self._zip.open(entry, "w", force_zip64=True) as file:
            summed = HashingWriter(file)
            yield summed
        self.members[name] = summed.member()

    def close(self, manifest: Manifest) -> None:
        """Write the manifest, which is the last member."""
        self._zip.writestr(NAME, manifest.model_dump_json(indent=1))


class HashingWriter:
    """A stream that computes the size and SHA-256 of what is written to it."""

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
    """A new backup, readable by its owner only; the file appears only if the block succeeds.

    Conflict if the file exists; Unavailable, saying why, if it cannot be written.
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
        atomic_files.rename_into_place(draft, target)
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
    """A backup, verified byte by byte against its manifest."""

    def __init__(self, path: Path, file: ZipFile) -> None:
        self.path = path
        self._zip = file
        self.manifest = _manifest(path, file)

    def named(self, beginning: str) -> list[str]:
        """The names with that prefix, without the prefix."""
        return [name.removeprefix(beginning) for name in self.manifest.members if name.startswith(beginning)]

    def reading(self, name: str) -> IO[bytes]:
        """A member as a stream."""
        return self._zip.open(name)

    def read(self, name: str) -> bytes:
        """The bytes of a small member."""
        with self.reading(name) as file:
            return file.read(self.manifest.members[name].size)

    def check(self) -> None:
        """Verify all of it; Invalid at the first mismatch."""
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
    """Open and verify a backup; Invalid or Conflict, saying what is wrong and what to do."""
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
    written = json.loads(text)
    made_by = written.get("format") if isinstance(written, dict) else None
    if isinstance(made_by, int) and made_by > FORMAT:
        raise _newer(path)
    manifest = Manifest.model_validate_json(text)
    if manifest.revision not in schema.revisions():
        raise _newer(path)
    return manifest


def _newer(path: Path) -> Conflict:
    return Conflict(f"{path}: made by a newer version of this program; install that version to restore it")


def _has_a_place(name: str, member: ArchiveMember) -> bool:
    """Whether a member of that name and size is allowed; a picture's name is its SHA-256."""
    fits = any(kind.fullmatch(name) and member.size <= most for kind, most in _KINDS.items())
    is_itself = not name.startswith((PICTURES, ORIGINALS)) or Path(name).stem == member.sha256
    return fits and is_itself and name.startswith(TABLES) is (member.columns is not None)


def _summed(stream: IO[bytes], member: ArchiveMember) -> str:
    """The SHA-256 of a stream; for a table, only if it has the right number of rows."""
    found, rows = hashlib.sha256(), 0
    with stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
            rows += chunk.count(b"\n")
    return found.hexdigest() if member.columns is None or rows == member.rows else ""


def _require_absent(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise Conflict(f"{target}: already exists, and backups are never overwritten; choose another name")
