"""The consent ledger: entries that are only added, with more evidence, and a hash chain over them

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What an erasure may blank, and all the other columns.
_ERASABLE = {
    "consent_events": (
        ("subscription_id", "origin", "note", "message_id", "reply", "file_id", "line"),
        ("id", "act", "way", "at", "letter_id", "wording_id", "operator"),
    ),
    "consent_chain": (("salt",), ("position", "event_id", "digest", "head")),
    "imported_files": ((), ()),
    "wordings": ((), ()),
}
_REFUSE = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only added, and never changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    _create_tables()
    _extend_events()
    for table, (erasable, fixed) in _ERASABLE.items():
        _make_append_only(table, erasable, fixed)


def _create_tables() -> None:
    op.create_table(
        "imported_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=254), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imported_files")),
    )
    op.create_table(
        "consent_chain",
        sa.Column("position", _LONG, autoincrement=False, nullable=False),
        sa.Column("event_id", _LONG, nullable=False),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("head", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_consent_chain")),
        sa.UniqueConstraint("event_id", name=op.f("uq_consent_chain_event_id")),
    )


def _extend_events() -> None:
    left = {"sqlite_where": sa.text("act = 'left'"), "postgresql_where": sa.text("act = 'left'")}
    op.drop_index("ix_consent_events_left", table_name="consent_events")
    with op.batch_alter_table("consent_events") as events:
        events.drop_constraint("fk_consent_events_subscription_id", type_="foreignkey")
        events.alter_column("subscription_id", existing_type=sa.Integer(), nullable=True)
        events.add_column(sa.Column("message_id", sa.Text(), nullable=True))
        events.add_column(sa.Column("reply", sa.Text(), nullable=True))
        events.add_column(sa.Column("operator", sa.String(length=254), nullable=True))
        events.add_column(sa.Column("file_id", sa.Integer(), nullable=True))
        events.add_column(sa.Column("line", sa.Integer(), nullable=True))
        events.create_foreign_key("fk_consent_events_subscription_id", "subscriptions", ["subscription_id"], ["id"])
        events.create_foreign_key("fk_consent_events_file_id", "imported_files", ["file_id"], ["id"])
    op.create_index("ix_consent_events_left", "consent_events", ["letter_id", "id", "subscription_id"], **left)


def _make_append_only(table: str, erasable: tuple[str, ...], fixed: tuple[str, ...]) -> None:
    """Let the database refuse to delete a row, and to change it but for an erasure, which only blanks."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    same = "IS NOT DISTINCT FROM" if on_postgresql else "IS"
    blank = [f"NEW.{name} IS NULL" for name in erasable]
    is_erasure = " AND ".join([*blank, *(f"NEW.{name} {same} OLD.{name}" for name in fixed)])
    changed = f" WHEN (NOT ({is_erasure}))" if erasable else ""
    if on_postgresql:
        op.execute(_REFUSE)
        refuse = "EXECUTE FUNCTION refuse_change()"
        op.execute(f"CREATE TRIGGER {table}_changed BEFORE UPDATE ON {table} FOR EACH ROW{changed} {refuse}")
        op.execute(f"CREATE TRIGGER {table}_deleted BEFORE DELETE ON {table} FOR EACH ROW {refuse}")
        op.execute(f"CREATE TRIGGER {table}_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are only added, and never changed'); END"
    op.execute(f"CREATE TRIGGER {table}_changed BEFORE UPDATE ON {table}{changed} {refuse}")
    op.execute(f"CREATE TRIGGER {table}_deleted BEFORE DELETE ON {table} {refuse}")


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
