"""The values of one attribute lie together, as a segment reads them

Revision ID: 0053
Revises: 0052
"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

_TABLE, _OLD = "subscription_attributes", "subscription_attributes_by_reader"
_COLUMNS = "attribute_id, subscription_id, text, number, date"
_INDEX = "ix_subscription_attributes_subscription_id_attribute_id"


def upgrade() -> None:
    op.drop_index("ix_subscription_attributes_attribute_id_subscription_id", _TABLE)
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("pk_subscription_attributes", _TABLE)
        op.create_primary_key("pk_subscription_attributes", _TABLE, ["attribute_id", "subscription_id"])
    else:
        op.rename_table(_TABLE, _OLD)
        _create()
        op.execute(f"INSERT INTO {_TABLE} ({_COLUMNS}) SELECT {_COLUMNS} FROM {_OLD} ORDER BY 1, 2")  # noqa: S608
        op.drop_table(_OLD)
    op.create_index(_INDEX, _TABLE, ["subscription_id", "attribute_id"])


def _create() -> None:
    op.create_table(
        _TABLE,
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("number", sa.Float(53), nullable=True),
        sa.Column("date", sa.Date(), nullable=True),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_{_TABLE}_{column}_{table}", ondelete="CASCADE")
            for column, table in (("attribute_id", "attributes"), ("subscription_id", "subscriptions"))
        ),
        sa.PrimaryKeyConstraint("attribute_id", "subscription_id", name=f"pk_{_TABLE}"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
