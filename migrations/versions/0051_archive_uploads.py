"""Archives of posts that were uploaded at the desk

Revision ID: 0051
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "archive_uploads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=120), nullable=False),
        sa.Column("stored_name", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=254), nullable=False),
        sa.Column("with_pictures", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("posts_done", sa.Integer(), nullable=False),
        sa.Column("imported", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.JSON(), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name=op.f("fk_archive_uploads_publication_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive_uploads")),
    )
    op.create_index(op.f("ix_archive_uploads_publication_id_id"), "archive_uploads", ["publication_id", "id"])
    op.create_index(op.f("ix_archive_uploads_state"), "archive_uploads", ["state"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
