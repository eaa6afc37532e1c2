"""Corrections are prepared, and approved, before they are published

Revision ID: 0074
Revises: 0073
"""

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "correction_drafts",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("writers", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_correction_drafts_issue_id_issues")),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_correction_drafts")),
    )
    op.add_column("approval_steps", sa.Column("correction", sa.Integer(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
