"""Where issues came from that another program had, and their old paths

Revision ID: 0046
Revises: 0045
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imported_posts",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("old_path", sa.String(length=300), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issues.id"], name="fk_imported_posts_issue_id_issues", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name="fk_imported_posts_publication_id_publications"
        ),
        sa.PrimaryKeyConstraint("issue_id", name="pk_imported_posts"),
        sa.UniqueConstraint("publication_id", "source", "key", name="uq_imported_posts_publication_id_source_key"),
    )
    op.create_index("ix_imported_posts_old_path", "imported_posts", ["old_path"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
