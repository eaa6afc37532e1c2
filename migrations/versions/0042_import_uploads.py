"""Lists that are uploaded at the desk, and reports of their imports

Revision ID: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "import_uploads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=120), nullable=False),
        sa.Column("stored_name", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.String(length=254), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=True),
        sa.Column("claimed_by", sa.String(length=80), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name="fk_import_uploads_publication_id_publications"
        ),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="fk_import_uploads_import_id_imports"),
        sa.PrimaryKeyConstraint("id", name="pk_import_uploads"),
    )
    op.create_index("ix_import_uploads_publication_id_id", "import_uploads", ["publication_id", "id"])
    op.create_index("ix_import_uploads_state_changed_at", "import_uploads", ["state", "changed_at"])
    op.create_table(
        "import_report_parts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("upload_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("list_number", sa.Integer(), nullable=False),
        sa.Column("first_line", sa.Integer(), nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["import_uploads.id"], name="fk_import_report_parts_upload_id_import_uploads"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_import_report_parts"),
        sa.UniqueConstraint(
            "upload_id",
            "kind",
            "list_number",
            "first_line",
            name="uq_import_report_parts_upload_id_kind_list_number_first_line",
        ),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
