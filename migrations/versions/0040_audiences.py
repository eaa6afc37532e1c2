"""Approvals cover whom an issue goes to

Revision ID: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_STANDING = sa.text("act = 'approved' AND withdrawn_at IS NULL")


def upgrade() -> None:
    for table in ("letters", "approval_steps"):
        op.add_column(table, sa.Column("audience_hash", sa.String(length=64), server_default="", nullable=False))
    op.drop_index("uq_approval_steps_standing", table_name="approval_steps")
    op.create_index(
        "uq_approval_steps_standing",
        "approval_steps",
        ["issue_id", "revision_number", "content_hash", "audience_hash"],
        unique=True,
        sqlite_where=_STANDING,
        postgresql_where=_STANDING,
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
