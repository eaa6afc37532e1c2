"""Attached pictures: what was uploaded to an issue, by its name, before any revision shows it

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attached_pictures",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("file_name", sa.String(length=80), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_name"], ["pictures.file_name"], name=op.f("fk_attached_pictures_file_name_pictures")
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_attached_pictures_issue_id_issues")),
        sa.PrimaryKeyConstraint("issue_id", "name", name=op.f("pk_attached_pictures")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
