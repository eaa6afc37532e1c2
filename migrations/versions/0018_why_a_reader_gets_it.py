"""Why a reader gets a letter: where they were moved from, kept with the subscription and with each copy

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_PLACE = {"sqlite": "instr(note, '; there since ')", "postgresql": "strpos(note, '; there since ')"}


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("source", sa.String(length=200), nullable=True))
    op.add_column("copies", sa.Column("since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("copies", sa.Column("source", sa.String(length=200), nullable=True))
    op.add_column("letters", sa.Column("time_zone", sa.String(length=64), server_default="UTC", nullable=False))
    op.execute(
        "UPDATE letters SET time_zone = "
        "(SELECT time_zone FROM publications WHERE publications.id = letters.publication_id)"
    )
    _tell_the_sources()


def _tell_the_sources() -> None:
    """Of readers who came in as active and never confirmed here: what the record of their consent says."""
    place = _PLACE[op.get_bind().dialect.name]
    words = f"substr(CASE WHEN {place} > 0 THEN substr(note, 1, {place} - 1) ELSE note END, 1, 200)"
    imported = "consent_events.subscription_id = subscriptions.id AND act = 'imported'"
    op.execute(
        f"UPDATE subscriptions SET source = "  # noqa: S608  (nothing in it comes from outside)
        f"(SELECT {words} FROM consent_events WHERE {imported} ORDER BY consent_events.id DESC LIMIT 1) "
        f"WHERE confirmed_at IS NULL AND EXISTS (SELECT 1 FROM consent_events WHERE {imported})"
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
