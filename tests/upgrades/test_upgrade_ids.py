"""The migration after which the id of a deleted row is given to no other, on a database with segments and a bin."""

from datetime import UTC, datetime

from sqlalchemy import Engine, select, text

from newsletter import migrations_runner
from newsletter.audience.segments.store import Segment
from newsletter.db import Sessions
from newsletter.editorial.issues.issue_bin import DeletedIssue
from newsletter.publications import Slot
from tests.originals import start_at
from tests.upgrades.test_upgrade_setup import PUBLICATION

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FILLED = (
    PUBLICATION,
    """INSERT INTO segments (id, publication_id, name, key, rule, created_at, changed_at)
       VALUES (1, 1, 'Vienna', 'vienna', '{"all": []}', :at, :at)""",
    """INSERT INTO deleted_issues (id, publication_id, issue_id, slug, title, deleted_at, deleted_by, issue, revisions,
                                   drafts, pictures)
       VALUES (7, 1, 1, 'one', 'One', :at, '', '{"segment_id": 4}', '[]', '[]', '[]')""",
    """INSERT INTO slots (id, publication_id, weekday, at, time_zone, since)
       VALUES (3, 1, 1, '09:00:00', 'UTC', :at)""",
)


def test_what_there_is_stays_and_no_segment_takes_the_id_that_an_issue_in_the_bin_names(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0076")
        for statement in FILLED:
            connection.execute(text(statement), {"at": AT} if ":at" in statement else {})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        assert session.get_one(Segment, 1).name == "Vienna"
        assert session.scalars(select(DeletedIssue.slug)).all() == ["one"]
        assert session.scalars(select(Slot.id)).all() == [3]
        if engine.dialect.name == "sqlite":
            later = Segment(publication_id=1, name="Graz", key="graz", stored_rule={}, created_at=AT, changed_at=AT)
            session.add(later)
            session.flush()
            assert later.id == 5
