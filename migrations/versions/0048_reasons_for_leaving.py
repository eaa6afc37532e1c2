"""An index of the reasons that readers gave for unsubscribing

Revision ID: 0048
Revises: 0047
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    explained = sa.text("act = 'explained'")
    op.create_index(
        "ix_consent_events_explained", "consent_events", ["id"], sqlite_where=explained, postgresql_where=explained
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
