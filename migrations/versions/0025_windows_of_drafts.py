"""Which window wrote a draft, and the drafts that were saved

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("drafts", sa.Column("tab", sa.String(36), nullable=False, server_default=""))
    op.add_column("drafts", sa.Column("turn", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("drafts", sa.Column("saved", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
