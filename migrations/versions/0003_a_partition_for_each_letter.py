"""A partition for each letter

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not by batch: a column without a default costs no row a write.
    op.add_column("letters", sa.Column("final_counts", sa.JSON(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        _partition()
    else:
        _rebuild()


def _partition() -> None:
    """PostgreSQL: the same rows under the same ids, each letter's in a table of its own."""
    op.drop_constraint(op.f("fk_copy_notes_copy_id"), "copy_notes")
    op.execute("ALTER TABLE copies RENAME TO copies_in_one")
    # Else it would go with the table; so the numbers go on behind the greatest that was ever given.
    op.execute("ALTER SEQUENCE copies_id_seq OWNED BY NONE")
    op.execute("CREATE TABLE copies (LIKE copies_in_one INCLUDING DEFAULTS) PARTITION BY LIST (letter_id)")
    for letter_id in op.get_bind().scalars(sa.text("SELECT DISTINCT letter_id FROM copies_in_one")).all():
        op.execute(f"CREATE TABLE copies_{letter_id} PARTITION OF copies FOR VALUES IN ({letter_id})")
    op.execute("INSERT INTO copies SELECT * FROM copies_in_one")
    op.execute("DROP TABLE copies_in_one")
    op.execute("ALTER SEQUENCE copies_id_seq OWNED BY copies.id")
    # A partitioned table's key holds what it is partitioned by; the id comes first, for look-ups by that alone.
    op.create_primary_key(op.f("pk_copies"), "copies", ["id", "letter_id"])
    op.create_unique_constraint(op.f("uq_copies_letter_id_subscription_id"), "copies", ["letter_id", "subscription_id"])
    pending, sending = sa.text("state = 'pending'"), sa.text("state = 'sending'")
    op.create_index(op.f("ix_copies_pending"), "copies", ["letter_id", "not_before", "id"], postgresql_where=pending)
    op.create_index(op.f("ix_copies_sending"), "copies", ["lease_until"], postgresql_where=sending)
    # Until the server knows the new tables it may sort all copies for each claim.
    op.execute("ANALYZE copies")


def _rebuild() -> None:
    """SQLite: one table as before; no foreign keys, and no id is ever given twice."""
    with op.batch_alter_table("copy_notes") as notes:
        notes.drop_constraint(op.f("fk_copy_notes_copy_id"), type_="foreignkey")
    with op.batch_alter_table("copies", table_kwargs={"sqlite_autoincrement": True}) as copies:
        copies.drop_constraint(op.f("fk_copies_letter_id"), type_="foreignkey")
        copies.drop_index(op.f("ix_copies_subscription_id"))


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
