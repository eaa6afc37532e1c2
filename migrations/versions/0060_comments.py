"""Comments on issues, and who may write them

Revision ID: 0060
Revises: 0059
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

_INDEXES = (("issue_id", "state"), ("publication_id", "state", "id"), ("parent_id",), ("key",), ("subscription_id",))
_UNANNOUNCED = sa.text("state = 'waiting' AND announced_at IS NULL")
_UNMAILED = sa.text("state = 'approved' AND mailed_at IS NULL")


def upgrade() -> None:
    op.add_column("publications", sa.Column("comments", sa.String(length=24), server_default="held", nullable=False))
    op.add_column("publications", sa.Column("close_comments_after", sa.Integer(), server_default="90", nullable=False))
    op.create_table(
        "comments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("key", sa.String(length=254), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=True),
        sa.Column("is_team", sa.Boolean(), nullable=False),
        sa.Column("reply_mail", sa.String(length=24), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], name=op.f("fk_comments_publication_id")),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_comments_issue_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["comments.id"], name=op.f("fk_comments_parent_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_comments_subscription_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
        sa.UniqueConstraint("issue_id", "digest", name=op.f("uq_comments_issue_id_digest")),
        sqlite_autoincrement=True,
    )
    for columns in (*_INDEXES, ("changed_at",)):
        op.create_index(op.f(f"ix_comments_{'_'.join(columns)}"), "comments", list(columns))
    for name, column, where in (
        ("ix_comments_unannounced", "publication_id", _UNANNOUNCED),
        ("ix_comments_unmailed", "changed_at", _UNMAILED),
    ):
        op.create_index(name, "comments", [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
