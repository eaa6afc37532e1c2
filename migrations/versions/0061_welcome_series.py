"""The welcome series: its issues, who is in it, and the letters that repeat an issue for them

Revision ID: 0061
Revises: 0060
"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Said to the table itself: to make it anew, as Alembic does on SQLite, is refused while an issue refers to it.
    op.execute(
        "ALTER TABLE letters ADD COLUMN repeats_id INTEGER CONSTRAINT fk_letters_repeats_id REFERENCES letters (id)"
    )
    op.add_column("publications", sa.Column("series_on", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("publications", sa.Column("series_days", sa.Integer(), server_default="3", nullable=False))
    op.add_column("publications", sa.Column("series_issues", sa.JSON(), server_default="[]", nullable=False))
    op.create_table(
        "series_readers",
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], name=op.f("fk_series_readers_publication_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_series_readers_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_series_readers")),
    )
    op.create_index(op.f("ix_series_readers_publication_id_next_at"), "series_readers", ["publication_id", "next_at"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
