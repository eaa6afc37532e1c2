"""Names of editors

Revision ID: 0072
Revises: 0071
"""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("editors", sa.Column("name", sa.String(length=100), nullable=False, server_default=""))


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
