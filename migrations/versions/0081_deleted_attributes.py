"""The places of deleted attributes, whose values a worker clears

Revision ID: 0081
Revises: 0080
"""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deleted_attributes",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cleared_to", sa.Integer(), nullable=False),
        sa.Column("is_cleared", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name="fk_deleted_attributes_publication_id_publications"
        ),
        sa.PrimaryKeyConstraint("publication_id", "position", name="pk_deleted_attributes"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
