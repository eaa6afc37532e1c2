"""The language in which a letter's copies name their days

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("letters", sa.Column("language", sa.String(length=16), server_default="en", nullable=False))
    op.execute(
        "UPDATE letters SET language = "
        "(SELECT language FROM publications WHERE publications.id = letters.publication_id)"
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
