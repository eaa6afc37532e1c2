"""The team's note on an issue

Revision ID: 0070
Revises: 0069
"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("issues", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.add_column("issues", sa.Column("note_number", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("issues", sa.Column("note_by", sa.String(length=254), nullable=False, server_default=""))
    op.add_column("issues", sa.Column("note_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
