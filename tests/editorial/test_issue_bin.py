"""The bin: a deleted issue comes back whole for 30 days."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Rule
from newsletter.db import Base, Session, Sessions
from newsletter.editorial.issues import issue_bin, issue_store, listing, slugs
from newsletter.editorial.issues.issue_store import Text
from newsletter.editorial.issues.listing import Criteria
from newsletter.editorial.models import AttachedPicture, Draft, Issue, Picture, Revision
from newsletter.editorial.source import issue_file
from newsletter.errors import Conflict, NotFound
from newsletter.publications import Publication
from newsletter.workflows import build_letter, choose_segment

RULE = Rule()

FILE = (
    "---\ntitle: {title}\nsubject: About {title}, in short\npreheader: One line of it\ntags: [Knees]\n---\n\n{body}\n"
)


@pytest.fixture
def home(sessions: Sessions, now: datetime) -> int:
    """A publication with an issue of two revisions, an unsaved text and a picture."""
    with sessions.begin() as session:
        publication = Publication(
            slug="home", name="Home", sender_name="H", sender_address="h@h.example", created_at=now
        )
        session.add(publication)
        session.add(Picture(file_name="a.png", width=1, height=1, size=1, created_at=now))
        session.flush()
        save(session, publication, "Hips", now, {"hip.png": "a.png"})
        save(session, publication, "Hips and knees", now + timedelta(hours=1), {})
        issue = issue_store.find(session, "hips")
        times = {"began_at": now, "kept_at": now}
        session.add(Draft(issue_id=issue.id, editor="eve@desk.example", base_number=2, number=1, source="…", **times))
        session.add(AttachedPicture(issue_id=issue.id, name="hip.png", file_name="a.png"))
        return publication.id


def save(session: Session, publication: Publication, title: str, now: datetime, pictures: Mapping[str, str]) -> None:
    file = issue_file.parse(FILE.format(title=title, body="A text. " * 3), "2026-11-24-hips.md")
    issue_store.save(session, publication, Text(file, "2026-11-24-hips.md", pictures), "ada@desk.example", now)


def test_a_restored_issue_never_goes_to_a_segment_that_was_made_after_its_own_was_deleted(
    sessions: Sessions, home: int, now: datetime
) -> None:
    with sessions.begin() as session:
        publication = session.get_one(Publication, home)
        own = segments.save(session, publication, "Vienna", RULE, now)
        issue_store.find(session, "hips").segment_id = own.id
        deleted = issue_bin.discard(session, issue_store.find(session, "hips"), "ada@desk.example", now).id
        choose_segment.delete_segment(session, own)
    with sessions.begin() as session:
        segments.save(session, session.get_one(Publication, home), "Graz", RULE, now)
        restored = issue_bin.restore_issue(session, home, deleted)
        with pytest.raises(NotFound):
            build_letter.segment_of(restored)


def test_a_form_for_an_issue_that_was_restored_is_never_about_another_in_the_bin(
    sessions: Sessions, home: int, now: datetime
) -> None:
    with sessions.begin() as session:
        shown = issue_bin.discard(session, issue_store.find(session, "hips"), "ada@desk.example", now).id
        restored = issue_bin.restore_issue(session, home, shown)
        issue_bin.discard(session, restored, "ada@desk.example", now)
    with sessions.begin() as session, pytest.raises(NotFound):
        issue_bin.delete_for_good(session, home, shown)


def test_a_restored_issue_is_found_under_the_slugs_that_it_had(sessions: Sessions, home: int, now: datetime) -> None:
    with sessions.begin() as session:
        issue = issue_store.find(session, "hips")
        for slug in ("hip", "joints", "hips-again"):
            slugs.rename(session, issue, slug)
        deleted = issue_bin.discard(session, issue, "ada@desk.example", now).id
    with sessions.begin() as session:
        other = Issue(publication_id=home, slug="other", file_name="other.md", title="", subject="", created_at=now)
        other.revision_number = 1
        session.add(other)
        session.flush()
        slugs.claim(session, other, "hip")
        issue_bin.restore_issue(session, home, deleted)
    with sessions.reading() as session:
        found = [slugs.find_issue(session, slug) for slug in ("hips", "joints", "hips-again", "hip")]
        assert [one and one.slug for one in found] == ["hips-again"] * 3 + ["other"]


def everything(session: Session) -> dict[str, list[dict[str, Any]]]:
    """All that the tables hold of issues, without the numbers of revisions' rows."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table in (Issue, Revision, Draft, AttachedPicture):
        rows = session.scalars(_ordered(table)).all()
        found[table.__tablename__] = [
            {name: getattr(row, name) for name in set(table.__table__.columns.keys()) - {"id"}} for row in rows
        ]
    found["names"] = [issue_store.picture_names(one) for one in session.scalars(_ordered(Revision))]
    return found


def _ordered(table: type[Base]) -> Any:
    return select(table).order_by(*table.__table__.primary_key.columns)


def discard(sessions: Sessions, at: datetime) -> int:
    with sessions.begin() as session:
        return issue_bin.discard(session, issue_store.find(session, "hips"), "eve@desk.example", at).id


def test_a_restored_issue_is_as_it_was_and_is_found_again(sessions: Sessions, home: int, now: datetime) -> None:
    with sessions.reading() as session:
        before, issue_id = everything(session), issue_store.find(session, "hips").id
    deleted_id = discard(sessions, now)
    with sessions.reading() as session:
        assert not any(everything(session).values())
        assert [one.title for one in issue_bin.deleted_issues(session, home)] == ["Hips and knees"]
    with sessions.begin() as session:
        assert issue_bin.restore_issue(session, home, deleted_id).id == issue_id
    with sessions.reading() as session:
        assert everything(session) == before
        assert issue_bin.count_deleted(session, home) == 0
        found = listing.page(session, session.get_one(Publication, home), Criteria(typed="knees", tag="knees"))
        assert [issue.slug for issue in found.rows] == ["hips"]


def test_a_slug_or_an_id_that_was_taken_meanwhile_is_not_taken_back(
    sessions: Sessions, home: int, now: datetime
) -> None:
    deleted_id = discard(sessions, now)
    with sessions.begin() as session:
        save(session, session.get_one(Publication, home), "Hips, another text", now, {})
        taken = issue_store.find(session, "hips").id
    with sessions.begin() as session, pytest.raises(Conflict, match="another issue “hips”"):
        issue_bin.restore_issue(session, home, deleted_id)
    with sessions.begin() as session:
        issue_store.find(session, "hips").slug = "hips-2"
        session.flush()
        restored = issue_bin.restore_issue(session, home, deleted_id)
        assert (restored.title, restored.id == taken) == ("Hips and knees", False)


def test_the_bin_forgets_after_thirty_days_and_shows_nothing_to_another_publication(
    sessions: Sessions, home: int, now: datetime
) -> None:
    deleted_id = discard(sessions, now)
    with sessions.begin() as session:
        assert issue_bin.prune(session, now + timedelta(days=30)) == 0
        with pytest.raises(NotFound):
            issue_bin.find(session, home + 1, deleted_id)
        assert issue_bin.prune(session, now + timedelta(days=30, seconds=1)) == 1
        assert issue_bin.prune(session, now + timedelta(days=31)) == 0
        with pytest.raises(NotFound, match="no longer in the bin"):
            issue_bin.restore_issue(session, home, deleted_id)
