"""On SQLite, the id of a deleted row is given to no other: a page or a deleted issue may still name it

Revision ID: 0077
Revises: 0076
"""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None

_TABLES = ("deleted_issues", "issue_templates", "segments", "slots", "snippets", "weeks_off")
_NAMED_SEGMENTS = """
SELECT max(id) FROM (
    SELECT segment_id AS id FROM issues UNION ALL SELECT json_extract(issue, '$.segment_id') FROM deleted_issues
)
"""


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        return
    for name in _TABLES:
        with op.batch_alter_table(name, recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass
        last = connection.scalar(sa.text(f"SELECT max(id) FROM {name}")) or 0  # noqa: S608
        if name == "segments":
            last = max(last, connection.scalar(sa.text(_NAMED_SEGMENTS)) or 0)
        connection.execute(
            sa.text("DELETE FROM sqlite_sequence WHERE name IN (:name, '_alembic_tmp_' || :name)"), {"name": name}
        )
        connection.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), {"name": name, "last": last}
        )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
