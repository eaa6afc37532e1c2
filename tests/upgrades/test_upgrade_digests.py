"""Migrations of topics and digests on a database with a reader and an issue: both stay what they were."""

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from newsletter import migrations_runner
from newsletter.audience.models import Pace, Subscription
from newsletter.db import Sessions
from newsletter.editorial.models import Issue, IssueKind
from newsletter.workflows.recipients import Recipients
from tests.originals import start_at

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FILLED = (
    """INSERT INTO publications (id, slug, name, tagline, description, language, time_zone, sender_name, sender_address,
                              postal_address, follow, created_at)
       VALUES (1, 'brief', 'Brief', '', '', 'en', 'UTC', 'Brief', 'desk@example.org', '', '[]', :at)""",
    """INSERT INTO subscribers (id, email, key, name, created_at) VALUES (1, 'a@b.example', 'a@b.example', '', :at)""",
    """INSERT INTO subscriptions (id, subscriber_id, publication_id, status, created_at, confirmed_at)
       VALUES (1, 1, 1, 'active', :at, :at)""",
    """INSERT INTO issues (id, publication_id, slug, file_name, title, subject, readiness, created_at, revision_number)
       VALUES (1, 1, 'one', '2026-11-20-one.md', 'One', 'Number one', 'draft', :at, 0)""",
)


def test_readers_get_each_issue_of_every_topic_as_before(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0056")
        for statement in FILLED:
            connection.execute(text(statement), {"at": AT})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        reader, issue = session.get_one(Subscription, 1), session.get_one(Issue, 1)
        assert (reader.pace, reader.next_pace) == (Pace.EACH, None)
        assert (issue.kind, issue.publication.topics) == (IssueKind.ISSUE, [])
        recipients = Recipients.of_issue(session, issue)
        assert (recipients.is_everybody, recipients.count(session, AT)) == (True, 1)
