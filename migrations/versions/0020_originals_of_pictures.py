"""The files that pictures were developed from; and which pictures are developed

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# What was uploaded at the desk has always been developed; what was loaded from files never was until now.
_UPLOADED = """
UPDATE pictures SET developed = true
WHERE file_name IN (SELECT file_name FROM attached_pictures) OR file_name IN (SELECT logo FROM publications)
"""


def upgrade() -> None:
    op.add_column("pictures", sa.Column("developed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(_UPLOADED)
    op.create_table(
        "original_pictures",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["file_name"], ["pictures.file_name"], name=op.f("fk_original_pictures_file_name")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_original_pictures")),
    )
    op.create_index(op.f("ix_original_pictures_file_name"), "original_pictures", ["file_name"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
