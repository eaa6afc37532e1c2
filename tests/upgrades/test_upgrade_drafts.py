"""Migration 0025 on a database with a draft: it stays as it was, unsaved, and is written on as always."""

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from newsletter import migrations_runner
from newsletter.db import Sessions
from newsletter.editorial.issues import drafts, issue_store
from newsletter.editorial.issues.drafts import EditorText
from tests.originals import start_at

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ADA = "ada@desk.example"
FILLED = (
    """INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name, sender_address,
                              postal_address, follow, created_at)
       VALUES (1, 'back', 'Back', '', '', 'en', 'UTC', 'Back', 'desk@example.org', '', '[]', :at)""",
    """INSERT INTO issues (id, publication_id, slug, file_name, title, subject, readiness, revision_number, created_at)
       VALUES (1, 1, 'sit', 'sit.md', 'Sit', 'Sit', 'draft', 1, :at)""",
    """INSERT INTO revisions (id, issue_id, number, source, sha256, author, created_at)
       VALUES (1, 1, 1, 'Saved.', '', :ada, :at)""",
    """INSERT INTO drafts (issue_id, editor, base_number, number, source, began_at, kept_at)
       VALUES (1, :ada, 1, 7, 'Half-done.', :at, :at)""",
)


def test_a_draft_from_before_stays_unsaved_and_is_written_on(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0024")
        for statement in FILLED:
            named = {"at": AT, "ada": ADA}
            connection.execute(text(statement), {name: named[name] for name in named if f":{name}" in statement})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        issue = issue_store.find(session, "sit")
        draft = drafts.unsaved_draft(session, issue, ADA)
        assert draft
        assert (draft.source, draft.number, draft.tab, draft.saved) == ("Half-done.", 7, "", False)
        assert drafts.keep(session, issue, EditorText("Done.", base=1, number=7), ADA, AT).source == "Done."
