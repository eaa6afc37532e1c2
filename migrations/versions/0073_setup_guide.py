"""The setup guide on the desk's start page, which publications that have sent an issue no longer need

Revision ID: 0073
Revises: 0072
"""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("publications", sa.Column("offers_setup", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.execute(
        "UPDATE publications SET offers_setup = false WHERE EXISTS (SELECT 1 FROM issues JOIN letters"
        " ON letters.id = issues.letter_id WHERE issues.publication_id = publications.id"
        " AND letters.started_at IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM imported_posts WHERE imported_posts.issue_id = issues.id))"
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
