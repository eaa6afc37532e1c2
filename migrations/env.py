"""Alembic's door: always run through `newsletter.migrations_runner`, on a connection that it hands over."""

import re

from alembic import context
from sqlalchemy import Enum

from newsletter.db import UtcDateTime
from newsletter.migrations_runner import metadata


def plain(kind, value, _context):
    """A migration names plain column types only, so that it still runs when our own have changed."""
    if kind == "type" and isinstance(value, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, Enum):
        return f"sa.String(length={value.length})"
    return False


def of_the_models(name, kind, _parents):
    """Whether a revision is to be written about it: a letter's partition comes and goes without one."""
    return kind != "table" or not re.fullmatch(r"copies_\d+", name)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    render_as_batch=True,
    compare_type=True,
    render_item=plain,
    include_name=of_the_models,
)
with context.begin_transaction():
    context.run_migrations()
