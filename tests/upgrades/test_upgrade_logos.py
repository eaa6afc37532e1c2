"""The migration that keeps a logo's size, on a database with one publication that has a logo and one that has none."""

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from newsletter import migrations_runner
from newsletter.db import Sessions
from newsletter.publications import Publication
from tests.originals import start_at

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FILLED = (
    """INSERT INTO pictures (file_name, width, height, size, developed, created_at)
       VALUES ('a.png', 600, 90, 1, true, :at)""",
    """INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name, sender_address,
                              postal_address, follow, logo, created_at)
       VALUES (1, 'one', 'One', '', '', 'en', 'UTC', 'One', 'desk@example.org', '', '[]', 'a.png', :at),
              (2, 'two', 'Two', '', '', 'en', 'UTC', 'Two', 'desk@example.org', '', '[]', NULL, :at)""",
)


def test_a_logo_from_before_has_the_size_of_its_picture(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0056")
        for statement in FILLED:
            connection.execute(text(statement), {"at": AT})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        assert session.get_one(Publication, 1).logo_box(300) == (267, 40)
        assert session.get_one(Publication, 2).logo_box(300) is None
