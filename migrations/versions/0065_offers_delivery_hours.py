"""Whether a publication lets readers choose when issues arrive

Revision ID: 0065
Revises: 0064
"""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "publications", sa.Column("offers_delivery_hours", sa.Boolean(), server_default=sa.true(), nullable=False)
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
