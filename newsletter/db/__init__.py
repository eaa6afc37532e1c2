"""Database access, on SQLite or PostgreSQL.

sessions      sessions that write, and sessions that cannot
engines       connections, and how a transaction begins
tables        the base class of the models, and types of columns
dialects      what the two databases write differently
failures      what a session raises that its caller can foresee
write_queue   whose turn it is to write (SQLite)
group_commit  one transaction for the writes of many (SQLite)
"""

from sqlalchemy.orm import Session  # for the web packages, which know no SQLAlchemy

from newsletter.db.dialects import Bound, insert, is_postgresql, position
from newsletter.db.engines import open_engine
from newsletter.db.failures import AWAY, OVERTAKEN, DatabaseDown
from newsletter.db.sessions import (
    Sessions,
    Witness,
    can_read_in_parallel,
    read_in_parallel,
    require_witness,
)
from newsletter.db.tables import (
    HIGHEST_ID,
    HIGHEST_LONG_ID,
    UNSYNCED,
    Base,
    LongId,
    LongRef,
    UtcDateTime,
    partial_index,
    word,
)

__all__ = [
    "AWAY",
    "HIGHEST_ID",
    "HIGHEST_LONG_ID",
    "OVERTAKEN",
    "UNSYNCED",
    "Base",
    "Bound",
    "DatabaseDown",
    "LongId",
    "LongRef",
    "Session",
    "Sessions",
    "UtcDateTime",
    "Witness",
    "can_read_in_parallel",
    "insert",
    "is_postgresql",
    "open_engine",
    "partial_index",
    "position",
    "read_in_parallel",
    "require_witness",
    "word",
]
