"""Drafts: what an editor has typed since the newest revision; and who is writing just now

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("editor", sa.String(length=254), nullable=False),
        sa.Column("base_number", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_drafts_issue_id")),
        sa.PrimaryKeyConstraint("issue_id", "editor", name=op.f("pk_drafts")),
    )
    op.create_table(
        "writers",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("tab", sa.String(length=36), nullable=False),
        sa.Column("editor", sa.String(length=254), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_writers_issue_id")),
        sa.PrimaryKeyConstraint("issue_id", "tab", name=op.f("pk_writers")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
