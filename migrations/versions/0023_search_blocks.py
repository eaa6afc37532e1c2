"""Search blocks: the index by which readers are found; the worker fills it

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "search_blocks",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("filter", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_search_blocks"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Else each filter would be unpacked for each search.
        op.execute("ALTER TABLE search_blocks ALTER COLUMN filter SET STORAGE PLAIN")
    op.add_column("subscribers", sa.Column("indexed", sa.Boolean(), server_default=sa.false(), nullable=False))
    columns, waiting = ["indexed", "id"], sa.text("indexed = false")
    op.create_index("ix_subscribers_unindexed", "subscribers", columns, sqlite_where=waiting, postgresql_where=waiting)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
