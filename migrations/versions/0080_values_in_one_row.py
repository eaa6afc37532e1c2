"""All values of a reader's attributes stand in one row, or in few, rather than in a row each

Revision ID: 0080
Revises: 0079
"""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None

_TABLE = "attribute_values"
_IN_A_ROW = 32
_COLUMNS = [f"value_{number}" for number in range(_IN_A_ROW)]


def upgrade() -> None:
    op.add_column("attributes", sa.Column("position", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE attributes SET position = (SELECT count(*) FROM attributes AS earlier "
        "WHERE earlier.publication_id = attributes.publication_id AND earlier.id < attributes.id)"
    )
    op.create_index("ix_attributes_publication_id_position", "attributes", ["publication_id", "position"], unique=True)
    _create()
    last = op.get_bind().scalar(sa.text("SELECT max(position) FROM attributes"))
    for part in range(0 if last is None else last // _IN_A_ROW + 1):
        _fill(part)
    op.create_index(f"ix_{_TABLE}_subscription_id", _TABLE, ["subscription_id"])
    op.drop_table("subscription_attributes")


def _create() -> None:
    op.create_table(
        _TABLE,
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in _COLUMNS),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name=f"fk_{_TABLE}_publication_id_publications"
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=f"fk_{_TABLE}_subscription_id_subscriptions",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("publication_id", "part", "subscription_id", name=f"pk_{_TABLE}"),
        sqlite_with_rowid=False,
    )


def _fill(part: int) -> None:
    first = part * _IN_A_ROW
    values = ", ".join(f"max(CASE WHEN position = {first + at} THEN text END)" for at in range(_IN_A_ROW))
    op.execute(
        f"INSERT INTO {_TABLE} (publication_id, part, subscription_id, {', '.join(_COLUMNS)}) "  # noqa: S608
        f"SELECT publication_id, {part}, subscription_id, {values} "
        "FROM subscription_attributes JOIN attributes ON attributes.id = attribute_id "
        f"WHERE position BETWEEN {first} AND {first + _IN_A_ROW - 1} "
        "GROUP BY publication_id, subscription_id ORDER BY publication_id, subscription_id"
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
