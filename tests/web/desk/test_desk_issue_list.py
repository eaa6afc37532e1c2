"""The list of issues at the desk: found by words, and marked by what they wait for."""

from datetime import datetime

from newsletter.db import Session
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import ApprovalAct, ApprovalStep, Issue
from newsletter.editorial.schedule import queue
from newsletter.wiring import Services
from tests.web.desk.visits import Visitor

LIST = "/desk/issues/"


def test_a_search_finds_issues_of_every_state_and_its_states_keep_it(editor: Visitor) -> None:
    page = editor.open(f"{LIST}?q=elephant+degrees").text
    assert "No issue has all of this" in page
    page = editor.open(f"{LIST}?q=massage").text
    assert "issues found" in page
    assert f'href="{LIST}?state=ready&amp;q=massage"' in page
    ready = editor.read(f"{LIST}?state=ready&q=massage")
    assert "found" in ready
    assert "sending" not in ready.partition("Search")[2]


def test_what_is_typed_comes_back_as_text_and_what_is_not_offered_is_ignored(editor: Visitor) -> None:
    page = editor.open(f"{LIST}?q=%00<b>%27&author=<i>&month=2026-99&tag=%F0%9F%99%82&before=-1").text
    assert 'value="&lt;b&gt;&#39;"' in page
    assert "<option selected>&lt;i&gt;</option>" in page
    assert "No issue has all of this" in page


def test_an_issue_in_the_queue_and_one_that_waits_for_approval_are_marked(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as store:
        first, second = _ready(store)[:2]
        first.publication.requires_approval = True
        queue.add(store, first, now)
        queue.add(store, second, now)
        asked = {"act": ApprovalAct.ASKED, "content_hash": "", "person": "a@desk.example", "at": now}
        store.add(ApprovalStep(issue_id=second.id, revision_number=1, **asked))
    page = editor.read(LIST)
    assert f"{first.title} {first.subject} ready next in the queue" in page
    assert f"{second.title} {second.subject} ready no. 2 in the queue waits for approval" in page


def _ready(store: Session) -> list[Issue]:
    return [issue for issue in store.scalars(issue_store.listing()) if queue.is_ready(issue)]
