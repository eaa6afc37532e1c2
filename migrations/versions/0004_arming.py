"""Arming: a database that was copied or restored does not send

Revision ID: 0004
Revises: 0003
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from newsletter.delivery.workers import database_identity

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    arming = op.create_table(
        "arming",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.String(length=120), nullable=True),
        sa.Column("armed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("restored_from", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arming")),
    )
    # Whoever upgrades a database by hand sends from it, and whoever makes one has nothing to send yet.
    place = database_identity.identity_of(op.get_bind())
    op.bulk_insert(arming, [{"id": 1, "place": place, "armed_at": datetime.now(UTC), "restored_from": None}])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
