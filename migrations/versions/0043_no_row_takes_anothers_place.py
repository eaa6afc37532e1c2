"""No new row takes the place of one that may not be changed: SQLite's REPLACE deletes without asking the triggers

Revision ID: 0043
Revises: 0042
"""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

# What a new row would delete by REPLACE. The same words may be stored twice at the same moment: the first stay.
_WOULD_GO = {
    "consent_events": "id = NEW.id",
    "consent_chain": "position = NEW.position OR event_id = NEW.event_id",
    "imported_files": "id = NEW.id",
    "wordings": "id = NEW.id OR (sha256 = NEW.sha256 AND text IS NOT NEW.text)",
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        return
    for table, would_go in _WOULD_GO.items():
        is_taken = f"EXISTS (SELECT 1 FROM {table} WHERE {would_go})"  # noqa: S608
        refuse = f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are only added, and never changed'); END"
        op.execute(f"CREATE TRIGGER {table}_replaced BEFORE INSERT ON {table} WHEN {is_taken} {refuse}")


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
