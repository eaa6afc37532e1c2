"""Accounts of what became of a letter, and clicks counted per link

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TOLD = sa.text("state NOT IN ('sent', 'sending') AND (state <> 'pending' OR attempts > 0)")
_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LEFT = sa.text("act = 'left'")


def upgrade() -> None:
    op.add_column("publications", sa.Column("counts_clicks", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "counted_links",
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("clicks", _LONG, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_counted_links_letter_id")),
        sa.PrimaryKeyConstraint("letter_id", "number", name=op.f("pk_counted_links")),
    )
    op.create_table(
        "accounts",
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_accounts_letter_id")),
        sa.PrimaryKeyConstraint("letter_id", name=op.f("pk_accounts")),
    )
    op.create_index(
        op.f("ix_copies_told"), "copies", ["letter_id", "state", "id"], sqlite_where=_TOLD, postgresql_where=_TOLD
    )
    op.create_index(
        op.f("ix_consent_events_left"), "consent_events", ["note", "id"], sqlite_where=_LEFT, postgresql_where=_LEFT
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
