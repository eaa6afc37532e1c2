"""The migration that adds provisional slugs: issues that there are keep theirs."""

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from newsletter import migrations_runner
from newsletter.db import Sessions
from newsletter.editorial.issues import issue_store, slugs
from tests.originals import start_at
from tests.upgrades.test_upgrade_setup import ISSUE, LETTER, PUBLICATION

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_an_issue_keeps_the_slug_that_it_has(engine: Engine) -> None:
    with engine.begin() as connection:
        start_at(connection, "0070")
        for statement in (PUBLICATION, LETTER, ISSUE):
            connection.execute(text(statement), {"at": AT})
        migrations_runner.upgrade_to(connection, "head")
    with Sessions(engine).begin() as session:
        issue = issue_store.find(session, "one")
        slugs.follow_title(session, issue)
        assert (issue.slug, issue.slug_is_provisional) == ("one", False)
        # Whatever is renamed from now on is found under both names.
        slugs.rename(session, issue, "two")
        session.flush()
        assert issue_store.find(session, "one") is issue_store.find(session, "two") is issue
