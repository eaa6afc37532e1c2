from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from newsletter.db import Session, Sessions
from newsletter.delivery.models import Letter, LetterState
from newsletter.editorial.issues import issue_store, listing
from newsletter.editorial.issues.listing import Criteria
from newsletter.editorial.models import Issue, IssueState, Readiness
from newsletter.editorial.schedule import queue
from newsletter.pagination import FIRST_PAGE, Page, PageRequest
from newsletter.publications import Publication

FROZEN = dict.fromkeys(
    (
        "content_hash",
        "sender_name",
        "sender_address",
        "list_id",
        "feedback_id",
        "archive_url",
        "subject",
        "html",
        "text",
    ),
    "",
)


@pytest.fixture
def home(sessions: Sessions, now: datetime) -> int:
    """A publication with five issues of each of some states."""
    with sessions.begin() as session:
        home = Publication(slug="home", name="Home", sender_name="H", sender_address="h@h.example", created_at=now)
        session.add(home)
        session.flush()
        for number in range(5):
            add(session, home, f"draft-{number}", now, readiness=Readiness.DRAFT)
            add(session, home, f"ready-{number}", now, readiness=Readiness.READY)
            for kind, state in (("scheduled", LetterState.WAITING), ("sent", LetterState.FINISHED)):
                letter = Letter(publication_id=home.id, state=state, created_at=now, **FROZEN)
                # Two of what was sent share their hour.
                letter.due_at = now + timedelta(hours=number if kind == "scheduled" else number // 2)
                add(session, home, f"{kind}-{number}", now, letter=letter)
        return home.id


def add(session: Session, home: Publication, slug: str, now: datetime, **more: Any) -> None:
    words = {"slug": slug, "file_name": f"{slug}.md", "title": slug, "subject": slug}
    session.add(Issue(publication=home, created_at=now, **words, **more))
    session.flush()


def slugs(issues: Sequence[Issue]) -> list[str]:
    return [issue.slug for issue in issues]


@pytest.mark.parametrize(
    ("state", "order"),
    [
        (IssueState.DRAFT, [0, 1, 2, 3, 4]),
        (IssueState.READY, [0, 1, 2, 3, 4]),
        (IssueState.SCHEDULED, [0, 1, 2, 3, 4]),
        (IssueState.SENT, [4, 3, 2, 1, 0]),
    ],
)
def test_the_issues_of_a_state_come_page_by_page_in_their_order_and_back(
    sessions: Sessions, home: int, state: IssueState, order: list[int]
) -> None:
    with sessions.reading() as session:

        def page(turn: PageRequest = FIRST_PAGE) -> Page[Issue]:
            return listing.page(session, session.get_one(Publication, home), Criteria(state), turn, 2)

        pages = [page()]
        while pages[-1].next:
            pages.append(page(PageRequest(**pages[-1].next)))
        assert [slug for one in pages for slug in slugs(one.rows)] == [f"{state}-{number}" for number in order]
        assert slugs(page(PageRequest(**pages[-1].previous)).rows) == slugs(pages[-2].rows)
        # One that is gone meanwhile leads to the beginning.
        assert slugs(page(PageRequest(after=99_999)).rows) == slugs(pages[0].rows)


def test_every_state_is_counted(sessions: Sessions, home: int) -> None:
    with sessions.reading() as session:
        counted = listing.count_by_state(session, session.get_one(Publication, home), Criteria())
    some = dict.fromkeys((IssueState.DRAFT, IssueState.READY, IssueState.SCHEDULED, IssueState.SENT), 5)
    assert counted == dict.fromkeys(IssueState, 0) | some


def test_of_the_issues_without_a_place_the_ready_ones_come_first_and_the_queued_ones_never(
    sessions: Sessions, home: int, now: datetime
) -> None:
    with sessions.begin() as session:
        queue.add(session, issue_store.find(session, "ready-0"), now)
    with sessions.reading() as session:
        found = slugs(listing.unscheduled(session, home, 5))
    assert found == ["ready-1", "ready-2", "ready-3", "ready-4", "draft-0", "draft-1"]
