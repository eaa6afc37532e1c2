"""Approvals of an issue's exact content, and test mails

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_STANDING = sa.text("act = 'approved' AND withdrawn_at IS NULL")


def upgrade() -> None:
    op.add_column(
        "publications", sa.Column("requires_approval", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_table(
        "approval_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=24), nullable=False),
        sa.Column("revision_number", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=254), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=254), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_approval_steps_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_steps")),
    )
    op.create_index(op.f("ix_approval_steps_issue_id"), "approval_steps", ["issue_id"])
    op.create_index(
        "uq_approval_steps_standing",
        "approval_steps",
        ["issue_id", "revision_number", "content_hash"],
        unique=True,
        sqlite_where=_STANDING,
        postgresql_where=_STANDING,
    )
    op.create_table(
        "test_mails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("revision_number", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=254), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("post_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_test_mails_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_mails")),
    )
    op.create_index(op.f("ix_test_mails_issue_id"), "test_mails", ["issue_id"])
    op.create_index(op.f("ix_test_mails_person"), "test_mails", ["person"])
    op.add_column("outbox", sa.Column("message", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
