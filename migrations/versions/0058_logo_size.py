"""The size of a publication's logo, which pages and mails have to know before it comes

Revision ID: 0058
Revises: 0057
"""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for side in ("width", "height"):
        op.add_column("publications", sa.Column(f"logo_{side}", sa.Integer(), nullable=True))
        op.execute(
            f"UPDATE publications SET logo_{side} = "  # noqa: S608  (our own words)
            f"(SELECT {side} FROM pictures WHERE pictures.file_name = publications.logo)"
        )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
