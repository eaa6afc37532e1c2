"""The calendar: what fills each slot, the queue and its order, one press that schedules and one that undoes it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from flask import Flask

from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import IssueState, Readiness
from newsletter.editorial.schedule import queue
from newsletter.editors import Editor, Role
from newsletter.publications import WeekOff, find
from newsletter.wiring import Services
from newsletter.workflows import approve_issue, issue_readiness, publish
from newsletter.workflows.approve_issue import Review
from tests.sample_services import WAITING, Clock
from tests.web.desk.conftest import Enter, visitor
from tests.web.desk.visits import Visitor, hidden, words

CALENDAR = "/desk/calendar/"
ORDER = "/desk/calendar/order"
FIRST, SECOND, THIRD = WAITING, "break-the-circle", "five-reasons-weighed"
TUESDAY = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture
def queued(services: Services, now: datetime) -> list[str]:
    """Three issues in the queue."""
    with services.sessions.begin() as session:
        for slug in (FIRST, SECOND, THIRD):
            queue.add(session, issue_store.find(session, slug), now)
    return [FIRST, SECOND, THIRD]


def order(services: Services) -> list[str]:
    with services.sessions.reading() as session:
        return [issue.slug for issue in session.scalars(queue.listing(find(session).id))]


def id_of(services: Services, slug: str) -> int:
    with services.sessions.reading() as session:
        return issue_store.find(session, slug).id


def state(services: Services, slug: str) -> IssueState:
    with services.sessions.reading() as session:
        return issue_store.state(issue_store.find(session, slug))


def test_an_issue_that_is_marked_ready_is_offered_a_place_in_the_queue(editor: Visitor, services: Services) -> None:
    page = f"/desk/issues/{FIRST}/"
    for wanted in ("draft", "ready"):
        editor.press(page, f"{page}readiness", readiness=wanted)
    assert "is marked as ready. Add to the queue" in editor.read(page)
    editor.press(page, f"{page}queue")
    shown = editor.read(page)
    assert "“Looser by degrees” is in the queue, for Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)." in shown
    assert "Number 1 in the queue ." in shown
    assert order(services) == [FIRST]


@pytest.mark.usefixtures("queued")
def test_every_slot_says_what_would_fill_it_and_when_nothing_does(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        issue_store.set_readiness(issue_store.find(session, SECOND), Readiness.DRAFT)
    page = editor.read(CALENDAR)
    assert (
        "Tuesday 24 November 09:00 Looser by degrees On Tuesday 24 November 2026 at 09:00 (Europe/Warsaw) this goes to "
        "0 readers. Schedule for Tuesday 24 November 2026 at 09:00 Move to… another slot: Looser by degrees "
        "Put another issue here : Tuesday 24 November 2026 at 09:00 (Europe/Warsaw) from the queue" in page
    )
    assert "Tuesday 1 December 09:00 Five reasons" in page
    assert (
        "Tuesday 8 December 09:00 Nothing in the queue can go out then: “When pain stays: ways out of the circle” is a "
        "draft. No issue for Tuesday yet. Pick one from the queue or start writing ." in page
    )
    assert "Tuesday 15 December 09:00 No issue for Tuesday yet. Pick one from the queue or start writing ." in page
    assert "When pain stays: ways out of the circle draft It is passed over until it is ready." in page
    assert "Tuesday 24 November 09:00 Looser by degrees ready from the queue 0 readers" in page


@pytest.mark.usefixtures("queued")
def test_where_approvals_are_asked_for_every_page_names_the_issue_that_may_go_out(
    editor: Visitor, services: Services, engage: Callable[..., Editor], now: datetime
) -> None:
    owner = engage(Role.OWNER)
    with services.sessions.begin() as session:
        find(session).requires_approval = True
        issue = issue_store.find(session, SECOND)
        content = issue_readiness.approvable_content(issue, services.links)
        approve_issue.approve(session, services.links, issue, Review(content, owner.email), now)
    page = editor.read(CALENDAR)
    assert "Tuesday 24 November 09:00 When pain stays: ways out of the circle ready from the queue 0 readers" in page
    assert "Tuesday 24 November 09:00 When pain stays: ways out of the circle On Tuesday 24 November 2026" in page
    assert "Looser by degrees It would be passed over: “Looser by degrees” goes out only after a second" in page
    assert editor.press(f"/desk/issues/{FIRST}/", f"/desk/issues/{FIRST}/unqueue").status_code == 303
    editor.press(f"/desk/issues/{FIRST}/", f"/desk/issues/{FIRST}/queue")
    assert "It needs an approval, and is passed over until that is fixed." in editor.read(CALENDAR)


def test_weeks_off_stand_in_one_line_with_their_reason(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        home = find(session)
        home.weeks_off.append(WeekOff(first=date(2026, 12, 1), last=date(2026, 12, 14), reason="Rest & sun"))
    page = editor.read(CALENDAR)
    assert "Tuesday 1 December 09:00 Tuesday 8 December 09:00 Off: Rest & sun Tuesday 15 December" in page
    assert page.count("No issue for Tuesday yet") == 8


@pytest.mark.usefixtures("queued")
def test_one_press_on_the_calendar_schedules_and_one_undoes_it(editor: Visitor, services: Services) -> None:
    answer = editor.press(CALENDAR, f"/desk/issues/{FIRST}/schedule")
    assert answer.location == f"{CALENDAR}#queue"
    assert state(services, FIRST) is IssueState.SCHEDULED
    page = editor.open(CALENDAR)
    assert "Scheduled for Tuesday 24 November 2026 at 09:00 (Europe/Warsaw). Unschedule" in words(page)
    assert order(services) == [SECOND, THIRD]
    undo = f"/desk/issues/{FIRST}/unschedule"
    assert editor.client.post(undo, data=hidden(page.text, undo)).status_code == 303
    assert state(services, FIRST) is IssueState.READY
    assert "is ready. Add to the queue" in editor.read(f"/desk/issues/{FIRST}/")


def test_what_has_begun_is_not_undone(editor: Visitor, services: Services, now: datetime) -> None:
    page, undo = f"/desk/issues/{FIRST}/", f"/desk/issues/{FIRST}/unschedule"
    editor.press(page, f"{page}schedule")
    fields = hidden(editor.open(page).text, undo)
    with services.sessions.begin() as session:
        publish.send_now(session, services.letters, issue_store.find(session, FIRST), now)
    assert editor.client.post(undo, data=fields).status_code == 409
    assert state(services, FIRST) is IssueState.SENDING


@pytest.mark.usefixtures("queued")
def test_a_button_moves_an_issue_by_one_place_and_has_the_focus_again(editor: Visitor, services: Services) -> None:
    moved = id_of(services, THIRD)
    fields = hidden(editor.open(CALENDAR).text, ORDER) | {"move": f"up-{moved}"}
    answer = editor.client.post(ORDER, data=fields)
    assert answer.location == f"{CALENDAR}?pressed=up-{moved}"
    assert order(services) == [FIRST, THIRD, SECOND]
    page = editor.open(answer.location)
    assert "“Five reasons to have your back massaged, weighed” is 2 of 3 in the queue." in words(page)
    assert f'name="move" value="up-{moved}" autofocus' in page.text


def test_the_buttons_of_a_queue_say_its_order_once_together(
    editor: Visitor, services: Services, queued: list[str]
) -> None:
    ids = ",".join(str(id_of(services, slug)) for slug in queued)
    assert editor.open(CALENDAR).text.count(f'name="seen" value="{ids}"') == 1


@pytest.mark.usefixtures("queued")
def test_at_the_end_the_other_button_takes_the_focus(editor: Visitor, services: Services) -> None:
    moved = id_of(services, SECOND)
    fields = hidden(editor.open(CALENDAR).text, ORDER) | {"move": f"up-{moved}"}
    page = editor.open(editor.client.post(ORDER, data=fields).location).text
    assert f'name="move" value="up-{moved}" disabled' in page
    assert f'name="move" value="down-{moved}" autofocus' in page


def test_an_order_that_was_dragged_is_taken_whole(editor: Visitor, services: Services, queued: list[str]) -> None:
    fields = hidden(editor.open(CALENDAR).text, ORDER)
    wanted = ",".join(reversed(fields["seen"].split(",")))
    assert editor.client.post(ORDER, data=fields | {"order": wanted}).status_code == 303
    assert order(services) == queued[::-1]


@pytest.mark.parametrize(
    "form",
    [{}, {"seen": "x", "order": "1"}, {"order": "999999999999999"}, {"order": "1,1,1"}, {"move": "up--1"}],
)
def test_a_form_that_is_not_whole_moves_nothing(
    editor: Visitor, services: Services, queued: list[str], form: dict[str, str]
) -> None:
    fields = hidden(editor.open(CALENDAR).text, ORDER) if "order" not in form else {}
    assert editor.client.post(ORDER, data=(fields if form.get("move") else {}) | form).status_code in {303, 409}
    assert order(services) == queued


@pytest.mark.usefixtures("queued")
def test_of_two_editors_who_reorder_at_once_one_is_told_that_it_came_late(
    app: Flask, editor: Visitor, services: Services
) -> None:
    fields = hidden(editor.open(CALENDAR).text, ORDER)
    colleague = visitor(app)
    colleague.sign_in("editor@desk.example")
    seen = fields["seen"].split(",")
    wanted = [",".join(seen[::-1]), ",".join([*seen[1:], seen[0]])]
    forms = [fields | {"order": order} for order in wanted]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one, form: one.client.post(ORDER, data=form), (editor, colleague), forms))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    won = next(number for number, answer in enumerate(answers) if answer.status_code == 303)
    assert [str(id_of(services, slug)) for slug in order(services)] == wanted[won].split(",")
    assert "The queue has changed. Nothing was done;" in words(answers[1 - won])


@pytest.mark.usefixtures("queued")
def test_an_issue_can_be_taken_out(editor: Visitor, services: Services) -> None:
    assert editor.press(CALENDAR, f"/desk/issues/{SECOND}/unqueue").location == f"{CALENDAR}#queue"
    assert order(services) == [FIRST, THIRD]
    assert state(services, SECOND) is IssueState.READY


def test_an_edited_issue_is_not_queued_by_a_page_from_before(editor: Visitor, services: Services) -> None:
    page = f"/desk/issues/{FIRST}/"
    fields = hidden(editor.open(page).text, f"{page}queue")
    with services.sessions.begin() as session:
        issue_store.set_readiness(issue_store.find(session, FIRST), Readiness.DRAFT)
    assert editor.client.post(f"{page}queue", data=fields).status_code == 409
    assert order(services) == []


@pytest.mark.usefixtures("queued")
def test_a_viewer_sees_the_queue_and_no_button(enter: Enter) -> None:
    page = enter(Role.VIEWER).open(CALENDAR)
    assert "Looser by degrees For Tuesday 24 November 09:00" in words(page)
    assert page.text.count("<form") == 1  # to sign out


def test_an_hour_that_clocks_skip_is_told_where_the_slot_is_edited(editor: Visitor, clock: Clock) -> None:
    added = editor.press(
        "/desk/calendar/slots", "/desk/calendar/slots", weekday="Sunday", at="02:30", time_zone="Europe/Warsaw"
    )
    assert added.status_code == 303
    page = editor.read("/desk/calendar/slots")
    assert (
        "There is a slot every Sunday at 02:30 (Europe/Warsaw). On Sunday 28 March 2027 at 03:30 (Europe/Warsaw), "
        "because the clocks skip 02:30 then." in page
    )
    assert "Once a year the clocks skip 02:30; the slot is then on Sunday 28 March 2027 at 03:30" in page
    clock.moment = datetime(2027, 3, 26, 12, tzinfo=UTC)
    editor.sign_in("editor@desk.example")
    assert "Sunday 28 March 03:30 No issue for Sunday yet" in editor.read(CALENDAR)
