"""The list of issues at the desk: found by words, and marked by what they wait for."""

from datetime import datetime

from sqlalchemy import select

from newsletter.audit import AuditEntry
from newsletter.db import Session
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import ApprovalAct, ApprovalStep, Issue
from newsletter.editorial.schedule import queue
from newsletter.editors import Role
from newsletter.web.desk import lookup
from newsletter.wiring import Services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden

LIST = "/desk/issues/"
CHANGED = select(AuditEntry).where(AuditEntry.act == "changed one of several chosen issues").order_by(AuditEntry.id)


def test_a_search_finds_issues_of_every_state_and_its_states_keep_it(editor: Visitor) -> None:
    page = editor.open(f"{LIST}?q=elephant+degrees").text
    assert "No issue matches all of this" in page
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
    assert "No issue matches all of this" in page


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


def test_what_cannot_be_done_with_one_of_the_chosen_is_said_and_the_others_are_done(
    editor: Visitor, enter: Enter, services: Services
) -> None:
    with services.sessions.reading() as store:
        chosen = {issue.slug: f"{issue.slug} {lookup.version(issue)}" for issue in store.scalars(issue_store.listing())}
        ready = [issue.slug for issue in _ready(store)]
        sending = next(issue for issue in store.scalars(issue_store.listing()) if issue.letter)
    picked = [chosen[ready[0]], chosen[sending.slug], f"{ready[1]} 0.0.ready", "no-such-issue 1.0.draft"]
    page = f"{LIST}?state=ready"
    fields = hidden(editor.open(page).text, page) | {"do": "delete", "issue": picked}
    answer = editor.client.post(page, data=fields)
    assert answer.location == page
    said = editor.read(page)
    assert "1 issue moved to the bin for 30 days." in said
    assert "or was scheduled once, so it is kept as a record" in said
    assert "has changed since this page was opened" in said
    assert "There is no issue “no-such-issue”" in said
    with services.sessions.reading() as store:
        assert {issue.slug for issue in store.scalars(issue_store.listing())} == set(chosen) - {ready[0]}
        acts = store.scalars(CHANGED).all()
    assert [act.details for act in acts] == [{"slug": ready[0], "act": "delete"}]
    assert editor.client.post(page, data=fields | {"issue": []}).status_code == 400
    author = enter(Role.AUTHOR)
    assert author.client.post(page, data=fields).status_code == 403
    assert 'name="issue"' not in author.open(page).text


def test_chosen_issues_become_ready_or_drafts_and_join_the_queue_each_with_its_own_record(
    editor: Visitor, services: Services
) -> None:
    with services.sessions.reading() as store:
        picked = [f"{issue.slug} {lookup.version(issue)}" for issue in _ready(store)]
    fields = hidden(editor.open(LIST).text, LIST) | {"do": "queue", "issue": picked}
    editor.client.post(LIST, data=fields)
    assert f"{len(picked)} issues added to the queue." in editor.read(LIST)
    editor.client.post(LIST, data=fields | {"do": "draft"})
    assert f"{len(picked)} issues marked as draft." in editor.read(LIST)
    with services.sessions.reading() as store:
        acts = store.scalars(CHANGED).all()
    assert [act.details["act"] for act in acts] == ["queue"] * len(picked) + ["draft"] * len(picked)
    assert len({act.about for act in acts}) == len(picked)
