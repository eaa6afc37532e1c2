"""A disk under SQLite that a test can see: each sync passes by here, to learn what survives.

SQLite reaches the disk through a table of functions (https://sqlite.org/vfs.html). Those that sync are replaced in
this process, whatever opens the database. That needs no compiler and no privilege.
"""

import _sqlite3
import ctypes
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# SQLITE_OPEN_MAIN_JOURNAL and SQLITE_OPEN_WAL: the first sync of such a file syncs its folder, too (`unixSync`).
_JOURNAL = 0x800 | 0x80000

_POINTER = ctypes.c_void_p
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, _POINTER, ctypes.c_int, _POINTER)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_int)
_READ = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_int, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int)
_SIZE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.POINTER(ctypes.c_int64))


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", _POINTER),
        ("read", _POINTER),
        ("write", _POINTER),
        ("truncate", _POINTER),
        ("sync", _POINTER),
        ("size", _POINTER),
        ("others", _POINTER * 12),
    )


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, as far as it is needed."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", _POINTER),
        ("name", ctypes.c_char_p),
        ("data", _POINTER),
        ("open", _POINTER),
        ("delete", _POINTER),
    )


class Disk:
    """A disk like any other; what is made of it says what is different."""

    def sync(self, _path: Path, _content: Callable[[], bytes], really: Callable[[], int], /) -> int:
        """A file is to be synced, which holds this now; SQLite's result code."""
        return really()

    def deleted(self, _path: Path, /) -> None:
        """A file is gone, for good once its folder is synced."""

    def folder_synced(self, _folder: Path, /) -> None:
        """What was deleted in a folder stays so."""


class Powered(Disk):
    """A disk whose power may be cut: `survivors` holds of each file what it held at its last sync, and nothing else.

    Made anew while nobody has the database open: what lies there then lies safe.
    """

    def __init__(self, database: Path, survivors: Path) -> None:
        self._database = database.resolve()
        self._survivors = survivors
        self._deleted: set[str] = set()
        if not survivors.exists():
            survivors.mkdir()
            for path in self._files(self._database):
                shutil.copy(path, survivors)

    def sync(self, path: Path, content: Callable[[], bytes], really: Callable[[], int], /) -> int:
        # Read before, for of what is written during a sync nothing is promised.
        synced = content() if path.parent == self._database.parent else None
        code = really()
        if synced is not None and code == 0:
            draft = self._survivors / f"{path.name}.new"
            draft.write_bytes(synced)
            draft.replace(self._survivors / path.name)
            self._deleted.discard(path.name)
        return code

    def deleted(self, path: Path, /) -> None:
        if path.parent == self._database.parent:
            self._deleted.add(path.name)

    def folder_synced(self, folder: Path, /) -> None:
        if folder == self._database.parent:
            for name in self._deleted:
                (self._survivors / name).unlink(missing_ok=True)
            self._deleted.clear()

    def left(self, folder: Path) -> Path:
        """The database as a power cut would leave it now, in another folder."""
        folder.mkdir()
        for path in self._files(self._survivors / self._database.name):
            shutil.copy(path, folder)
        return folder / self._database.name

    def cut_power(self) -> None:
        """Put what a power cut leaves in the database's own place; whatever had it open must be gone."""
        left = self._files(self._survivors / self._database.name)
        for path in self._files(self._database):
            if path.name not in {survivor.name for survivor in left}:
                path.unlink()
        self._database.with_name(f"{self._database.name}-shm").unlink(missing_ok=True)
        for survivor in left:
            # Over what is there, for a database that is another file counts as a copy, and does not send.
            shutil.copyfile(survivor, self._database.with_name(survivor.name))

    @staticmethod
    def _files(database: Path) -> list[Path]:
        """Those that a database consists of; SQLite makes `-shm` anew."""
        paths = (database.with_name(database.name + ending) for ending in ("", "-wal", "-journal"))
        return [path for path in paths if path.exists()]


@contextmanager
def over(disk: Disk) -> Iterator[None]:
    """Whatever this process opens in here lies on that disk."""
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    sqlite3.connect(":memory:").close()  # the library is ready from its first use on
    vfs = library.sqlite3_vfs_find(None).contents
    shim, original = _Shim(vfs, disk), (vfs.open, vfs.delete)
    _for_good.append(shim)
    vfs.open, vfs.delete = shim.open, shim.delete
    try:
        yield
    finally:
        vfs.open, vfs.delete = original


class _Shim:
    def __init__(self, vfs: _Vfs, disk: Disk) -> None:
        self._disk = disk
        self._open_really, self._delete_really = _OPEN(vfs.open), _DELETE(vfs.delete)
        self._paths: dict[int, Path] = {}
        self._new_journals: set[int] = set()
        self._methods: dict[int, _Methods] = {}
        self._callbacks: list[Any] = []
        self.open, self.delete = self._called(_OPEN, self._open), self._called(_DELETE, self._delete)

    def _open(self, vfs: int, name: int | None, file: int, flags: int, flags_out: int) -> int:
        code: int = self._open_really(vfs, name, file, flags, flags_out)
        held = _POINTER.from_address(file)
        if code == 0 and name and held.value:
            self._paths[file] = _path(name)
            (self._new_journals.add if flags & _JOURNAL else self._new_journals.discard)(file)
            if held.value not in self._methods:
                self._methods[held.value] = self._seen(_Methods.from_address(held.value))
            held.value = ctypes.addressof(self._methods[held.value])
        return code

    def _delete(self, vfs: int, name: int, sync_folder: int) -> int:
        code: int = self._delete_really(vfs, name, sync_folder)
        if code == 0:
            self._disk.deleted(_path(name))
        if code == 0 and sync_folder:
            self._disk.folder_synced(_path(name).parent)
        return code

    def _seen(self, original: _Methods) -> _Methods:
        """The same methods, but for the one that syncs."""
        really, read, size = _SYNC(original.sync), _READ(original.read), _SIZE(original.size)

        def content(file: int) -> bytes:
            # By SQLite's own hand: to open and close the file anew would drop its locks (POSIX has it so).
            length = ctypes.c_int64()
            size(file, ctypes.byref(length))
            buffer = ctypes.create_string_buffer(length.value)
            read(file, ctypes.addressof(buffer), length.value, 0)
            return buffer.raw

        def sync(file: int, flags: int) -> int:
            path = self._paths[file]
            code = self._disk.sync(path, lambda: content(file), lambda: really(file, flags))
            if code == 0 and file in self._new_journals:
                self._new_journals.remove(file)
                self._disk.folder_synced(path.parent)
            return code

        methods = _Methods.from_buffer_copy(original)
        methods.sync = self._called(_SYNC, sync)
        return methods

    def _called(self, kind: Any, function: Callable[..., int]) -> int | None:
        callback = kind(function)
        self._callbacks.append(callback)
        return ctypes.cast(callback, _POINTER).value


def _path(name: int) -> Path:
    # SQLite keeps the very pointer that it gives, so it is handed on as it is.
    return Path(ctypes.string_at(name).decode()).resolve()


_for_good: list[_Shim] = []
"""What is open goes on using them when the block is over."""
