"""Putting an issue into a slot: from its own page, from the slot, and with one press for all that is ready."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.delivery.models import LetterState
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Readiness
from newsletter.editorial.schedule import queue, slot_settings
from newsletter.editors import Editor, Role
from newsletter.publications import WeekOff, find
from newsletter.wiring import Services
from newsletter.workflows import approve_issue, halt_issue, issue_readiness, publish
from newsletter.workflows.approve_issue import Review
from tests import sample_services
from tests.sample_services import WAITING, Clock
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

CALENDAR, START = "/desk/calendar/", "/desk/"
FIRST, SECOND, THIRD = WAITING, "break-the-circle", "five-reasons-weighed"
AS_LISTED = [THIRD, SECOND, FIRST]
PAGE, SLOT, UNDO = (f"/desk/issues/{FIRST}/{part}" for part in ("", "slot", "slot/undo"))
FILL, UNFILL = f"{CALENDAR}fill", f"{CALENDAR}unfill"
TUESDAY = datetime(2026, 11, 24, 8, tzinfo=UTC)
NEXT = TUESDAY + timedelta(weeks=1)


def enqueue(services: Services, *slugs: str) -> None:
    with services.sessions.begin() as session:
        for slug in slugs:
            queue.add(session, issue_store.find(session, slug), sample_services.NOW)


def queued(services: Services) -> list[str]:
    with services.sessions.reading() as session:
        return [issue.slug for issue in session.scalars(queue.listing(find(session).id))]


def due(services: Services, slug: str = FIRST) -> datetime | None:
    with services.sessions.reading() as session:
        letter = issue_store.find(session, slug).letter
        return letter and letter.due_at


def form_of(page: str, moment: datetime) -> dict[str, str]:
    """The hidden fields of the page's form for that slot."""
    forms = [form.partition("</form>")[0] for form in page.split("<form")[1:]]
    own = next(form for form in forms if f'value="{moment.isoformat()}"' in form)
    return hidden(f"<form{own}</form>", SLOT)


def test_an_issue_is_put_into_a_slot_of_the_list_and_back_into_the_queue(editor: Visitor, services: Services) -> None:
    enqueue(services, FIRST, SECOND)
    page = editor.open(SLOT)
    assert "Tuesday 24 November 2026 at 09:00 (Europe/Warsaw) The queue sends it then." in words(page)
    assert "Tuesday 1 December 2026 at 09:00 (Europe/Warsaw) The queue sends “ When pain stays" in words(page)
    answer = editor.client.post(SLOT, data=form_of(page.text, NEXT))
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert due(services) == NEXT
    assert queued(services) == [SECOND]
    shown = editor.open(PAGE)
    assert "“Looser by degrees” is scheduled for Tuesday 1 December 2026 at 09:00 (Europe/Warsaw). Undo" in words(shown)
    assert editor.client.post(UNDO, data=hidden(shown.text, UNDO)).status_code == 303
    assert queued(services) == [FIRST, SECOND]
    assert "Undone: “Looser by degrees” is number 1 in the queue." in editor.read(PAGE)


def test_a_slot_takes_one_of_the_issues_that_may_go_there(editor: Visitor, services: Services) -> None:
    enqueue(services, SECOND)
    with services.sessions.begin() as session:
        issue_store.set_readiness(issue_store.find(session, THIRD), Readiness.DRAFT)
    path = f"{CALENDAR}slot?at={TUESDAY.isoformat().replace('+', '%2B')}&back=2026-11"
    page = editor.open(path)
    assert "if you put another issue here, it moves to a later slot." in words(page)
    assert "When pain stays: ways out of the circle Number 1 in the queue" in words(page)
    assert "Five reasons" not in page.text
    answer = editor.client.post(SLOT, data=hidden(page.text, SLOT))
    assert answer.location == f"{CALENDAR}?month=2026-11"
    assert due(services) == TUESDAY
    assert "is already scheduled for" in words(editor.open(path))


def test_where_there_are_several_publications_the_way_leads_back_to_the_right_one(
    editor: Visitor, services: Services, now: datetime
) -> None:
    sample_services.open_another_publication(services, now)
    path = f"{CALENDAR}slot?at={TUESDAY.isoformat().replace('+', '%2B')}&publication=backpainhelp"
    form = hidden(editor.open(path).text, SLOT)
    assert editor.client.post(SLOT, data=form).location == f"{CALENDAR}?publication=backpainhelp"
    assert due(services) == TUESDAY
    other = editor.open(f"{CALENDAR}slot?at={NEXT.isoformat().replace('+', '%2B')}&publication=other")
    assert (other.status_code, "The Other Letter has no slot on" in words(other)) == (409, True)


def test_a_scheduled_issue_moves_and_a_held_one_gets_a_new_time(
    editor: Visitor, services: Services, now: datetime
) -> None:
    for moment in (TUESDAY, NEXT):
        editor.client.post(SLOT, data=form_of(editor.open(SLOT).text, moment))
        assert due(services) == moment
    page = editor.open(PAGE)
    editor.client.post(UNDO, data=hidden(page.text, UNDO))
    assert due(services) == TUESDAY
    with services.sessions.begin() as session:
        letter = issue_store.find(session, FIRST).letter
        assert letter
        letter.state, letter.due_at = LetterState.HELD, now - timedelta(days=1)
    editor.client.post(SLOT, data=form_of(editor.open(SLOT).text, NEXT))
    page = editor.open(PAGE)
    editor.client.post(UNDO, data=hidden(page.text, UNDO))
    assert "is ready, and goes to nobody until it is scheduled or queued." in editor.read(PAGE)


def test_two_tabs_do_not_overrule_each_other(editor: Visitor, services: Services) -> None:
    enqueue(services, SECOND, THIRD)
    form = form_of(editor.open(SLOT).text, TUESDAY)
    order = f"{CALENDAR}order"
    fields = hidden(editor.open(CALENDAR).text, order)
    seen = fields["seen"].split(",")
    editor.client.post(order, data=fields | {"order": ",".join(seen[::-1]), "issue": seen[0]})
    answer = editor.client.post(SLOT, data=form)
    assert answer.status_code == 409
    assert "has changed since this page was opened. Nothing was done." in words(answer)
    assert due(services) is None
    form = form_of(editor.open(SLOT).text, TUESDAY)
    assert editor.client.post(SLOT, data=form).status_code == 303
    assert editor.client.post(SLOT, data=form).status_code == 409


def test_a_slot_that_has_passed_meanwhile_takes_nothing(editor: Visitor, services: Services, clock: Clock) -> None:
    form = form_of(editor.open(SLOT).text, TUESDAY)
    clock.moment = TUESDAY
    editor.sign_in("editor@desk.example")
    answer = editor.client.post(SLOT, data=form)
    assert (answer.status_code, "has passed. Choose a slot that is still to come." in words(answer)) == (409, True)
    assert due(services) is None


@pytest.mark.parametrize(
    "moment", ["", "tomorrow", "2026-12-01T09:00", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00"]
)
def test_no_strange_moment_is_more_than_a_form_can_take(editor: Visitor, services: Services, moment: str) -> None:
    form = form_of(editor.open(SLOT).text, TUESDAY)
    assert editor.client.post(SLOT, data=form | {"moment": moment}).status_code in {400, 409}
    assert editor.client.get(f"{CALENDAR}slot", query_string={"at": moment}).status_code in {400, 409}
    assert due(services) is None


def test_weeks_off_and_taken_slots_are_listed_without_a_button(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        publication = find(session)
        publication.weeks_off.append(WeekOff(first=date(2026, 12, 1), last=date(2026, 12, 1), reason="<b>Rest"))
        publish.schedule(session, services.letters, issue_store.find(session, SECOND), TUESDAY, sample_services.NOW)
    page = editor.open(SLOT)
    assert "Taken: “ When pain stays: ways out of the circle ” is scheduled." in words(page)
    assert "Off: <b>Rest" in words(page)
    assert "<b>Rest" not in page.text
    assert not any(f'value="{moment.isoformat()}"' in page.text for moment in (TUESDAY, NEXT))


def test_who_may_not_schedule_is_offered_no_slot(enter: Enter) -> None:
    author = enter(Role.AUTHOR)
    assert not any(
        part in author.open(page).text for page in (CALENDAR, PAGE) for part in (SLOT, FILL, "/calendar/slot")
    )
    assert author.open(SLOT).status_code == 403


def test_what_is_ready_fills_the_next_weeks_with_one_press_and_one_undoes_it(
    editor: Visitor, services: Services
) -> None:
    page = editor.open(CALENDAR)
    assert "3 ready issues fill 24 November, 1 December and 8 December." in words(page)
    assert editor.client.post(FILL, data=hidden(page.text, FILL)).location == CALENDAR
    assert queued(services) == AS_LISTED
    after = editor.open(CALENDAR)
    assert "3 issues are in the queue now, for 24 November, 1 December and 8 December. Undo" in words(after)
    assert "The queue sends “ Five reasons to have your back massaged, weighed ” on Tuesday 24 November 2026" in words(
        after
    )
    assert "then 2 other issues, the last on Tuesday 8 December 2026 at 09:00 (Europe/Warsaw)." in words(after)
    assert editor.client.post(FILL, data=hidden(page.text, FILL)).status_code == 409
    assert editor.client.post(UNFILL, data=hidden(after.text, UNFILL)).status_code == 303
    assert queued(services) == []
    assert "Undone: 3 issues have been removed from the queue." in editor.read(CALENDAR)


def test_the_start_page_offers_the_same_press(editor: Visitor, services: Services) -> None:
    editor.press(START, FILL)
    assert queued(services) == AS_LISTED


@pytest.mark.parametrize("page", [CALENDAR, START])
def test_where_nothing_is_ready_the_page_says_what_is_missing(
    editor: Visitor, services: Services, engage: Callable[..., Editor], now: datetime, page: str
) -> None:
    with services.sessions.begin() as session:
        find(session).requires_approval = True
    assert "No ready issue can go out yet: “Five reasons to have your back massaged, weighed” needs" in editor.read(
        page
    )
    owner = engage(Role.OWNER)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, FIRST)
        content = issue_readiness.approvable_content(issue, services.links)
        approve_issue.approve(session, services.links, issue, Review(content, owner.email), now)
    assert "1 ready issue fills 24 November. Left out: “Five reasons to" in editor.read(page)
    with services.sessions.begin() as session:
        for slug in (FIRST, SECOND, THIRD):
            issue_store.set_readiness(issue_store.find(session, slug), Readiness.DRAFT)
    assert "Nothing is ready to fill them. Open a draft and mark it as ready" in editor.read(page)


def test_a_publication_without_slots_offers_none(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        slot_settings.remove_slot(session, find(session), find(session).slots[0].id)
    enqueue(services, FIRST)
    page = editor.read(CALENDAR)
    assert "There is no weekly slot, so the queue sends nothing." in page
    assert "Fill the next weeks" not in page
    assert "has no weekly slot. Add one , or choose another time." in editor.read(SLOT)


def _leave(_services: Services) -> None:
    return None


def _draft(services: Services) -> None:
    with services.sessions.begin() as session:
        issue_store.set_readiness(issue_store.find(session, FIRST), Readiness.DRAFT)


def _queue(services: Services) -> None:
    enqueue(services, FIRST)


def _schedule(services: Services) -> None:
    with services.sessions.begin() as session:
        publish.schedule(session, services.letters, issue_store.find(session, FIRST), TUESDAY, sample_services.NOW)


def _cancel(services: Services) -> None:
    _schedule(services)
    with services.sessions.begin() as session:
        halt_issue.cancel(session, issue_store.find(session, FIRST), sample_services.NOW)


def _hold(services: Services) -> None:
    _schedule(services)
    _set_letter(services, LetterState.HELD)


def _send(services: Services, state: LetterState = LetterState.RUNNING) -> None:
    with services.sessions.begin() as session:
        publish.send_now(session, services.letters, issue_store.find(session, FIRST), sample_services.NOW)
    _set_letter(services, state)


def _pause(services: Services) -> None:
    _send(services, LetterState.PAUSED)


def _finish(services: Services) -> None:
    _send(services, LetterState.FINISHED)


def _stop(services: Services) -> None:
    _send(services, LetterState.CANCELLED)


def _require_approval(services: Services) -> None:
    with services.sessions.begin() as session:
        find(session).requires_approval = True


def _remove_slots(services: Services) -> None:
    with services.sessions.begin() as session:
        slot_settings.remove_slot(session, find(session), find(session).slots[0].id)


def _set_letter(services: Services, state: LetterState) -> None:
    with services.sessions.begin() as session:
        letter = issue_store.find(session, FIRST).letter
        assert letter
        letter.state = state
        if state in {LetterState.FINISHED, LetterState.CANCELLED}:
            letter.finished_at = sample_services.NOW


@pytest.mark.parametrize(
    ("acts", "button"),
    [
        ([_draft], "Mark as ready"),
        ([_leave], "Schedule for Tuesday 24 November 2026 at 09:00"),
        ([_remove_slots], "Choose a time"),
        ([_require_approval], "Review, or ask for approval"),
        ([_queue], "Move to another slot…"),
        ([_queue, _draft], "Mark as ready"),
        ([_queue, _require_approval], "Review, or ask for approval"),
        ([_queue, _remove_slots], "Choose a time"),
        ([_schedule], "Move to another slot…"),
        ([_schedule, _remove_slots], "Unschedule"),
        ([_schedule, _require_approval], "Review, or ask for approval"),
        ([_cancel], "Schedule for Tuesday 24 November 2026 at 09:00"),
        ([_hold], "Send now"),
        ([_hold, _require_approval], "Review, or ask for approval"),
        ([_send], "Pause sending"),
        ([_pause], "Resume sending"),
        ([_finish], "Full report"),
        ([_stop], "Full report"),
    ],
)
def test_an_issues_page_has_one_main_button_in_every_state(
    editor: Visitor, services: Services, acts: list[Callable[[Services], None]], button: str
) -> None:
    for act in acts:
        act(services)
    page = editor.open(PAGE)
    main = page.text.partition("<main")[2]
    assert main.count("btn-primary") == 1
    assert main.partition("btn-primary")[2].partition("</")[0].partition(">")[2].strip() == button


def test_an_issue_that_the_queue_sends_says_so_in_one_sentence(editor: Visitor, services: Services) -> None:
    enqueue(services, SECOND, FIRST)
    page = editor.read(PAGE)
    assert "The queue sends this on Tuesday 1 December 2026 at 09:00 (Europe/Warsaw)." in page
    assert "Schedule for" not in page


def test_an_authors_main_button_is_the_text(enter: Enter) -> None:
    main = enter(Role.AUTHOR).open(PAGE).text.partition("<main")[2]
    assert main.count("btn-primary") == 1
    assert "btn-primary" in main.partition("Edit the text")[0].rpartition("<a")[2]
