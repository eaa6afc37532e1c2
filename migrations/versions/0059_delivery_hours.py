"""The local hour at which a reader wants issues, and until when a copy waits for it

Revision ID: 0059
Revises: 0058
"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("delivery_zone", sa.String(length=64), nullable=True))
    op.add_column("subscriptions", sa.Column("delivery_hour", sa.Integer(), nullable=True))
    op.add_column("copies", sa.Column("wished_at", sa.DateTime(timezone=True), nullable=True))
    _index(
        "ix_subscriptions_delivery_hour",
        "subscriptions",
        ["publication_id", "delivery_zone", "delivery_hour"],
        "delivery_hour IS NOT NULL",
    )
    _index("ix_copies_wished", "copies", ["letter_id", "wished_at"], "state = 'pending' AND wished_at IS NOT NULL")


def _index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
