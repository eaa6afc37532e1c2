"""Lists in pages: readers are listed by an index, and a revision's category stands beside its text

Revision ID: 0017
Revises: 0016
"""

import re

import sqlalchemy as sa
import yaml
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_subscriptions_publication_id_id", "subscriptions", ["publication_id", "id"])
    op.create_index("ix_subscriptions_publication_id_status_id", "subscriptions", ["publication_id", "status", "id"])
    op.drop_index("ix_subscriptions_publication_id_status", table_name="subscriptions")
    left = sa.text("act = 'left'")
    op.drop_index("ix_consent_events_left", table_name="consent_events")
    columns = ["note", "id", "subscription_id"]
    op.create_index("ix_consent_events_left", "consent_events", columns, sqlite_where=left, postgresql_where=left)
    op.add_column("revisions", sa.Column("category", sa.Text(), server_default="", nullable=False))
    _fill_in_categories(op.get_bind())


def _fill_in_categories(connection: sa.Connection) -> None:
    revisions = sa.table("revisions", sa.column("id"), sa.column("source"), sa.column("category"))
    ids = connection.scalars(sa.select(revisions.c.id).where(revisions.c.source.contains("category:"))).all()
    for revision_id in ids:
        own = revisions.c.id == revision_id
        source = connection.scalar(sa.select(revisions.c.source).where(own))
        connection.execute(sa.update(revisions).where(own).values(category=_category(source)))


def _category(source: str) -> str:
    """What the front matter calls it; empty where that cannot be read, as the archive then finds it in none."""
    found = re.match(r"---[ \t]*\n(.*?)^---[ \t]*$", source, re.DOTALL | re.MULTILINE)
    line = found and re.search(r"^category:.*$", found[1], re.MULTILINE)
    try:
        value = yaml.safe_load(line[0])["category"] if line else ""
    except yaml.YAMLError:
        return ""
    return value if isinstance(value, str) else ""


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
