"""The issue that a publication's archive and welcome offer first

Revision ID: 0052
Revises: 0051
"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("publications", sa.Column("start_here", sa.String(length=120), server_default="", nullable=False))


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
