"""Short looks: what the clock looks for again and again is found by an index, and so is who joined since an issue

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    columns = ["publication_id", "status", "confirmed_at", "created_at"]
    _where("ix_subscriptions_joined", "subscriptions", columns, "active")
    _where("ix_subscriptions_paused", "subscriptions", ["paused_until"], "paused")
    _where("ix_outbox_sending", "outbox", ["lease_until"], "sending", "state")
    op.create_index("ix_outbox_ended_at", "outbox", ["ended_at"])
    op.create_index("ix_signup_counts_window", "signup_counts", ["window"])


def _where(name: str, table: str, columns: list[str], value: str, column: str = "status") -> None:
    only = sa.text(f"{column} = '{value}'")
    op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
