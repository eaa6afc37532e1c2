"""Incoming mail: how much came in by which way

Revision ID: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incoming_tallies",
        sa.Column("way", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("mails", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("way", "kind", name=op.f("pk_incoming_tallies")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
