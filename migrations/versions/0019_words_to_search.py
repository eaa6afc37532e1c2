"""Words to search: what is searched of a reader stands beside their name and address, without case and accents

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from newsletter.audience import search_text

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_GROUP = 5_000


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("search", sa.Text(), server_default="", nullable=False))
    names = ("id", "email", "key", "name", "search")
    people = sa.table("subscribers", *(sa.column(name) for name in names))
    connection, last = op.get_bind(), 0
    fill = sa.update(people).where(people.c.id == sa.bindparam("reader")).values(search=sa.bindparam("entry"))
    while group := connection.execute(_after(people, last)).all():
        told = [
            {"reader": each.id, "entry": search_text.search_entry(each.email, each.key, each.name)} for each in group
        ]
        connection.execute(fill, told)
        last = group[-1].id


def _after(people: sa.TableClause, last: int) -> sa.Select:
    return sa.select(people).where(people.c.id > last).order_by(people.c.id).limit(_GROUP)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
