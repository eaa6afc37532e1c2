"""What was heard of our mail: bounces, complaints and their kind, and the reports as they came in

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "bounce_events",
        sa.Column("id", _LONG, nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("hardness", sa.String(length=24), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=3), nullable=False),
        sa.Column("diagnostic", sa.Text(), nullable=False),
        sa.Column("mta", sa.String(length=253), nullable=False),
        sa.Column("copy_id", _LONG, nullable=True),
        sa.Column("letter_id", sa.Integer(), nullable=True),
        sa.Column("subscription_id", sa.Integer(), nullable=True),
        sa.Column("outbox_id", _LONG, nullable=True),
        sa.Column("key", sa.String(length=254), nullable=False),
        sa.Column("provider_group", sa.String(length=253), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("host_is_gone", sa.Boolean(), nullable=True),
        sa.Column("decision", sa.String(length=24), nullable=True),
        sa.Column("is_forgiven", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bounce_events"),
        sa.UniqueConstraint("source", "place", name="uq_bounce_events_source_place"),
        sqlite_autoincrement=True,
    )
    _index("key", "at")
    _index("letter_id", "provider_group", "received_at")
    _index("copy_id")
    _index("received_at", "id")
    _index("id", name="ix_bounce_events_undecided", only="decision IS NULL")
    _index("provider_group", "id", name="ix_bounce_events_held", only="decision = 'held'")
    op.create_table(
        "bounce_reports",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_bounce_reports"),
    )
    op.create_index("ix_bounce_reports_received_at", "bounce_reports", ["received_at"])


def _index(*columns: str, name: str = "", only: str = "") -> None:
    where = {f"{dialect}_where": sa.text(only) for dialect in ("sqlite", "postgresql") if only}
    op.create_index(name or f"ix_bounce_events_{'_'.join(columns)}", "bounce_events", list(columns), **where)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
