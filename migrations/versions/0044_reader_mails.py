"""Mail that readers wrote: from whom, when, and whether it was forwarded

Revision ID: 0044
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reader_mails",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=254), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_because", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_mails")),
        sa.UniqueConstraint("source", name=op.f("uq_reader_mails_source")),
    )
    op.create_index(op.f("ix_reader_mails_key_received_at"), "reader_mails", ["key", "received_at"])
    op.create_index(op.f("ix_reader_mails_received_at"), "reader_mails", ["received_at"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
