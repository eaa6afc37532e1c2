"""How many readers said that an issue helped them

Revision ID: 0055
Revises: 0054
"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "helpfulness",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_helpfulness_issue_id")),
        sa.PrimaryKeyConstraint("issue_id", "answer", name=op.f("pk_helpfulness")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
