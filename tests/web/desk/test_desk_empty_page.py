"""The empty writing page: no issue until something is typed, then one, whose title and slug come later."""

import re

import pytest
from sqlalchemy import func, select

from newsletter.editorial.issues import issue_store, slugs
from newsletter.editorial.models import Issue, IssueState
from newsletter.editors import Role
from newsletter.errors import Conflict
from newsletter.wiring import Services
from newsletter.workflows import issue_readiness
from tests import sample_services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

NEW = "/desk/issues/new"
JSON = {"Accept": "application/json"}
TEXT = "Heat or cold for a stiff back? Both can help.\n\nIf a leg goes numb, see a doctor.\n"


@pytest.fixture
def author(enter: Enter) -> Visitor:
    return enter(Role.AUTHOR)


def count(services: Services) -> int:
    with services.sessions.reading() as session:
        return session.scalar(select(func.count()).select_from(Issue)) or 0


def saved(services: Services, slug: str) -> tuple[str, str, str, int]:
    with services.sessions.reading() as session:
        issue = issue_store.find(session, slug)
        return issue.slug, issue.title, issue.revision.source, issue.revision_number


def begin(author: Visitor, **typed: str) -> str:
    """The page of an issue begun without the script."""
    answer = author.press(NEW, NEW, **typed)
    assert answer.status_code == 303
    return answer.location


def test_to_open_the_page_or_to_save_nothing_begins_no_issue(author: Visitor, services: Services) -> None:
    before = count(services)
    pages = [author.open(NEW).text for _ in range(2)]
    tokens = {hidden(page, NEW)["page"] for page in pages}
    assert len(tokens) == 2
    assert "autofocus" in pages[0]
    answer = author.press(NEW, NEW)
    assert answer.status_code == 400
    assert "There is nothing to save yet. Write something first." in words(answer)
    assert count(services) == before


def test_a_text_alone_is_an_issue_that_the_lists_know_by_its_first_words(author: Visitor, services: Services) -> None:
    page = begin(author, body=TEXT)
    slug, title, source, _ = saved(services, page.split("/")[-2])
    assert re.fullmatch("draft-[0-9a-f]{16}", slug)
    assert title == "Untitled: Heat or cold for a stiff back? Both can…"
    assert source.endswith(TEXT)
    assert "slug" not in source
    assert title in author.read("/desk/issues/")
    assert "Proposed from the text: Heat or cold for a stiff back? Use it as the title" in author.read(page)


def test_one_page_that_is_sent_twice_begins_one_issue_and_keeps_both_texts(author: Visitor, services: Services) -> None:
    before = count(services)
    form = hidden(author.open(NEW).text, NEW) | {"body": TEXT}
    begun = [author.client.post(NEW, data=form, headers=JSON).json for _ in range(2)]
    assert begun[0]
    assert begun[0] == begun[1]
    later = author.client.post(NEW, data=form | {"body": f"{TEXT}More.\n"})
    assert later.location == begun[0]["page"]
    assert count(services) == before + 1
    assert saved(services, begun[0]["page"].split("/")[-2])[2].endswith("More.\n")
    again = author.open(f"{NEW}?page={form['page']}")
    assert (again.status_code, again.location) == (303, begun[0]["page"])


@pytest.mark.parametrize("later", [{}, {"title": "Heat or cold"}, {"title": "Another", "slug": "another"}])
def test_a_page_that_was_saved_while_it_is_saved_again_is_one_issue(
    author: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch, later: dict[str, str]
) -> None:
    form = hidden(author.open(NEW).text, NEW) | {"body": TEXT}
    begun = author.client.post(NEW, data=form, headers=JSON).json
    before, find, answers = count(services), slugs.find_issue, [None]
    # As PostgreSQL answers before the other transaction has committed.
    monkeypatch.setattr(slugs, "find_issue", lambda *asked: answers.pop() if answers else find(*asked))
    assert author.client.post(NEW, data=form | later, headers=JSON).json == begun
    assert not answers
    assert count(services) == before


def test_two_pages_are_two_issues(author: Visitor, services: Services) -> None:
    before = count(services)
    assert begin(author, body=TEXT) != begin(author, body=TEXT)
    assert count(services) == before + 2


@pytest.mark.parametrize("token", ["", "../x", "<b>", "0" * 500, "0123456789ABCDEF", sample_services.WAITING])
def test_an_altered_token_leads_to_no_other_issue(author: Visitor, services: Services, token: str) -> None:
    before = saved(services, sample_services.WAITING)
    assert author.open(f"{NEW}?page={token}").status_code == 200
    form = hidden(author.open(NEW).text, NEW) | {"page": token, "body": TEXT}
    assert author.client.post(NEW, data=form).status_code == 303
    assert saved(services, sample_services.WAITING) == before


def test_what_cannot_be_a_revision_yet_is_a_draft_of_an_issue_and_not_lost(author: Visitor) -> None:
    form = hidden(author.open(NEW).text, NEW) | {"body": "Dear {{ surname }}", "title": "x" * 500}
    answer = author.client.post(NEW, data=form)
    assert answer.status_code == 422
    assert "Dear {{ surname }}" in words(answer)
    assert "Title has 500 characters; the limit is 200." in words(answer)
    # The page of the issue has it, too.
    assert "Dear {{ surname }}" in author.read(author.open(f"{NEW}?page={form['page']}").location)


def test_title_and_subject_are_asked_before_it_is_ready_and_taken_as_proposed_with_one_press(
    author: Visitor, services: Services
) -> None:
    page = begin(author, body=TEXT)
    issue = page.removesuffix("write")
    told = author.read(issue)
    assert "It still needs a title and a subject." in told
    with services.sessions.begin() as session, pytest.raises(Conflict, match="the title is missing; write the title,"):
        issue_readiness.mark_ready(session, issue_store.find(session, page.split("/")[-2]), services.links)
    for name in ("title", "subject"):
        typed = hidden(author.open(page).text, page) | typed_in(author, page) | {"take": name}
        assert author.client.post(page, data=typed).location == page
    assert author.press(issue, f"{issue}readiness", readiness="ready").location == (
        "/desk/issues/heat-or-cold-for-a-stiff-back/"
    )
    with services.sessions.reading() as session:
        ready = issue_store.find(session, "heat-or-cold-for-a-stiff-back")
        assert (ready.subject, issue_store.state(ready)) == ("Heat or cold for a stiff back?", IssueState.READY)
        assert ready.file_name.endswith("-heat-or-cold-for-a-stiff-back.md")
        # A bookmark of before still leads there, at the desk.
        assert issue_store.find(session, page.split("/")[-2]) is ready
    assert "Heat or cold for a stiff back?" in author.read(issue)


def test_a_proposal_never_replaces_what_was_typed(author: Visitor, services: Services) -> None:
    page = begin(author, body=TEXT, title="My own")
    typed = hidden(author.open(page).text, page) | typed_in(author, page) | {"take": "title"}
    author.client.post(page, data=typed)
    assert saved(services, page.split("/")[-2])[1] == "My own"


def test_a_slug_that_was_typed_stays_and_a_provisional_one_follows_the_title_only_once(
    author: Visitor, services: Services
) -> None:
    own = begin(author, body=TEXT, title="One", subject="The first of the two", slug="by-hand")
    author.press(own.removesuffix("write"), f"{own.removesuffix('write')}readiness", readiness="ready")
    assert saved(services, "by-hand")[0] == "by-hand"
    page = begin(author, body=TEXT, title="Two", subject="The second of the two")
    issue = page.removesuffix("write")
    open_before = hidden(author.open(page).text, page) | typed_in(author, page)
    author.press(issue, f"{issue}readiness", readiness="ready")
    assert saved(services, "two")[0] == "two"
    # A window that was open before it was ready goes on, and the slug stays.
    assert author.client.post(page, data=open_before | {"title": "Three"}).location == "/desk/issues/two/write"
    author.press(issue, f"{issue}readiness", readiness="ready")
    assert saved(services, "two")[:2] == ("two", "Three")


def test_an_ended_session_gives_the_text_back(author: Visitor, services: Services) -> None:
    form = hidden(author.open(NEW).text, NEW) | {"body": TEXT}
    before = count(services)
    author.client.post("/desk/sign-out")
    assert author.client.post(NEW, data=form, headers=JSON).status_code == 401
    assert "Heat or cold for a stiff back?" in words(author.client.post(NEW, data=form))
    assert count(services) == before


def typed_in(author: Visitor, page: str) -> dict[str, str]:
    """The text and the fields as a page shows them."""
    shown = author.open(page).text
    body = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", shown, re.DOTALL)
    assert body
    fields = re.findall(r'<input class="form-control" id="(title|subject|preheader|slug)"[^>]* value="([^"]*)"', shown)
    return dict(fields) | {"body": body[1]}
