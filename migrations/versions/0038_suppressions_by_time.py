"""Suppressions in the order of the desk's list

Revision ID: 0038
Revises: 0037
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_suppressions_at_key_cause", "suppressions", ["at", "key", "cause"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
