"""One mailbox, one key: letters that were folded together (ß and ss) part again; suppression by address and cause

Revision ID: 0014
Revises: 0013
"""

import unicodedata

import idna
import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NOT_ASCII = {"sqlite": "email GLOB '*[^ -~]*'", "postgresql": "email ~ '[^ -~]'"}
_SUPPRESSIONS = (
    sa.Column("key", sa.String(length=254), nullable=False),
    sa.Column("cause", sa.String(length=24), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("detail", sa.Text(), nullable=True),
    sa.Column("folded", sa.Boolean(), nullable=False),
)


def upgrade() -> None:
    _make_suppressions_anew()
    for table in ("subscribers", "editors"):
        _rekey(table)


def _make_suppressions_anew() -> None:
    op.execute("CREATE TABLE folded_suppressions AS SELECT * FROM suppressions")
    op.drop_table("suppressions")
    primary_key = sa.PrimaryKeyConstraint("key", "cause", name=op.f("pk_suppressions"))
    op.create_table("suppressions", *_SUPPRESSIONS, primary_key)
    # A complaint is one wherever it was made.
    cause = "CASE WHEN cause = 'import' AND detail LIKE 'complained %' THEN 'complaint' ELSE cause END"
    op.execute(
        "INSERT INTO suppressions (key, cause, at, detail, folded) "  # noqa: S608  (nothing in it comes from outside)
        f"SELECT key, {cause}, at, detail, true FROM folded_suppressions"
    )
    op.drop_table("folded_suppressions")


def _rekey(table: str) -> None:
    """Only addresses with other letters than ASCII had a key that several mailboxes share."""
    connection = op.get_bind()
    wanted = f"SELECT id, email, key FROM {table} WHERE {_NOT_ASCII[connection.dialect.name]}"  # noqa: S608
    changed = [row for row in connection.execute(sa.text(wanted)).all() if _key(row.email) != row.key]
    for row in changed:
        told = {"id": row.id, "key": _key(row.email), "folded": row.key}
        # The new key tells more apart than the old one, so none is taken: unless a row came by another way than ours.
        connection.execute(
            sa.text(
                f"UPDATE {table} SET key = :key WHERE id = :id "  # noqa: S608
                f"AND NOT EXISTS (SELECT 1 FROM {table} others WHERE others.key = :key)"
            ),
            told,
        )
        if table == "subscribers":
            _keep_suppressed(connection, told)


def _keep_suppressed(connection: sa.Connection, told: dict[str, object]) -> None:
    """A reader who was suppressed by a folded key is so by their own as well, and stays so when others are not."""
    connection.execute(
        sa.text(
            "INSERT INTO suppressions (key, cause, at, detail, folded) "
            "SELECT :key, cause, at, detail, false FROM suppressions WHERE key = :folded AND folded "
            "ON CONFLICT DO NOTHING"
        ),
        told,
    )


def _key(email: str) -> str:
    local, _, host = unicodedata.normalize("NFC", email).rpartition("@")
    try:
        return f"{local.lower()}@{idna.encode(host, uts46=True).decode()}"
    except UnicodeError:
        return f"{local.lower()}@{host.lower()}"


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
