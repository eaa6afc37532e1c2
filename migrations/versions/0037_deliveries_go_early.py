"""Find old deliveries among the bounce events, which go earlier than the others

Revision ID: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    only = sa.text("kind = 'delivered'")
    op.create_index(
        "ix_bounce_events_delivered", "bounce_events", ["received_at"], sqlite_where=only, postgresql_where=only
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
