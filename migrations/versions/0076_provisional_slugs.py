"""Provisional slugs, and the slugs that issues had

Revision ID: 0076
Revises: 0075
"""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("issues", sa.Column("slug_is_provisional", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "former_slugs",
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_former_slugs_issue_id_issues")),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_former_slugs")),
    )
    op.create_index(op.f("ix_former_slugs_issue_id"), "former_slugs", ["issue_id"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
