"""Migration 0026 on a database with a letter: its copies name their days in the language of its publication."""

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from newsletter import migrations_runner
from newsletter.db import Sessions
from newsletter.delivery.models import Letter
from tests.originals import start_at

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FILLED = (
    """INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name, sender_address,
                              postal_address, follow, created_at)
       VALUES (1, 'brief', 'Brief', '', '', 'de-AT', 'UTC', 'Brief', 'desk@example.org', '', '[]', :at)""",
    """INSERT INTO letters (id, publication_id, state, due_at, created_at, content_hash, sender_name, sender_address,
                         list_id, feedback_id, archive_url, subject, html, text)
       VALUES (1, 1, 'waiting', :at, :at, '', 'Brief', 'desk@example.org', '', '', '', '', '', '')""",
)


def test_a_letter_from_before_takes_the_language_of_its_publication(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0025")
        for statement in FILLED:
            connection.execute(text(statement), {"at": AT})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        assert session.get_one(Letter, 1).language == "de-AT"
