from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.db import Sessions
from newsletter.editorial.issues import archive, issue_store
from newsletter.editorial.issues.indexing import LabelKind
from newsletter.editorial.source import issue_file
from newsletter.errors import NotFound
from newsletter.links import Links
from newsletter.publications import Publication
from newsletter.workflows import issue_readiness, publish
from newsletter.workflows.build_letter import LetterSettings
from tests.amending import amend
from tests.originals import Fill
from tests.sample_services import LINKS, NOW

SOURCE = "---\ntitle: The {0}\nsubject: The {0} issue of all\npreheader: Words\ncategory: Health\n---\nText.\n"


def with_issues(sessions: Sessions, _folder: Path) -> None:
    """Three issues that went out; the last two at one beat of the clock. A fourth waits."""
    words = {"name": "A Letter", "sender_name": "A Letter", "sender_address": "a@example.org"}
    with sessions.begin() as session:
        home = Publication(slug="letter", postal_address="1 Example Street", created_at=NOW, **words)
        session.add(home)
        for slug in ("first", "second", "third", "waiting"):
            name = f"2026-11-20-{slug}.md"
            file = issue_file.parse(SOURCE.format(slug), name)
            issue_store.save(session, home, issue_store.Text(file, name, {}), issue_store.BY_FILE, NOW)
            issue_readiness.mark_ready(session, issue_store.find(session, slug), LINKS)
        for slug, day in (("first", 1), ("second", 2), ("third", 2)):
            publish.send_now(
                session, LetterSettings(LINKS), issue_store.find(session, slug), datetime(2026, 11, day, tzinfo=UTC)
            )
        publish.schedule(
            session, LetterSettings(LINKS), issue_store.find(session, "waiting"), NOW + timedelta(days=1), NOW
        )


@pytest.fixture
def filled() -> Fill:
    return with_issues


@pytest.fixture
def out() -> list[str]:
    """The issues that are out (`with_issues`), oldest first."""
    return ["first", "second", "third"]


def test_the_archive_shows_what_is_out_newest_first(sessions: Sessions, out: list[str]) -> None:
    with sessions.reading() as session:
        home = issue_store.find(session, "first").publication_id
        assert [issue.slug for issue in session.scalars(archive.published(home))] == out[::-1]


def test_each_publication_has_an_archive_of_its_own(
    sessions: Sessions, links: Links, out: list[str], now: datetime
) -> None:
    other = add_issue(sessions, links, "other", "elsewhere", now)
    with sessions.reading() as session:
        assert [issue.slug for issue in session.scalars(archive.published(other))] == ["elsewhere"]
        assert archive.neighbours(session, archive.find(session, "elsewhere")) == (None, None)
        assert archive.neighbours(session, archive.find(session, "third")).newer is None
        together = [issue.slug for issue in session.scalars(archive.published_everywhere())]
    assert together == ["elsewhere", *out[::-1]]


def test_neighbours_walk_the_archive_without_a_gap(sessions: Sessions, out: list[str]) -> None:
    walked, slug = [], "third"
    with sessions.reading() as session:
        while slug:
            walked.append(slug)
            older, _ = archive.neighbours(session, archive.find(session, slug))
            assert older is None or archive.neighbours(session, older).newer.slug == slug
            slug = older.slug if older else ""
    assert walked == out[::-1]


@pytest.mark.usefixtures("out")
def test_an_issue_that_is_not_out_is_not_found(sessions: Sessions) -> None:
    with sessions.reading() as session:
        for slug in ("waiting", "nothing", "first\0"):
            with pytest.raises(NotFound, match="no such issue"):
                archive.find(session, slug)
        with pytest.raises(NotFound, match="no such issue"):
            archive.published_text(issue_store.find(session, "waiting"))


def add_issue(sessions: Sessions, links: Links, publication: str, slug: str, now: datetime) -> int:
    """Let an issue of a new publication go out; the publication's id."""
    words = {"name": "A Letter", "sender_name": "A Letter", "sender_address": "a@example.org"}
    name = f"2026-11-20-{slug}.md"
    with sessions.begin() as session:
        home = Publication(slug=publication, postal_address="1 Example Street", created_at=now, **words)
        session.add(home)
        text = issue_store.Text(issue_file.parse(SOURCE.format(slug), name), name, {})
        issue_store.save(session, home, text, issue_store.BY_FILE, now)
        issue_readiness.mark_ready(session, issue_store.find(session, slug), links)
        publish.send_now(session, LetterSettings(links), issue_store.find(session, slug), now)
        return home.id


def test_categories_are_counted_by_the_text_that_is_shown(sessions: Sessions, out: list[str], now: datetime) -> None:
    with sessions.begin() as session:
        issue = archive.find(session, out[0])
        source = issue.revision.source.replace("category: Health", "category: Rest")
        amend(session, issue, source, "Moved.", "a@example.org", now)
    with sessions.reading() as session:
        assert archive.labels(session, issue.publication_id, LabelKind.CATEGORY) == [("Health", 2), ("Rest", 1)]
        first = archive.find(session, "first")
        assert archive.related(session, first, archive.neighbours(session, first), 3) == []


def test_related_issues_are_those_that_share_the_most_tags(
    sessions: Sessions, links: Links, out: list[str], now: datetime
) -> None:
    with sessions.begin() as session:
        home = archive.find(session, out[0]).publication
        for number, tags in enumerate(("yoga, sleep", "Yoga", "SLEEP, yöga", "none", "yoga, sleep"), 1):
            slug = f"tagged-{number}"
            name = f"2026-11-20-{slug}.md"
            file = issue_file.parse(SOURCE.format(slug).replace("category: Health", f"tags: [{tags}]"), name)
            issue_store.save(session, home, issue_store.Text(file, name, {}), issue_store.BY_FILE, now)
            issue_readiness.mark_ready(session, issue_store.find(session, slug), links)
            at = now + timedelta(hours=number)
            publish.send_now(session, LetterSettings(links), issue_store.find(session, slug), at)
    with sessions.reading() as session:
        last = archive.find(session, "tagged-5")
        found = archive.related(session, last, archive.neighbours(session, last), 3)
        assert [issue.slug for issue in found] == ["tagged-3", "tagged-1", "tagged-2"]
        assert archive.related(session, archive.find(session, "tagged-4"), archive.Neighbours(None, None), 3) == []
