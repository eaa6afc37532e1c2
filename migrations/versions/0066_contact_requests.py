"""Contact requests, and what each publication sets about them

Revision ID: 0066
Revises: 0065
"""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column in (
        sa.Column("takes_requests", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("request_topics", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("mails_request_text", sa.Boolean(), server_default=sa.false(), nullable=False),
    ):
        op.add_column("publications", column)
    op.create_table(
        "contact_requests",
        sa.Column("id", _LONG, nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_booking", sa.Boolean(), nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("key", sa.String(length=254), nullable=False),
        sa.Column("is_proven", sa.Boolean(), nullable=False),
        sa.Column("wished_day", sa.Date(), nullable=True),
        sa.Column("wished_time", sa.Time(), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("consent", sa.Text(), nullable=False),
        sa.Column("consent_version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("letter_id", _LONG, nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_by", sa.String(length=254), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name=op.f("fk_contact_requests_publication_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_requests")),
        sa.UniqueConstraint("digest", name=op.f("uq_contact_requests_digest")),
        sqlite_autoincrement=True,
    )
    for columns in (["publication_id", "answered_at"], ["key"], ["answered_at"]):
        name = op.f(f"ix_contact_requests_{'_'.join(columns)}")
        op.create_index(name, "contact_requests", columns)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
