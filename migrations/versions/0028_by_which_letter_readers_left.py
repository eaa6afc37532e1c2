"""The letter by whose link a reader left, as a column of its own

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# Words of an import may look the same, and are none of ours; no letter has a number of more than nine digits.
_OURS = {
    "postgresql": "note ~ '^letter [0-9]{1,9}$'",
    "sqlite": "note GLOB 'letter [0-9]*' AND note NOT GLOB 'letter *[^0-9]*' AND length(note) <= 16",
}


def upgrade() -> None:
    op.drop_index("ix_consent_events_left", table_name="consent_events")
    op.add_column("consent_events", sa.Column("letter_id", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE consent_events SET letter_id = CAST(substr(note, 8) AS INTEGER), note = NULL "  # noqa: S608
        f"WHERE act = 'left' AND way <> 'import' AND {_OURS[op.get_bind().dialect.name]}"
    )
    left = sa.text("act = 'left'")
    columns = ["letter_id", "id", "subscription_id"]
    op.create_index("ix_consent_events_left", "consent_events", columns, sqlite_where=left, postgresql_where=left)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
