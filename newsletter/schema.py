"""The version of the database schema, and whether it is the code's. Cheap, because every start checks it.

On an engine for reading this waits for nobody who writes.
"""

import re
from enum import StrEnum

from sqlalchemy import Engine, column, inspect, select, table

from newsletter.errors import Conflict
from newsletter.system.bundled import folder

_UNMODELLED = re.compile(r"copies_\d+|archive_words(_\w+)?")
_VERSION = table("alembic_version", column("version_num"))


class SchemaState(StrEnum):
    """The state of a database's schema, compared to the code."""

    CURRENT = "current"
    BEHIND = "behind"
    EMPTY = "empty"
    NEWER = "newer"


def schema_state(engine: Engine) -> SchemaState:
    """Compare the database's revision with the newest migration."""
    known = revisions()
    found = _revision(engine)
    if found is None:
        return SchemaState.EMPTY
    if found == known[-1]:
        return SchemaState.CURRENT
    return SchemaState.BEHIND if found in known else SchemaState.NEWER


def require_current(engine: Engine) -> None:
    """Conflict, saying what to do, unless the database's schema is the code's."""
    now = schema_state(engine)
    if now is SchemaState.NEWER:
        raise Conflict("the database was made by a newer version of this program; install that version")
    if now is not SchemaState.CURRENT:
        raise Conflict(f"the database is {now.value}; run `newsletter db upgrade`")


def is_modelled(name: str) -> bool:
    """Whether a table or index is one of the models': not a partition of `copies`, nor made for one database only."""
    return not _UNMODELLED.fullmatch(name)


def revisions() -> list[str]:
    """The number of every migration, oldest first; their file names begin with it."""
    return sorted(path.name.partition("_")[0] for path in (folder("migrations") / "versions").glob("[0-9]*.py"))


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return None
        revision: str | None = connection.scalar(select(_VERSION.c.version_num))
        return revision
