"""Tags and attributes of readers

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_named("tags")
    _create_named("attributes", sa.Column("type", sa.String(length=24), nullable=False))
    _create_given("subscription_tags", "tag_id", "tags.id")
    _create_given(
        "subscription_attributes",
        "attribute_id",
        "attributes.id",
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("number", sa.Float(53), nullable=True),
        sa.Column("date", sa.Date(), nullable=True),
    )


def _create_named(table: str, *columns: sa.Column) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name=f"fk_{table}_publication_id_publications"
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.UniqueConstraint("publication_id", "key", name=f"uq_{table}_publication_id_key"),
    )


def _create_given(table: str, key: str, target: str, *columns: sa.Column) -> None:
    op.create_table(
        table,
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column(key, sa.Integer(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], f"fk_{table}_subscription_id_subscriptions", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint([key], [target], f"fk_{table}_{key}_{target.partition('.')[0]}", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subscription_id", key, name=f"pk_{table}"),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_{table}_{key}_subscription_id", table, [key, "subscription_id"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
