"""Database identity: tells a database from every copy of it, however the copy was made.

SQLite: the file, by its inode and its time of creation. It may be moved; a copy is another file.
PostgreSQL: the cluster, the database, and the oid of the table `arming`, which pg_restore creates anew.
"""

import ctypes
import os
import struct
from functools import cache
from typing import Any

from sqlalchemy import Connection, text

from newsletter.db import DatabaseDown, is_postgresql

_FILE = text("SELECT file FROM pragma_database_list WHERE name = 'main'")
_TABLE = text(
    "SELECT 'cluster ' || (SELECT system_identifier FROM pg_control_system())"
    " || ' database ' || oid || ' table ' || CAST('arming'::regclass AS oid)"
    " FROM pg_database WHERE datname = current_database()"
)

# statx(2), which Python does not offer yet: only it tells a file's time of creation on Linux.
_AT_FDCWD, _STATX_BTIME, _BTIME_AT, _STATX_SIZE = -100, 0x800, 80, 256


def identity_of(connection: Connection) -> str:
    """The identity of this database; no copy has the same. DatabaseDown if its file is gone."""
    if not is_postgresql(connection):
        return _of_file(connection.execute(_FILE).scalar_one())
    return str(connection.execute(_TABLE).scalar_one())


def _of_file(path: str) -> str:
    try:
        file = os.stat(path)  # noqa: PTH116  (called once a second: saves making a Path)
    except FileNotFoundError as gone:  # which connections made before would not notice
        raise DatabaseDown("stat", {}, gone) from None
    born = getattr(file, "st_birthtime", None) or _born(path)
    return f"file {file.st_ino} of {born}"


def _born(path: str) -> str:
    """A file's time of creation in seconds; `0.0` where the system does not tell, and the inode has to do."""
    asked = ctypes.create_string_buffer(_STATX_SIZE)
    statx = _statx()
    if statx is None or statx(_AT_FDCWD, os.fsencode(path), 0, _STATX_BTIME, asked) != 0:
        return "0.0"
    (known,) = struct.unpack_from("=I", asked)
    seconds, nanoseconds = struct.unpack_from("=qI", asked, _BTIME_AT)
    return f"{seconds}.{nanoseconds}" if known & _STATX_BTIME else "0.0"


@cache
def _statx() -> Any:
    return getattr(ctypes.CDLL(None), "statx", None)
