"""Alembic's door: always run through `newsletter.migrations_runner`, on a connection that it hands over."""

from alembic import context
from sqlalchemy import Enum

from newsletter.db import UtcDateTime
from newsletter.migrations_runner import metadata
from newsletter.schema import is_modelled


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
    include_name=lambda name, _kind, _parents: name is None or is_modelled(name),
)
with context.begin_transaction():
    context.run_migrations()
