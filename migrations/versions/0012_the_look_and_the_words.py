"""A publication's own colours, its logo, and the words that it chooses, each version kept

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, length in (("accent", 7), ("accent_dark", 7), ("logo", 80)):
        op.add_column("publications", sa.Column(name, sa.String(length), nullable=True))
    op.create_table(
        "publication_texts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("author", sa.String(254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name=op.f("fk_publication_texts_publication_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication_texts")),
        sa.UniqueConstraint(
            "publication_id", "kind", "number", name=op.f("uq_publication_texts_publication_id_kind_number")
        ),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
