"""Alembic's door: always run through `newsletter.migrations_runner`, on a connection that it hands over."""

from alembic import context

from newsletter.migrations_runner import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata())
with context.begin_transaction():
    context.run_migrations()
