"""The migration that adds the setup guide: it is offered to publications that have not sent an issue yet."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from newsletter import migrations_runner
from newsletter.db import Sessions
from newsletter.publications import Publication
from tests.originals import PUBLICATION, start_at

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LETTER = """INSERT INTO letters (id, publication_id, state, due_at, started_at, created_at, content_hash, sender_name,
                                 sender_address, list_id, feedback_id, archive_url, subject, html, text)
            VALUES (1, 1, 'finished', :at, :at, :at, '', 'One', 'desk@example.org', '', '', '', 'Sit', '', '')"""
ISSUE = """INSERT INTO issues (id, publication_id, slug, file_name, title, subject, readiness, created_at,
                               revision_number, letter_id)
           VALUES (1, 1, 'one', '2026-11-20-one.md', 'One', 'Number one', 'ready', :at, 0, 1)"""
IMPORT = """INSERT INTO imported_posts (issue_id, publication_id, source, key, old_path, posted_at)
            VALUES (1, 1, 'sample', 'one', '', :at)"""


@pytest.mark.parametrize(
    ("statements", "offers"),
    [((PUBLICATION,), True), ((PUBLICATION, LETTER, ISSUE), False), ((PUBLICATION, LETTER, ISSUE, IMPORT), True)],
)
def test_a_publication_that_has_sent_an_issue_needs_no_setup(
    engine: Engine, statements: tuple[str, ...], offers: bool
) -> None:
    with engine.begin() as connection:
        start_at(connection, "0070")
        for statement in statements:
            connection.execute(text(statement), {"at": AT})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).reading() as session:
        assert session.get_one(Publication, 1).offers_setup is offers
