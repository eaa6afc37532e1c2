"""Several weekly slots, weeks off, and the queue that fills them

Revision ID: 0009
Revises: 0008
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MEANS = ["publication_id", "weekday", "at", "time_zone"]


def upgrade() -> None:
    with op.batch_alter_table("slots") as slots:
        slots.drop_constraint("uq_slots_publication_id", type_="unique")
        slots.add_column(sa.Column("since", sa.DateTime(timezone=True), nullable=True))
    slot = sa.table("slots", sa.column("since", sa.DateTime(timezone=True)))
    # What passed before the upgrade is nobody's business any more: nothing is filled or warned of in hindsight.
    op.execute(slot.update().values(since=datetime.now(UTC)))
    with op.batch_alter_table("slots") as slots:
        slots.alter_column("since", existing_type=sa.DateTime(timezone=True), nullable=False)
        slots.create_unique_constraint("uq_slots_publication_id_weekday_at_time_zone", _MEANS)
    op.create_table(
        "weeks_off",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], name=op.f("fk_weeks_off_publication_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weeks_off")),
        sa.UniqueConstraint("publication_id", "first", "last", name=op.f("uq_weeks_off_publication_id_first_last")),
    )
    op.create_table(
        "queue",
        sa.Column("issue_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_queue_issue_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], name=op.f("fk_queue_publication_id")),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_queue")),
        sa.UniqueConstraint("publication_id", "position", name=op.f("uq_queue_publication_id_position")),
    )
    op.create_table(
        "slot_marks",
        sa.Column("publication_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["publication_id"], ["publications.id"], name=op.f("fk_slot_marks_publication_id")),
        sa.PrimaryKeyConstraint("publication_id", "at", "kind", name=op.f("pk_slot_marks")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
