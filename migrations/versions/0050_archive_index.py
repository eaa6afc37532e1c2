"""The archive's index: words to search, and labels to list by, of every issue that has a letter

Revision ID: 0050
Revises: 0049
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from newsletter.editorial.issues import archive_index
from newsletter.editorial.source import issue_file
from newsletter.errors import Invalid

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

_VECTOR = "array_to_tsvector(string_to_array(words, ' '))"
# The words are made by us, so that they need only be told apart at spaces.
_FTS = "fts5(words, content='archive_texts', content_rowid='issue_id', tokenize='ascii', detail=none, prefix='1 2 3')"
_ADD = "INSERT INTO archive_words (rowid, words) VALUES (NEW.issue_id, NEW.words);"
_DROP = "INSERT INTO archive_words (archive_words, rowid, words) VALUES ('delete', OLD.issue_id, OLD.words);"
_TRIGGERS = {"INSERT": _ADD, "DELETE": _DROP, "UPDATE": f"{_DROP} {_ADD}"}

# The text that the archive shows: the newest correction, or what was frozen.
_SHOWN = sa.text("""
    SELECT issues.id, issues.file_name, revisions.source FROM issues
    JOIN revisions ON revisions.issue_id = issues.id AND revisions.number = coalesce(
        (SELECT max(revision_number) FROM corrections WHERE corrections.issue_id = issues.id), issues.frozen_number)
    WHERE issues.letter_id IS NOT NULL AND issues.id > :last ORDER BY issues.id LIMIT 100
""")


def upgrade() -> None:
    issue = sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], ondelete="CASCADE", name="fk_archive_texts_issue_id")
    texts = op.create_table(
        "archive_texts",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("title", "text", "title_words", "words")),
        issue,
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_archive_texts")),
    )
    labels = op.create_table(
        "archive_labels",
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], ondelete="CASCADE", name="fk_archive_labels_issue_id"),
        sa.PrimaryKeyConstraint("issue_id", "kind", "key", name=op.f("pk_archive_labels")),
    )
    op.create_index("ix_archive_labels_key", "archive_labels", ["kind", "key"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE INDEX ix_archive_texts_words ON archive_texts USING gin ({_VECTOR})")
    else:
        op.execute(f"CREATE VIRTUAL TABLE archive_words USING {_FTS}")
        for change, act in _TRIGGERS.items():
            op.execute(f"CREATE TRIGGER archive_texts_{change} AFTER {change} ON archive_texts BEGIN {act} END")
    _fill(texts, labels)


def _fill(texts: sa.Table, labels: sa.Table) -> None:
    connection, last = op.get_bind(), 0
    while group := connection.execute(_SHOWN, {"last": last}).all():
        for issue in group:
            if entry := _entry(issue):
                connection.execute(sa.insert(texts), {"issue_id": issue.id, **entry.text})
                for label in entry.labels:
                    connection.execute(sa.insert(labels), {"issue_id": issue.id, **label})
        last = group[-1].id


def _entry(issue: Any) -> archive_index.IndexEntry | None:
    try:
        return archive_index.index_entry(issue_file.parse(issue.source, issue.file_name))
    except Invalid:
        # Saved before a rule that it breaks: its page cannot be shown either.
        return None


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
