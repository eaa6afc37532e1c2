"""The desk's index: the words and labels of each issue's newest revision

Revision ID: 0063
Revises: 0062
"""

import sqlalchemy as sa
from alembic import op

from newsletter.editorial.issues import desk_index
from newsletter.editorial.source import issue_file
from newsletter.errors import Invalid

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

_NEWEST = sa.text("""
    SELECT issues.id, issues.file_name, revisions.source FROM issues
    JOIN revisions ON revisions.issue_id = issues.id AND revisions.number = issues.revision_number
    WHERE issues.id > :last ORDER BY issues.id LIMIT 100
""")


def upgrade() -> None:
    texts = op.create_table(
        "desk_texts",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], ondelete="CASCADE", name="fk_desk_texts_issue_id"),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_desk_texts")),
    )
    labels = op.create_table(
        "desk_labels",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], ondelete="CASCADE", name="fk_desk_labels_issue_id"),
        sa.PrimaryKeyConstraint("issue_id", "kind", "key", name=op.f("pk_desk_labels")),
    )
    op.create_index("ix_desk_labels_key", "desk_labels", ["kind", "key"])
    _fill(texts, labels)


def _fill(texts: sa.Table, labels: sa.Table) -> None:
    connection, last = op.get_bind(), 0
    while group := connection.execute(_NEWEST, {"last": last}).all():
        for issue_id, file_name, source in group:
            try:
                words, named = desk_index.index_entry(issue_file.parse(source, file_name))
            except Invalid:
                # Saved before a rule that it breaks: it is found again once it is saved.
                continue
            connection.execute(sa.insert(texts), {"issue_id": issue_id, "words": words})
            for label in named:
                connection.execute(sa.insert(labels), {"issue_id": issue_id, **label})
        last = group[-1].id


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
