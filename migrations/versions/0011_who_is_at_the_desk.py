"""Who is at the desk: sessions, the second factor with its recovery codes, the team's rules, and the audit log

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SQLITE = """CREATE TRIGGER audit_log_no_{verb} BEFORE {verb} ON audit_log
    BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END"""
_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION audit_log_is_kept() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'the audit log is only ever added to'; END$$""",
    """CREATE TRIGGER audit_log_is_kept BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_is_kept()""",
)


def upgrade() -> None:
    op.add_column("editors", sa.Column("factor", sa.String(length=200), nullable=True))
    op.add_column("editors", sa.Column("factor_step", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "recovery_codes",
        sa.Column("editor_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["editor_id"], ["editors.id"], name=op.f("fk_recovery_codes_editor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("editor_id", "digest", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "desk_sessions",
        sa.Column("id", _LONG, autoincrement=False, nullable=False),
        sa.Column("editor_id", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent", sa.String(length=80), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["editor_id"], ["editors.id"], name=op.f("fk_desk_sessions_editor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_sessions")),
    )
    op.create_index(op.f("ix_desk_sessions_editor_id"), "desk_sessions", ["editor_id"])
    op.create_table(
        "team_rules",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("needs_factor", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_rules")),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", _LONG, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=24), nullable=False),
        sa.Column("act", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("about", sa.String(length=254), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_kind_about"), "audit_log", ["kind", "about"])
    op.create_index(op.f("ix_audit_log_who"), "audit_log", ["who"])
    # The database itself keeps what was written, whoever comes by another way than ours.
    if op.get_bind().dialect.name == "postgresql":
        for statement in _POSTGRESQL:
            op.execute(statement)
    else:
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(verb=verb))


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
