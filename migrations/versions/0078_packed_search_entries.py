"""The search index holds readers' packed entries instead of their Bloom filters; the worker fills it

Revision ID: 0078
Revises: 0077
"""

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("search_blocks")
    op.create_table(
        "search_blocks",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_search_blocks"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # A text that fits into a page stays there as it is, or each one would be fetched and unpacked for each search.
        op.execute("ALTER TABLE search_blocks ALTER COLUMN entries SET STORAGE EXTERNAL")
        op.execute("ALTER TABLE search_blocks SET (toast_tuple_target = 8160)")
    op.execute("UPDATE subscribers SET indexed = false WHERE indexed")


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
