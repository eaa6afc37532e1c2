"""The schema's version: migrate a database forward, or say how it differs from the code."""

from enum import StrEnum

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData

import newsletter.audience.models
import newsletter.delivery.models
import newsletter.editorial.models
import newsletter.editors  # noqa: F401  (importing the tables is what fills the metadata)
from newsletter.bundle import folder
from newsletter.db import Base
from newsletter.errors import Conflict


class Standing(StrEnum):
    """How a database's schema stands to the code's."""

    CURRENT = "current"
    BEHIND = "behind"
    EMPTY = "empty"
    NEWER = "newer"


def metadata() -> MetaData:
    """Every table that the code knows."""
    return Base.metadata


def standing(engine: Engine) -> Standing:
    """Compare the database's revision with the newest migration."""
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(_config())
    if revision is None:
        return Standing.EMPTY
    if revision == scripts.get_current_head():
        return Standing.CURRENT
    known = {script.revision for script in scripts.walk_revisions()}
    return Standing.BEHIND if revision in known else Standing.NEWER


def require_current(engine: Engine) -> None:
    """Conflict, saying what to do, unless the database's schema is the code's."""
    now = standing(engine)
    if now is Standing.NEWER:
        raise Conflict("the database was made by a newer version of this program; install that version")
    if now is not Standing.CURRENT:
        raise Conflict(f"the database is {now.value}; run `newsletter db upgrade`")


def upgrade(engine: Engine) -> None:
    """Migrate to the newest revision, in one transaction; Conflict if the database is newer than the code."""
    if standing(engine) is Standing.NEWER:
        require_current(engine)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "head")


def write_revision(engine: Engine, message: str) -> None:
    """For developers: write the migration that brings the database to the models."""
    with engine.begin() as connection:
        command.revision(_config(connection), message, autogenerate=True)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder("migrations")))
    config.attributes["connection"] = connection
    return config
