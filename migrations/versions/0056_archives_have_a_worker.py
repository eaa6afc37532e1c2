"""Which worker imports an uploaded archive

Revision ID: 0056
Revises: 0055
"""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # One that is being imported is taken by the next worker when its lease is over.
    op.add_column("archive_uploads", sa.Column("claimed_by", sa.String(length=80), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
