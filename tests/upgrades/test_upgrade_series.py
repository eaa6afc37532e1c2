"""The migration that adds the welcome series, on a database with a publication and a letter from before."""

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from newsletter import migrations_runner
from newsletter.db import Sessions
from newsletter.delivery.models import Letter
from newsletter.publications import Publication
from tests.originals import PUBLICATION, start_at

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FILLED = (
    PUBLICATION,
    """INSERT INTO letters (id, publication_id, state, due_at, created_at, content_hash, sender_name, sender_address,
                         list_id, feedback_id, archive_url, subject, html, text)
       VALUES (1, 1, 'finished', :at, :at, '', 'One', 'desk@example.org', '', '', '', 'Sit', '', '')""",
)


def test_what_was_there_before_has_no_series_and_repeats_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0059")
        for statement in FILLED:
            connection.execute(text(statement), {"at": AT})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        publication = session.get_one(Publication, 1)
        assert (publication.series_on, publication.series_days, publication.series_issues) == (False, 3, [])
        assert session.get_one(Letter, 1).repeats_id is None
