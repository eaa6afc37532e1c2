"""Find bounce events by the reader they are of, not by the copy

Revision ID: 0034
Revises: 0033
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_bounce_events_copy_id", table_name="bounce_events")
    op.create_index("ix_bounce_events_subscription_id_id", "bounce_events", ["subscription_id", "id"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
