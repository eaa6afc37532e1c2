"""What somebody has chosen on a page, by a search, a filter, a page or a view, stays chosen after a form on it."""

import html
import re
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.test import TestResponse

from newsletter.audience.models import Subscriber
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Rule
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause
from newsletter.delivery.workers.context import WorkerContext
from newsletter.publications import find
from newsletter.web.desk.issue import comments as comments_view
from newsletter.wiring import Services
from newsletter.workflows import tend_signups
from tests.confirmations import send_confirmations
from tests.sample_services import WAITING
from tests.web.desk.test_desk_comments import PAGE as COMMENTS
from tests.web.desk.test_desk_comments import write_comment
from tests.web.desk.test_desk_imported import LIST as IMPORTED
from tests.web.desk.test_desk_imported import add_old
from tests.web.desk.visits import Visitor, hidden, words

ISSUE = f"/desk/issues/{WAITING}/"
SUPPRESSED = "/desk/readers/suppressed/"


def submit(visitor: Visitor, page: str, action: str, **fields: str) -> TestResponse:
    """Send the form that a page shows for an action, to the whole address that the form names."""
    shown = visitor.open(page).text
    found = re.search(rf'action="({re.escape(action)}(?:\?[^"]*)?)"', shown)
    assert found, action
    return visitor.client.post(html.unescape(found[1]), data=hidden(shown, action) | fields)


def place(address: str) -> tuple[str, dict[str, str]]:
    """The page and what is chosen on it."""
    split = urlsplit(address)
    return split.path, dict(parse_qsl(split.query))


@pytest.fixture
def suppressed(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        suppression.add(session, "ada@gone.example", Cause.DESK, now, "asked by phone")
        suppression.add(session, "ben@upset.example", Cause.COMPLAINT, now)


@pytest.mark.usefixtures("suppressed")
def test_suppressed_addresses_stay_searched_and_filtered_after_each_act(editor: Visitor) -> None:
    page = f"{SUPPRESSED}?q=gone&cause=desk"
    refused = submit(editor, page, f"{SUPPRESSED}add", email="no address", reason="asked")
    assert refused.status_code == 422
    assert "ada@gone.example" in words(refused)
    assert "ben@upset.example" not in words(refused)
    added = submit(editor, page, f"{SUPPRESSED}add", email="cy@gone.example", reason="asked")
    assert place(added.location) == place(page)
    assert place(submit(editor, page, f"{SUPPRESSED}lift", reason="asked").location) == place(page)


def test_readers_stay_searched_when_sign_ups_are_let_through(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        send_confirmations(session, now, sent=20, returned=6)
    tend_signups.watch(services.sessions, services.audience, WorkerContext("tested", lambda: now))
    page = "/desk/readers/?q=a+b&status=pending"
    assert place(submit(editor, page, "/desk/readers/sign-ups").location) == place(page)


@pytest.fixture
def pages_of_comments(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three comments wait, each on a page of its own; the pages' addresses."""
    monkeypatch.setattr(comments_view, "_A_PAGE", 1)
    ids = [write_comment(services, name) for name in ("Ada", "Bob", "Cleo")]
    return [f"{COMMENTS}?state=waiting", *(f"{COMMENTS}?state=waiting&before={one}" for one in reversed(ids[1:]))]


def test_a_decision_and_its_undoing_lead_back_to_the_page_of_comments(
    editor: Visitor, pages_of_comments: list[str]
) -> None:
    page = pages_of_comments[1]
    decided = submit(editor, page, COMMENTS, do="approve", comment="2")
    assert place(decided.location) == place(page)
    undone = submit(editor, decided.location, COMMENTS)
    assert place(undone.location) == place(page)
    assert "of Bob , waiting" in editor.read(undone.location)


def test_a_reply_that_is_refused_stays_on_the_page_of_its_comment(
    editor: Visitor, pages_of_comments: list[str]
) -> None:
    page, text = pages_of_comments[2], "y" * 10_000
    refused = submit(editor, page, f"{COMMENTS}1/reply", text=text)
    assert refused.status_code == 422
    assert text in refused.text
    assert place(submit(editor, page, f"{COMMENTS}1/reply", text="Thank you.").location) == place(page)


def test_chosen_issues_are_changed_on_the_page_of_the_list_that_they_are_on(editor: Visitor) -> None:
    page = "/desk/issues/?q=a&state=ready&before=99999"
    answer = submit(editor, page, "/desk/issues/", do="ready", issue="no-such-issue 1")
    assert place(answer.location) == place(page)


def test_imported_issues_are_published_from_their_page_of_the_list(editor: Visitor, services: Services) -> None:
    add_old(services, "one")
    asked = hidden(editor.open(f"{IMPORTED}?before=99999").text, f"{IMPORTED}/publish")
    question = f"{IMPORTED}/publish?before={asked['before']}&issue=one"
    shown = editor.open(question).text
    assert f'href="{IMPORTED}?before=99999">Not now' in shown
    answer = editor.client.post(question, data=hidden(shown) | {"issue": "one"})
    assert place(answer.location) == place(f"{IMPORTED}?before=99999")


def test_an_archive_that_is_refused_leaves_the_list_as_it_was(editor: Visitor, services: Services) -> None:
    add_old(services, "one")
    refused = submit(editor, f"{IMPORTED}?state=published", IMPORTED)
    assert refused.status_code == 422
    assert f'href="{IMPORTED}?state=published" aria-current="page"' in refused.text


def test_a_time_that_was_typed_stays_when_the_issue_is_to_go_to_a_segment(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        segments.save(session, find(session), "Friends", Rule(), now)
    page = f"{ISSUE}schedule?at=2026-11-24T09:00"
    assert place(submit(editor, page, f"{ISSUE}segment", segment="1").location) == place(page)


def test_the_view_of_an_email_stays_while_it_is_written_and_decided_about(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        find(session).requires_approval = True
    page = f"{ISSUE}approval?view=dark"
    assert 'class="sheet sheet-dark"' in submit(editor, page, f"{ISSUE}approval/send-back", comment=" ").text
    assert place(submit(editor, page, f"{ISSUE}approval/approve").location) == place(page)
    write = f"{ISSUE}write?view=dark"
    assert f'action="{write}"' in editor.open(write).text
    assert editor.client.post(f"{ISSUE}write/discard?view=dark").location == write


def test_a_reader_who_was_found_for_a_test_email_is_still_found_after_a_refusal(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        person = Subscriber(email="zofia@reader.example", key="zofia@reader.example", name="Zofia", created_at=now)
        session.add(person)
    # A script replaces this part of the form by the one that was searched for.
    found = editor.open(f"{ISSUE}test?q=zofia").text.partition('id="samples"')[2].partition("</fieldset>")[0]
    assert '<input type="hidden" name="q" value="zofia">' in found
