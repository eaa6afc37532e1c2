"""Monthly digests, and readers who chose them

Revision ID: 0062
Revises: 0061
"""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

_CONCERNED = sa.text("pace = 'monthly' OR next_pace IS NOT NULL")


def upgrade() -> None:
    op.add_column("publications", sa.Column("offers_digest", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("issues", sa.Column("kind", sa.String(length=24), server_default="issue", nullable=False))
    op.add_column("subscriptions", sa.Column("pace", sa.String(length=24), server_default="each", nullable=False))
    op.add_column("subscriptions", sa.Column("next_pace", sa.String(length=24), nullable=True))
    op.create_index(
        "ix_subscriptions_pace",
        "subscriptions",
        ["publication_id", "id"],
        sqlite_where=_CONCERNED,
        postgresql_where=_CONCERNED,
    )
    op.create_table(
        "digest_entries",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("digest_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["digest_id"], ["issues.id"], name=op.f("fk_digest_entries_digest_id")),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_digest_entries_issue_id")),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], name=op.f("fk_digest_entries_publication_id")),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_digest_entries")),
    )
    op.create_index(op.f("ix_digest_entries_digest_id"), "digest_entries", ["digest_id"])
    op.create_index(op.f("ix_digest_entries_publication_id"), "digest_entries", ["publication_id"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
