"""Who was erased is remembered by a keyed hash; a single letter knows its address's key, and why it was skipped

Revision ID: 0016
Revises: 0015
"""

import unicodedata

import idna
import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NOT_ASCII = {"sqlite": "address GLOB '*[^ -~]*'", "postgresql": "address ~ '[^ -~]'"}


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_erasures")),
    )
    op.create_table(
        "sealed_keys",
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("sealed", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sealed_keys")),
    )
    op.add_column("outbox", sa.Column("key", sa.String(length=254), server_default="", nullable=False))
    op.add_column("outbox", sa.Column("reason", sa.String(length=40), nullable=True))
    _key_the_outbox()
    op.create_index(op.f("ix_outbox_key"), "outbox", ["key"])


def _key_the_outbox() -> None:
    connection = op.get_bind()
    connection.execute(sa.text("UPDATE outbox SET key = lower(address)"))
    wanted = f"SELECT id, address FROM outbox WHERE {_NOT_ASCII[connection.dialect.name]}"  # noqa: S608
    for row in connection.execute(sa.text(wanted)).all():
        told = {"id": row.id, "key": _key(row.address)}
        connection.execute(sa.text("UPDATE outbox SET key = :key WHERE id = :id"), told)


def _key(email: str) -> str:
    local, _, host = unicodedata.normalize("NFC", email).rpartition("@")
    try:
        return f"{local.lower()}@{idna.encode(host, uts46=True).decode()}"
    except UnicodeError:
        return f"{local.lower()}@{host.lower()}"


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
