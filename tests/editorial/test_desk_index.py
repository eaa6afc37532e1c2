"""What the desk finds issues by: words, month, author and tag of the newest revision."""

from datetime import UTC, datetime

import pytest

from newsletter.db import Session, Sessions
from newsletter.editorial.issues import desk_index, issue_store, listing
from newsletter.editorial.issues.indexing import LabelKind
from newsletter.editorial.issues.issue_store import Text
from newsletter.editorial.issues.listing import Criteria
from newsletter.editorial.models import IssueState
from newsletter.editorial.source import issue_file
from newsletter.publications import Publication

FILE = """---
title: {title}
subject: About {title}, in short
preheader: What this letter has to say, in one line
{more}---

{body}
"""


@pytest.fixture
def home(sessions: Sessions) -> int:
    """A publication in Auckland with three issues."""
    made = datetime(2026, 11, 30, 10, 30, tzinfo=UTC)
    with sessions.begin() as session:
        publication = Publication(
            slug="home", name="Home", sender_name="H", sender_address="h@h.example", created_at=made
        )
        publication.time_zone = "Pacific/Auckland"
        session.add(publication)
        session.flush()
        more = "author: Zoë Ångström\ntags: [Knees, Sport]\n"
        save(session, publication, "knee", "Kniebeugen für Anfänger", "Über das Öffnen der Hüfte, 100 %.", made, more)
        more = "author: Ada Lovelace\ntags: [sport]\n"
        save(session, publication, "walk", "Walking", "A walk a day, by https://walks.example/map.", made, more)
        save(session, publication, "rest", "Rest", "Rest is work.", datetime(2026, 11, 30, 11, 30, tzinfo=UTC))
        return publication.id


def save(
    session: Session, publication: Publication, slug: str, title: str, body: str, now: datetime, more: str = ""
) -> None:
    file = issue_file.parse(FILE.format(title=title, body=body, more=more), f"{slug}.md")
    issue_store.save(session, publication, Text(file, f"{slug}.md", {}), "ada@desk.example", now)


def found(session: Session, home: int, wanted: Criteria) -> set[str]:
    return {issue.slug for issue in listing.page(session, session.get_one(Publication, home), wanted).rows}


FOUND = [
    (Criteria(), {"knee", "walk", "rest"}),
    (Criteria(typed="KNIEBEUGEN"), {"knee"}),
    (Criteria(typed="hufte offnen"), {"knee"}),
    (Criteria(typed="letter"), {"knee", "walk", "rest"}),
    (Criteria(typed="walks example"), {"walk"}),
    (Criteria(typed="wal"), {"walk"}),
    (Criteria(typed="alk"), set()),
    (Criteria(typed="%"), {"knee", "walk", "rest"}),
    (Criteria(typed="100%_\\"), {"knee"}),
    (Criteria(typed="rest 🙂"), {"rest"}),
    (Criteria(typed="\u05e9\u05dc\u05d5\u05dd"), set()),
    (Criteria(typed="x" * 10_000), set()),
    (Criteria(author="zoe angstrom"), {"knee"}),
    (Criteria(author="nobody"), set()),
    (Criteria(tag="SPORT"), {"knee", "walk"}),
    (Criteria(tag="sport", author="Ada Lovelace"), {"walk"}),
    (Criteria(month="2026-11"), {"knee", "walk"}),
    (Criteria(month="2026-12"), {"rest"}),
    (Criteria(IssueState.DRAFT, typed="rest"), {"rest"}),
    (Criteria(IssueState.SENT, typed="rest"), set()),
]


def test_issues_are_found_by_words_month_author_and_tag(sessions: Sessions, home: int) -> None:
    with sessions.reading() as session:
        assert [(wanted, found(session, home, wanted)) for wanted, _ in FOUND] == FOUND
        counts = listing.count_by_state(session, session.get_one(Publication, home), Criteria(tag="sport"))
    assert counts == dict.fromkeys(IssueState, 0) | {IssueState.DRAFT: 2}


def test_the_choices_are_what_the_issues_have(sessions: Sessions, home: int) -> None:
    with sessions.reading() as session:
        # A month begins at midnight on the publication's clocks.
        assert listing.months(session, session.get_one(Publication, home)) == ["2026-12", "2026-11"]
        assert desk_index.label_names(session, home, LabelKind.AUTHOR) == ["Ada Lovelace", "Zoë Ångström"]
        assert [tag.lower() for tag in desk_index.label_names(session, home, LabelKind.TAG)] == ["knees", "sport"]


def test_a_new_revision_is_found_by_its_own_words_only(sessions: Sessions, home: int, now: datetime) -> None:
    with sessions.begin() as session:
        save(session, session.get_one(Publication, home), "rest", "Sleep", "Sleep is work.", now, "tags: [Night]\n")
    with sessions.reading() as session:
        assert found(session, home, Criteria(typed="rest")) == set()
        assert found(session, home, Criteria(typed="sleep")) == found(session, home, Criteria(tag="night")) == {"rest"}
