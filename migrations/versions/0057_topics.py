"""Topics that readers may turn off

Revision ID: 0057
Revises: 0056
"""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("publications", sa.Column("topics", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("letters", sa.Column("topics", sa.JSON(), server_default="[]", nullable=False))
    op.create_table(
        "topics_off",
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_topics_off_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscription_id", "key", name=op.f("pk_topics_off")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_topics_off_key_subscription_id"), "topics_off", ["key", "subscription_id"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
