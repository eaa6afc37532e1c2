"""Templates that new issues of a publication can begin with

Revision ID: 0068
Revises: 0067
"""

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "issue_templates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("pictures", sa.JSON(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name=op.f("fk_issue_templates_publication_id_publications")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue_templates")),
        sa.UniqueConstraint("publication_id", "key", name=op.f("uq_issue_templates_publication_id_key")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
