"""What became of the letters that asked for a consent, kept with it; and no letter's number is given twice

Revision ID: 0021
Revises: 0020
"""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# Whoever was erased took their newest letters along, whose numbers are out all the same.
_LEAP = 10_000

# Where somebody has two publications, nothing tells which of them the letter was about.
_ANSWERED = """
SELECT outbox.id, outbox.sender_address, outbox.created_at, outbox.state, outbox.reply, outbox.ended_at,
       min(subscriptions.id) AS subscription_id
FROM outbox JOIN subscribers ON subscribers.key = outbox.key
     JOIN subscriptions ON subscriptions.subscriber_id = subscribers.id
WHERE outbox.kind = 'confirm' AND outbox.state IN ('sent', 'failed') AND outbox.ended_at IS NOT NULL
GROUP BY outbox.id, outbox.sender_address, outbox.created_at, outbox.state, outbox.reply, outbox.ended_at
HAVING count(*) = 1
"""
_RECEIPT = """
INSERT INTO receipts (post_id, subscription_id, kind, message_id, state, reply, at)
VALUES (:id, :subscription_id, 'confirm', :message_id, :state, :reply, :ended_at)
"""


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "receipts",
        sa.Column("post_id", number, autoincrement=False, nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_receipts")),
    )
    op.create_index(op.f("ix_receipts_subscription_id"), "receipts", ["subscription_id"])
    _add_columns()
    _carry_over()


def _add_columns() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    anew: Literal["always", "never"] = "always" if on_sqlite else "never"
    with op.batch_alter_table("outbox", recreate=anew, table_kwargs={"sqlite_autoincrement": True}) as outbox:
        outbox.add_column(sa.Column("subscription_id", sa.Integer(), nullable=True))
        outbox.add_column(sa.Column("template", sa.String(length=64), nullable=True))
    if on_sqlite:
        last = op.get_bind().scalar(sa.text("SELECT coalesce(max(id), 0) FROM outbox"))
        op.execute("DELETE FROM sqlite_sequence WHERE name IN ('outbox', '_alembic_tmp_outbox')")
        op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', {last + _LEAP})")  # noqa: S608


def _carry_over() -> None:
    """The answers that the outbox still has."""
    connection = op.get_bind()
    for letter in connection.execute(sa.text(_ANSWERED)).mappings().all():
        connection.execute(sa.text(_RECEIPT), {**letter, "message_id": _message_id(letter)})


def _message_id(letter: sa.RowMapping) -> str:
    """As it was made when the letter was sent."""
    made = letter["created_at"]
    made = datetime.fromisoformat(made) if isinstance(made, str) else made
    domain = letter["sender_address"].rpartition("@")[2]
    domain = domain if domain.isascii() else domain.encode("idna").decode()
    return f"{made:%Y%m%d%H%M%S%f}.{letter['id']}@{domain}"


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
