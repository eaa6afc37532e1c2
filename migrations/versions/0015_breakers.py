"""Breakers: what stopped a letter because servers refused its sender, and the refusals that count towards it

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "breakers",
        sa.Column("id", _LONG, nullable=False),
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.Column("lane", sa.String(length=253), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_breakers_letter_id_letters")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breakers")),
    )
    op.create_index(
        op.f("uq_breakers_open"),
        "breakers",
        ["letter_id", "lane"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "strikes",
        sa.Column("copy_id", _LONG, autoincrement=False, nullable=False),
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.Column("lane", sa.String(length=253), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("in_a_row", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_strikes_letter_id_letters")),
        sa.PrimaryKeyConstraint("copy_id", name=op.f("pk_strikes")),
    )
    op.create_index(op.f("ix_strikes_letter_id"), "strikes", ["letter_id"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
