"""The words of the archive in a tsvector of their own on PostgreSQL, which would make each anew for every search

Revision ID: 0054
Revises: 0053
"""

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

_FILL = """
CREATE OR REPLACE FUNCTION fill_archive_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO archive_words (issue_id, vector)
    VALUES (NEW.issue_id, array_to_tsvector(string_to_array(NEW.words, ' ')))
    ON CONFLICT (issue_id) DO UPDATE SET vector = excluded.vector;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP INDEX ix_archive_texts_words")
    texts = "REFERENCES archive_texts ON DELETE CASCADE"
    op.execute(f"CREATE TABLE archive_words (issue_id integer PRIMARY KEY {texts}, vector tsvector NOT NULL)")
    op.execute("CREATE INDEX ix_archive_words_vector ON archive_words USING gin (vector)")
    op.execute(_FILL)
    change = "AFTER INSERT OR UPDATE ON archive_texts FOR EACH ROW"
    op.execute(f"CREATE TRIGGER archive_texts_words {change} EXECUTE FUNCTION fill_archive_words()")
    op.execute("UPDATE archive_texts SET words = words")  # Fires the trigger.


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
