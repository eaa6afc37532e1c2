"""Corrections are mailed while their issue is still going out

Revision ID: 0071
Revises: 0070
"""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Corrections mailed before stay as they are: they waited until their issue was over.
    op.add_column("letters", sa.Column("caught_up_to", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
