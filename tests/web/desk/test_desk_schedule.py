import html
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from flask import Flask
from sqlalchemy import update

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.delivery.models import Letter
from newsletter.delivery.reports import stats
from newsletter.delivery.smtp.outage import UnreachableServer
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue, IssueState
from newsletter.editors import Role
from newsletter.publications import first
from newsletter.wiring import Services
from newsletter.workflows import publish
from tests.sample_services import WAITING, Clock
from tests.web.desk.conftest import Enter, visitor
from tests.web.desk.visits import Visitor, hidden, words

Looked = TypeVar("Looked")
PAGE = f"/desk/issues/{WAITING}/"
SCHEDULE = f"/desk/issues/{WAITING}/schedule"
SEND = f"/desk/issues/{WAITING}/send"
CANCEL = f"/desk/issues/{WAITING}/cancel"
TUESDAY = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def readers(services: Services, now: datetime) -> None:
    """Three confirmed readers."""
    with services.sessions.begin() as session:
        for name in ("ada", "bo", "cy"):
            person = Subscriber(email=f"{name}@example.org", key=f"{name}@example.org", created_at=now)
            tie = Subscription(publication=first(session), status=Status.ACTIVE, created_at=now, confirmed_at=now)
            person.subscriptions.append(tie)
            session.add(person)


def test_the_page_says_what_will_happen_and_the_button_names_the_act(editor: Visitor) -> None:
    page = editor.read(PAGE)
    assert "On Tuesday 24 November 2026 at 09:00 (Europe/Warsaw) this goes to 3 readers." in page
    assert "Schedule for Tuesday 24 November 2026 at 09:00" in page


def test_one_press_schedules_for_the_next_free_slot(editor: Visitor, services: Services) -> None:
    assert editor.press(PAGE, SCHEDULE).location == PAGE
    assert letter(services).due_at == TUESDAY
    page = editor.read(PAGE)
    assert "Scheduled for Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)." in page
    assert "Tuesday 24 November 09:00 Looser by degrees scheduled 3 readers" in editor.read("/desk/settings/")


def test_a_slot_that_is_taken_is_not_offered_again(editor: Visitor) -> None:
    editor.press(PAGE, SCHEDULE)
    assert "Schedule for Tuesday 1 December 2026 at 09:00" in editor.read("/desk/issues/break-the-circle/")


def test_a_moment_of_ones_own_is_shown_before_it_is_taken(editor: Visitor, services: Services) -> None:
    shown = f"{SCHEDULE}?at=2026-11-25T10:30"
    assert "On Wednesday 25 November 2026 at 10:30 (Europe/Warsaw) this goes to 3" in editor.read(shown)
    assert state(services) is IssueState.READY
    assert editor.press(shown).location == PAGE
    assert letter(services).due_at == datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            "2026-11-20T12:59",
            "Friday 20 November 2026 at 12:59 (Europe/Warsaw) has passed. Choose a time in the future.",
        ),
        ("2027-03-28T02:30", "go forward and skip 02:30. Choose 03:30, or another time."),
        ("next <week>", "Give a day and a time, like 2026-11-24 09:00."),
    ],
)
def test_a_moment_that_cannot_be_is_answered_beside_the_field_and_stays_typed(
    editor: Visitor, typed: str, sentence: str
) -> None:
    answer = editor.client.get(SCHEDULE, query_string={"at": typed})
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert f'value="{typed.replace("<", "&lt;").replace(">", "&gt;")}"' in answer.text
    assert 'aria-describedby="at-fault at-hint"' in answer.text
    assert "Schedule for" not in words(answer)


def test_a_page_that_was_open_past_its_moment_schedules_nothing(
    editor: Visitor, services: Services, clock: Clock
) -> None:
    fields = hidden(editor.open(PAGE).text, SCHEDULE)
    clock.turn(days=5)
    answer = editor.client.post(SCHEDULE, data=fields)
    assert answer.status_code == 400
    assert "has passed" in words(answer)
    assert state(services) is IssueState.READY


@pytest.mark.parametrize("form", [{}, {"version": "1.0.ready"}, {"version": "1.0.ready", "moment": "soon"}])
def test_a_form_that_is_not_whole_schedules_nothing(editor: Visitor, services: Services, form: dict[str, str]) -> None:
    assert editor.client.post(SCHEDULE, data=form).status_code in {400, 409}
    assert state(services) is IssueState.READY


def test_a_page_from_before_a_change_does_nothing(editor: Visitor, services: Services, now: datetime) -> None:
    fields = hidden(editor.open(PAGE).text, SCHEDULE)
    rewrite(services, "Looser by degrees", "Looser, by degrees", now)
    answer = editor.client.post(SCHEDULE, data=fields)
    assert answer.status_code == 409
    assert "it is now a draft, revision 2. Nothing was done." in words(answer)
    assert PAGE in answer.text
    assert state(services) is IssueState.DRAFT


def test_of_two_editors_who_schedule_one_issue_at_once_one_wins(
    app: Flask, editor: Visitor, services: Services
) -> None:
    fields = hidden(editor.open(PAGE).text, SCHEDULE)
    colleague = visitor(app)
    colleague.sign_in("editor@desk.example")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: one.client.post(SCHEDULE, data=fields), (editor, colleague)))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert "Nothing was done" in words(next(answer for answer in answers if answer.status_code == 409))
    assert letter(services).due_at == TUESDAY


def test_an_issue_that_preflight_blocks_offers_no_button_and_takes_no_form(
    editor: Visitor, services: Services, now: datetime
) -> None:
    rewrite(services, "\n## ", "\nTODO\n\n## ", now)
    page = editor.read(PAGE)
    assert "It cannot go out yet: preflight found 1 problem that blocks it." in page
    assert "A placeholder is left in the text. Line" in page
    assert "Schedule for" not in page
    form = {"version": "2.0.draft", "moment": TUESDAY.isoformat()}
    assert editor.client.post(SCHEDULE, data=form).status_code == 409
    assert editor.client.post(f"{PAGE}readiness", data={**form, "readiness": "ready"}).status_code == 409
    for path in (SEND, SCHEDULE):
        answer = editor.open(path)
        assert (answer.status_code, "a placeholder is left" in words(answer)) == (409, True)
    assert state(services) is IssueState.DRAFT


def test_cancelling_says_first_what_it_does_and_gives_the_slot_back(editor: Visitor, services: Services) -> None:
    editor.press(PAGE, SCHEDULE)
    assert "will not go out on Tuesday 24 November 2026 at 09:00" in editor.read(CANCEL)
    assert state(services) is IssueState.SCHEDULED
    assert editor.press(CANCEL).location == PAGE
    assert state(services) is IssueState.CANCELLED
    assert "Schedule for Tuesday 24 November 2026 at 09:00" in editor.read(PAGE)
    assert editor.press(PAGE, SCHEDULE).status_code == 303


def test_sending_now_asks_first_then_starts(editor: Visitor, services: Services) -> None:
    assert "Send to 3 readers now" in editor.read(SEND)
    assert editor.press(SEND).location == PAGE
    assert state(services) is IssueState.SENDING
    page = editor.read(PAGE)
    assert "On its way to 3 readers." in page
    assert "Sent 0 Waiting 3 Audience 3" in page


def test_a_second_press_of_send_meets_a_conflict(editor: Visitor, services: Services) -> None:
    fields = hidden(editor.open(SEND).text)
    codes = [editor.client.post(SEND, data=fields).status_code for _ in range(2)]
    assert codes == [303, 409]
    assert counts(services) == 3


def test_an_issue_on_its_way_can_pause_resume_and_stop(editor: Visitor, services: Services) -> None:
    editor.press(SEND)
    editor.press(PAGE, f"{PAGE}pause")
    assert "It is paused: 3 copies are waiting." in editor.read(PAGE)
    editor.press(PAGE, f"{PAGE}resume")
    assert state(services) is IssueState.SENDING
    assert "As things stand, 3 copies will not be sent: those still waiting when you click." in editor.read(CANCEL)
    editor.press(CANCEL)
    assert "Stopped. 3 copies will not be sent." in editor.read(PAGE)
    assert "cannot be scheduled again" in editor.read(PAGE)
    assert editor.open(SEND).status_code == 409


def test_an_issue_that_missed_its_hour_says_so_on_every_page(editor: Visitor, services: Services, clock: Clock) -> None:
    editor.press(PAGE, SCHEDULE)
    clock.turn(days=5)
    with services.sessions.begin() as session:
        publish.publish_due(session, timedelta(hours=2), clock())
    assert "Looser by degrees held It needs you." in editor.read("/desk/readers/")
    assert "It goes to nobody until you decide." in editor.read(PAGE)
    assert editor.press(SEND).status_code == 303
    assert state(services) is IssueState.SENDING


def test_progress_is_a_part_of_the_page_until_the_state_changes(editor: Visitor) -> None:
    editor.press(SEND)
    part = editor.open(f"{PAGE}progress?state=sending")
    assert "Sent 0 Waiting 3 Audience 3" in words(part)
    assert "No worker is running, so nothing goes out." in words(part)
    assert editor.open(f"{PAGE}progress?state=scheduled").headers["HX-Refresh"] == "true"


def test_the_mail_server_that_an_issue_waits_for_is_named_on_its_page(
    editor: Visitor, services: Services, clock: Clock
) -> None:
    away = UnreachableServer(
        "mail.example.org:587", clock() - timedelta(minutes=9), "554 <ada@reader.example> is not welcome"
    )
    with services.sessions.begin() as session:
        heartbeat.beat(session, "w", clock(), {MailKind.ISSUES: away})
    assert "has accepted no mail" not in editor.read(PAGE)
    editor.press(SEND)
    told = "mail.example.org:587 has accepted no mail since"
    for page in (PAGE, f"{PAGE}progress?state=sending", PAGE.replace("issues", "reports")):
        shown = words(editor.open(page))
        assert told in shown
        assert (
            "554 <ada@reader.example> is not welcome . It is tried again automatically; waiting copies are not lost."
            in shown
        )
    with services.sessions.begin() as session:
        heartbeat.beat(session, "w", clock())
    assert told not in words(editor.open(PAGE.replace("issues", "reports")))


def test_an_author_says_when_an_issue_is_ready_and_cannot_schedule_it(enter: Enter, services: Services) -> None:
    author = enter(Role.AUTHOR)
    page = author.read(PAGE)
    assert "Editors and owners schedule; your role is author." in page
    assert "Schedule for" not in page
    author.press(PAGE, f"{PAGE}readiness", readiness="draft")
    assert state(services) is IssueState.DRAFT
    author.press(PAGE, f"{PAGE}readiness", readiness="ready")
    assert state(services) is IssueState.READY


def test_a_draft_offers_no_button_to_schedule_and_takes_no_form(editor: Visitor, services: Services) -> None:
    editor.press(PAGE, f"{PAGE}readiness", readiness="draft")
    page = editor.read(PAGE)
    assert "It is a draft, and goes to nobody until someone marks it as ready." in page
    assert "Schedule for" not in page
    assert "Send now" not in page
    form = {"version": "1.0.draft", "moment": TUESDAY.isoformat()}
    refusals = [
        editor.open(SEND),
        editor.open(SCHEDULE),
        *(editor.client.post(to, data=form) for to in (SEND, SCHEDULE)),
    ]
    assert [answer.status_code for answer in refusals] == [409] * 4
    assert all("“Looser by degrees” is a draft; mark it as ready first" in words(answer) for answer in refusals)
    assert not any("`newsletter" in answer.text for answer in refusals)
    assert state(services) is IssueState.DRAFT


def test_a_cancelled_issue_is_not_asked_whether_it_is_ready(editor: Visitor) -> None:
    editor.press(PAGE, SCHEDULE)
    editor.press(CANCEL)
    page = editor.read(PAGE)
    assert "can be scheduled again" in page
    assert "Mark as ready" not in page


def state(services: Services) -> IssueState:
    return looked_up(services, issue_store.state)


def letter(services: Services) -> Letter:
    found = looked_up(services, lambda issue: issue.letter)
    assert found
    return found


def counts(services: Services) -> int:
    with services.sessions.reading() as session:
        return stats.copy_counts(session, issue_store.find(session, WAITING).letter).audience


def looked_up(services: Services, look: Callable[[Issue], Looked]) -> Looked:
    with services.sessions.reading() as session:
        return look(issue_store.find(session, WAITING))


def rewrite(services: Services, old: str, new: str, now: datetime) -> None:
    """Save a changed text, as a colleague would."""
    with services.sessions.begin() as session:
        issue = issue_store.find(session, WAITING)
        file = issue_store.issue_file.parse(issue.revision.source.replace(old, new, 1), issue.file_name)
        text = issue_store.Text(file, issue.file_name, issue_store.picture_names(issue.revision))
        issue_store.save(session, issue.publication, text, "colleague@desk.example", now)


def test_of_an_hour_that_comes_twice_the_second_is_one_choice_away(editor: Visitor) -> None:
    page = editor.client.get(SCHEDULE, query_string={"at": "2027-10-31 02:30"})
    assert "This is the first one; take the second one instead ." in words(page)
    assert "Schedule for Sunday 31 October 2027 at 02:30 (the first of two, UTC+2)" in words(page)
    link = re.search(r'href="([^"]+)">take the second', page.text)
    assert link
    assert "Schedule for Sunday 31 October 2027 at 02:30 (the second of two, UTC+1)" in editor.read(
        html.unescape(link[1])
    )


def test_no_field_shows_the_browsers_own_clock(editor: Visitor) -> None:
    for page in (SCHEDULE, "/desk/calendar/slots"):
        assert not re.search('type="(time|datetime-local)"', editor.open(page).text)


def test_a_paused_issue_is_followed_too(editor: Visitor) -> None:
    editor.press(SEND)
    editor.press(PAGE, f"{PAGE}pause")
    page = editor.open(PAGE).text
    assert f'data-events="{PAGE}events"' in page
    assert editor.client.head(f"{PAGE}events").status_code == 204
    assert editor.open(f"{PAGE}progress?state=paused").headers.get("HX-Refresh") is None
    editor.press(PAGE, f"{PAGE}resume")
    assert editor.open(f"{PAGE}progress?state=paused").headers["HX-Refresh"] == "true"


def test_it_is_said_beforehand_when_the_last_copy_leaves(editor: Visitor, services: Services) -> None:
    sentence = "Readers who chose an hour of their day get it then; the last copy leaves on"
    ahead = f"{SCHEDULE}?at=2026-11-24+09:00"
    assert sentence not in editor.read(ahead) + editor.read(SEND)
    with services.sessions.begin() as session:
        session.execute(update(Subscription).values(delivery_zone="Asia/Tokyo", delivery_hour=7))
    assert f"{sentence} Tuesday 24 November 2026 at 23:00 (Europe/Warsaw) at the latest." in editor.read(ahead)
    assert f"{sentence} Friday 20 November 2026 at 23:00 (Europe/Warsaw) at the latest." in editor.read(SEND)
    editor.press(PAGE, SCHEDULE)
    assert f"{sentence} Tuesday 24 November 2026 at 23:00 (Europe/Warsaw) at the latest." in editor.read(PAGE)
