from datetime import datetime

import pytest
from sqlalchemy import select

from newsletter import publications
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import ApprovalAct, ApprovalStep, IssueState
from newsletter.editorial.source import issue_file
from newsletter.editors import Role
from newsletter.wiring import Services
from newsletter.workflows import issue_readiness, publish
from tests import sample_services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

ISSUE = f"/desk/issues/{sample_services.WAITING}"
PAGE = f"{ISSUE}/approval"
HOSTILE = "<script>alert('x')</script>\n{{ 7 * 7 }} & \"quoted\""


@pytest.fixture(autouse=True)
def strict(services: Services) -> None:
    """The publication asks for approvals."""
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = True


def save(services: Services, author: str, now: datetime, words: str = "A word more.") -> None:
    with services.sessions.begin() as session:
        issue = issue_store.find(session, sample_services.WAITING)
        source = f"{issue.revision.source}\n{words}\n"
        pictures = issue_store.picture_names(issue.revision)
        text = issue_store.Text(issue_file.parse(source, issue.file_name), issue.file_name, pictures)
        issue_store.save(session, issue.publication, text, author, now)
        issue_readiness.mark_ready(session, issue, services.links)


def steps(services: Services) -> list[ApprovalStep]:
    with services.sessions.reading() as session:
        return list(session.scalars(select(ApprovalStep).order_by(ApprovalStep.id)))


def state(services: Services) -> IssueState:
    with services.sessions.reading() as session:
        return issue_store.state(issue_store.find(session, sample_services.WAITING))


def test_the_issue_page_leads_to_the_approval_and_offers_no_schedule_before_it(editor: Visitor) -> None:
    page = editor.open(f"{ISSUE}/")
    assert "It goes to nobody until a second person approves it." in words(page)
    assert f'href="{PAGE}"' in page.text
    assert f'action="{ISSUE}/schedule"' not in page.text
    assert "Send now" not in page.text
    editor.press(PAGE, f"{PAGE}/approve")
    page = editor.open(f"{ISSUE}/")
    assert "Approved by editor@desk.example" in words(page)
    assert f'action="{ISSUE}/schedule"' in page.text


def test_neither_the_schedule_nor_the_send_form_of_an_older_page_gets_round_it(
    editor: Visitor, services: Services
) -> None:
    for act, fields in (("schedule", {"moment": "2026-11-24T08:00:00+00:00"}), ("send", {})):
        version = hidden(editor.open(PAGE).text, f"{PAGE}/approve")["version"]
        answer = editor.client.post(f"{ISSUE}/{act}", data={"version": version, **fields})
        assert answer.status_code == 409
        assert "only after a second person has approved exactly what it says now" in words(answer)
    assert state(services) is IssueState.READY


def test_approving_and_scheduling_leads_to_a_schedule(editor: Visitor, services: Services) -> None:
    answer = editor.press(PAGE, f"{PAGE}/approve", comment=HOSTILE)
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert editor.press(f"{ISSUE}/", f"{ISSUE}/schedule").status_code == 303
    assert state(services) is IssueState.SCHEDULED
    assert [(step.act, step.person) for step in steps(services)] == [(ApprovalAct.APPROVED, "editor@desk.example")]


def test_a_hostile_comment_is_shown_as_the_words_that_it_is(editor: Visitor) -> None:
    editor.press(PAGE, f"{PAGE}/approve", comment=HOSTILE)
    page = editor.open(PAGE).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\n{{ 7 * 7 }} &amp; &#34;quoted&#34;" in page


def test_the_writer_is_told_why_they_cannot_and_asks_instead(enter: Enter, services: Services, now: datetime) -> None:
    writer = enter(Role.EDITOR)
    save(services, "editor@desk.example", now)
    page = writer.open(PAGE)
    assert "nobody approves their own words" in words(page)
    assert f'action="{PAGE}/approve"' not in page.text
    assert "Nobody on the team can approve this" in words(page)
    enter(Role.OWNER)
    fields = hidden(writer.open(PAGE).text, f"{PAGE}/ask")
    assert writer.client.post(f"{PAGE}/approve", data=fields).status_code == 409
    assert writer.client.post(f"{PAGE}/ask", data=fields | {"comment": "Please."}).status_code == 303
    assert "Asked owner@desk.example by email." in writer.read(PAGE)
    assert [mail["address"] for mail in sample_services.letters(services)] == ["owner@desk.example"]
    assert [step.act for step in steps(services)] == [ApprovalAct.ASKED]


def test_an_author_asks_and_approves_nothing(enter: Enter, services: Services) -> None:
    author = enter(Role.AUTHOR)
    enter(Role.EDITOR)
    page = author.open(PAGE)
    assert "Editors and owners approve; your role is author." in words(page)
    fields = hidden(page.text, f"{PAGE}/ask")
    for act in ("approve", "send-back", "withdraw"):
        assert author.client.post(f"{PAGE}/{act}", data=fields).status_code == 403
    assert author.client.post(f"{PAGE}/ask", data=fields).status_code == 303
    assert [step.act for step in steps(services)] == [ApprovalAct.ASKED]


def test_a_viewer_sees_it_all_and_changes_nothing(enter: Enter, services: Services, editor: Visitor) -> None:
    fields = hidden(editor.open(PAGE).text, f"{PAGE}/approve")
    viewer = enter(Role.VIEWER)
    before = sample_services.dump(services)
    page = viewer.open(PAGE)
    assert page.status_code == 200
    assert "<textarea" not in page.text
    for act in ("ask", "approve", "send-back", "withdraw"):
        assert viewer.client.post(f"{PAGE}/{act}", data=fields).status_code == 403
    assert sample_services.dump(services) == before


def test_what_changed_since_the_last_approval_is_shown_word_by_word(
    editor: Visitor, services: Services, now: datetime
) -> None:
    assert "Nobody has approved a text of this issue yet" in editor.read(PAGE)
    editor.press(PAGE, f"{PAGE}/approve")
    assert "Nothing in the text." in editor.read(PAGE)
    save(services, "owner@desk.example", now, "A most particular word.")
    page = editor.open(PAGE)
    assert "It has changed since it was approved, so it has to be approved again." in words(page)
    assert "[added: A most particular word. ]" in words(page)
    assert "<ins>" in page.text


def test_a_change_of_the_publication_alone_is_told_apart_from_one_of_the_text(
    editor: Visitor, services: Services
) -> None:
    editor.press(PAGE, f"{PAGE}/approve")
    with services.sessions.begin() as session:
        publications.find(session).postal_address = "2 New Street"
    assert "Nothing in the text. But the email has changed" in editor.read(PAGE)


@pytest.mark.parametrize("act", ["approve", "ask", "send-back"])
def test_an_edit_while_the_page_was_open_stops_the_button_on_it(
    editor: Visitor, services: Services, now: datetime, act: str
) -> None:
    fields = hidden(editor.open(PAGE).text, f"{PAGE}/{act}") | {"comment": "As I saw it."}
    save(services, "owner@desk.example", now)
    answer = editor.client.post(f"{PAGE}/{act}", data=fields)
    assert answer.status_code == 409
    assert "Nothing was done" in words(answer)
    assert steps(services) == []


@pytest.mark.parametrize("content", ["", "x", "1.", "999999999999999999999.ab", "²." + "a" * 64, "-1.b\0"])
def test_a_content_that_no_page_showed_is_refused(editor: Visitor, services: Services, content: str) -> None:
    answer = editor.press(PAGE, f"{PAGE}/approve", content=content)
    assert answer.status_code == 409
    assert steps(services) == []


def test_sending_back_without_a_word_is_asked_for_one_beside_the_field(editor: Visitor, services: Services) -> None:
    answer = editor.press(PAGE, f"{PAGE}/send-back", comment=" ")
    assert answer.status_code == 422
    assert "Say what needs fixing:" in words(answer)
    assert 'aria-invalid="true"' in answer.text
    assert steps(services) == []


def test_a_comment_that_is_too_long_stays_in_its_field(editor: Visitor, services: Services) -> None:
    answer = editor.press(PAGE, f"{PAGE}/send-back", comment="long " * 500)
    assert answer.status_code == 422
    assert "long long long" in answer.text
    assert "Please shorten the comment: it has 2,499 characters; the limit is 2,000." in words(answer)
    assert steps(services) == []


def test_what_was_sent_back_is_a_draft_with_the_comment_on_its_page(editor: Visitor, services: Services) -> None:
    editor.press(PAGE, f"{PAGE}/send-back", comment="The second source is missing.")
    assert state(services) is IssueState.DRAFT
    assert "Sent back by editor@desk.example : The second source is missing." in editor.read(f"{ISSUE}/")


def test_taking_an_approval_back_takes_the_issue_off_its_hour(editor: Visitor, services: Services) -> None:
    editor.press(PAGE, f"{PAGE}/approve")
    editor.press(f"{ISSUE}/", f"{ISSUE}/schedule")
    assert "It is then unscheduled" in editor.read(PAGE)
    assert editor.press(PAGE, f"{PAGE}/withdraw").status_code == 303
    assert "Taken back. It is not scheduled any more." in editor.read(PAGE)
    assert state(services) is IssueState.READY


def test_two_tabs_that_approve_do_it_once(editor: Visitor, services: Services) -> None:
    fields = hidden(editor.open(PAGE).text, f"{PAGE}/approve")
    codes = [editor.client.post(f"{PAGE}/approve", data=fields).status_code for _ in range(2)]
    assert codes == [303, 409]
    assert len(steps(services)) == 1


def test_an_issue_scheduled_before_the_rule_says_what_will_happen(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = False
        publish.schedule_next(
            session, services.letters, issue_store.find(session, sample_services.WAITING), now, grace=services.grace
        )
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = True
    said = editor.read(PAGE)
    assert "It was scheduled before approval was required. Unless it is approved by Tuesday" in said
    assert editor.press(PAGE, f"{PAGE}/approve").status_code == 303
    assert "Approved by" in editor.read(f"{ISSUE}/")


def test_a_publication_without_approvals_has_no_such_panel_and_says_so(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = False
    assert PAGE not in editor.open(f"{ISSUE}/").text
    answer = editor.open(PAGE)
    assert answer.status_code == 409
    assert "does not require approval" in words(answer)
