"""Corrections: what was amended after an issue went out, and letters that go only to those who got another

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Said to the table itself: to make it anew, as Alembic does on SQLite, is refused while an issue refers to it.
    op.execute(
        "ALTER TABLE letters ADD COLUMN corrects_id INTEGER "
        "CONSTRAINT fk_letters_corrects_id_letters REFERENCES letters (id)"
    )
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision_number", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=254), nullable=False),
        sa.Column("writers", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("letter_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_corrections_issue_id_issues")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_corrections_letter_id_letters")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
        sa.UniqueConstraint("issue_id", "number", name=op.f("uq_corrections_issue_id_number")),
        sa.UniqueConstraint("letter_id", name=op.f("uq_corrections_letter_id")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
