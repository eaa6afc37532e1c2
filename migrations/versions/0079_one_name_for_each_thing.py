"""Tables and columns that the code names otherwise get its names; two columns that nothing reads are dropped

Revision ID: 0079
Revises: 0078
"""

from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("breakers", "strikes"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN lane TO provider_group")
    op.rename_table("paces", "shared_limiters")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE shared_limiters RENAME CONSTRAINT pk_paces TO pk_shared_limiters")
    op.drop_column("attached_pictures", "attached_at")
    op.drop_column("series_readers", "entered_at")


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
