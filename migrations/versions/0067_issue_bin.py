"""The bin: deleted issues with all of their text, for 30 days

Revision ID: 0067
Revises: 0066
"""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deleted_issues",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_by", sa.String(length=254), nullable=False),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("issue", "revisions", "drafts", "pictures")),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name=op.f("fk_deleted_issues_publication_id_publications")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deleted_issues")),
    )
    op.create_index(op.f("ix_deleted_issues_publication_id"), "deleted_issues", ["publication_id"])
    op.create_index(op.f("ix_deleted_issues_deleted_at"), "deleted_issues", ["deleted_at"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
