"""Alembic's door: always run through `newsletter.migrating`, on a connection that it hands over."""

from alembic import context
from sqlalchemy import Enum

from newsletter.db import UtcDateTime
from newsletter.migrating import metadata


def plain(kind, value, _context):
    """A migration names plain column types only, so that it still runs when our own have changed."""
    if kind == "type" and isinstance(value, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, Enum):
        return f"sa.String(length={value.length})"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    render_as_batch=True,
    compare_type=True,
    render_item=plain,
)
with context.begin_transaction():
    context.run_migrations()
