"""The calendar in a real browser: an issue is dragged, moved by keyboard, scheduled and taken back."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from playwright.sync_api import Locator, Page, expect

from newsletter import editors
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import IssueState, Readiness
from newsletter.editorial.schedule import queue, slot_settings
from newsletter.editors import accounts
from newsletter.publications import find
from newsletter.wiring import Services
from tests.browser import keyboard
from tests.browser.desk.conftest import NOW, Open
from tests.browser.desk.writing import ME
from tests.browser.looks import faults, is_too_wide
from tests.real_parts import Axe

FIRST, SECOND = "break-the-circle", "looser-by-degrees"
TITLES = {FIRST: "When pain stays: ways out of the circle", SECOND: "Looser by degrees"}


@pytest.fixture(autouse=True)
def _queue(services: Services) -> None:
    """Two issues in the queue."""
    with services.sessions.begin() as session:
        for slug in (FIRST, SECOND):
            issue_store.set_readiness(issue_store.find(session, slug), Readiness.READY)
            queue.add(session, issue_store.find(session, slug), NOW)


def order(services: Services) -> list[str]:
    with services.sessions.reading() as session:
        return [issue.slug for issue in session.scalars(queue.listing(find(session).id))]


def state(services: Services, slug: str) -> IssueState:
    with services.sessions.reading() as session:
        return issue_store.state(issue_store.find(session, slug))


def drag(page: Page, slug: str, by: float, *, drop: bool = True) -> None:
    """Take a row of the queue by its grip and carry it so far."""
    grip = page.locator(".queue li", has_text=TITLES[slug]).locator(".grip")
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 5, box["y"] + 5 + by, steps=8)
    if drop:
        page.mouse.up()


@pytest.mark.parametrize("width", [375, pytest.param(1280, marks=pytest.mark.slow)])
def test_an_issue_is_dragged_to_its_place_and_the_slots_follow(open_desk: Open, services: Services, width: int) -> None:
    page = open_desk(viewport={"width": width, "height": 900})
    page.goto("/desk/calendar/")
    drag(page, SECOND, -150)
    expect(page.locator("#calendar-said")).to_have_text("“Looser by degrees” is 1 of 2 in the queue.")
    expect(page.locator(".queue li").first).to_contain_text("Looser by degrees")
    expect(page.locator("#calendar li.row-issue", has_text="Tuesday 1 December")).to_contain_text("Looser by degrees")
    assert order(services) == [SECOND, FIRST]


@pytest.mark.slow
def test_a_drag_that_is_given_up_changes_nothing(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/calendar/")
    drag(page, SECOND, -150, drop=False)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(".queue li").first).to_contain_text(TITLES[FIRST])
    assert order(services) == [FIRST, SECOND]


@pytest.mark.slow
def test_an_order_that_a_colleague_changed_meanwhile_is_told_and_kept(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/calendar/")
    with services.sessions.begin() as session:
        queue.remove(session, issue_store.find(session, FIRST).id)
    drag(page, SECOND, -150)
    expect(page.get_by_role("heading", name="Nothing was done")).to_be_visible()
    assert order(services) == [SECOND]


@pytest.mark.slow
def test_a_lost_network_leaves_the_order_as_it_was_and_says_so(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/calendar/")
    page.route("**/calendar/order", lambda route: route.abort())
    drag(page, SECOND, -150)
    expect(page.locator("#calendar-said")).to_have_text("The server did not respond. The order has not changed.")
    expect(page.locator(".queue li").first).to_contain_text(TITLES[FIRST])
    assert order(services) == [FIRST, SECOND]


@pytest.mark.slow
def test_a_drag_after_the_session_has_ended_asks_to_sign_in_and_moves_nothing(
    open_desk: Open, services: Services
) -> None:
    page = open_desk()
    page.goto("/desk/calendar/")
    with services.sessions.begin() as session:
        accounts.end_sessions(editors.find(session, ME))
    drag(page, SECOND, -150)
    page.wait_for_url("**/desk/sign-in*")
    assert order(services) == [FIRST, SECOND]


@pytest.mark.parametrize("scripts", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_keyboard_alone_reorders_and_the_focus_stays_with_the_issue(
    open_desk: Open, services: Services, scripts: bool
) -> None:
    page = open_desk(java_script_enabled=scripts)
    page.goto("/desk/calendar/")
    up = page.get_by_role("button", name=f"Move up: {TITLES[SECOND]}")
    down = page.get_by_role("button", name=f"Move down: {TITLES[SECOND]}")
    up.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".queue li").first).to_contain_text(TITLES[SECOND])
    expect(down).to_be_focused()
    assert order(services) == [SECOND, FIRST]
    page.keyboard.press("Enter")
    expect(page.locator(".queue li").last).to_contain_text(TITLES[SECOND])
    expect(up).to_be_focused()
    assert order(services) == [FIRST, SECOND]


def test_one_press_schedules_from_the_queue_and_one_undoes_it(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/calendar/")
    page.get_by_role("button", name="Schedule for Tuesday 1 December 2026 at 09:00").click()
    status = page.get_by_role("status")
    expect(status).to_contain_text("Scheduled for Tuesday 1 December 2026 at 09:00 (Europe/Warsaw).")
    assert state(services, FIRST) is IssueState.SCHEDULED
    status.get_by_role("button", name="Unschedule").click()
    expect(page.get_by_role("status")).to_contain_text("does not go out on Tuesday 1 December 2026")
    assert state(services, FIRST) is IssueState.READY
    page.get_by_role("status").get_by_role("button", name="Add to the queue").click()
    expect(page.get_by_role("status")).to_contain_text("is in the queue, for Tuesday")
    assert order(services) == [SECOND, FIRST]


@pytest.mark.slow
def test_axe_finds_nothing_where_the_queue_is_full_and_weeks_are_off(
    open_desk: Open, services: Services, axe: Axe
) -> None:
    with services.sessions.begin() as session:
        slot_settings.add_week_off(session, find(session), (date(2026, 12, 21), date(2027, 1, 3)), "Christmas", NOW)
        issue_store.set_readiness(issue_store.find(session, SECOND), Readiness.DRAFT)
    page = open_desk()
    for path in ("/desk/calendar/", "/desk/calendar/slots", f"/desk/issues/{FIRST}/"):
        page.goto(path)
        assert faults(page, axe) == []


def _drag_onto(page: Page, grip: Locator, slot: Locator) -> None:
    """Carry something by its grip into a slot."""
    grip.scroll_into_view_if_needed()
    start, end = grip.bounding_box(), slot.bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 4, start["y"] + 4)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=8)
    expect(slot).to_have_class(re.compile("is-target"))
    page.mouse.up()


def _by_dragging(page: Page) -> None:
    page.goto("/desk/calendar/")
    row = page.locator(".queue li", has_text=TITLES[SECOND])
    _drag_onto(page, row.locator(".grip"), page.locator("li[data-slot]", has_text="Tuesday 15 December"))


def _by_dragging_in_the_month(page: Page) -> None:
    page.goto("/desk/calendar/?month=2026-12")
    grid = page.locator(".month-grid")
    entry = grid.locator("li[data-issue]", has_text=TITLES[SECOND])
    target = grid.locator("td", has_text="Tuesday 15 December").locator("li")
    _drag_onto(page, entry.locator(".grip"), target)


def _by_keyboard(page: Page) -> None:
    page.goto("/desk/calendar/")
    row = page.locator(".queue li", has_text=TITLES[SECOND])
    keyboard.press(row.get_by_role("link", name=f"Move to… another slot: {TITLES[SECOND]}"))
    slot = "Tuesday 15 December 2026 at 09:00 (Europe/Warsaw)"
    keyboard.press(page.get_by_role("button", name=f"Put it into this slot: {slot}"))


def _by_touch(page: Page) -> None:
    page.goto("/desk/calendar/?month=2026-12")
    day = page.locator(".month-list > li", has_text="Tuesday 15 December")
    day.get_by_role("link", name="Put an issue here").tap()
    page.get_by_role("button", name=f"Put it into this slot: {TITLES[SECOND]}").tap()


@pytest.mark.parametrize(
    ("put", "options"),
    [
        (_by_dragging, {}),
        pytest.param(_by_dragging_in_the_month, {}, marks=pytest.mark.slow),
        pytest.param(_by_keyboard, {"java_script_enabled": False}, marks=pytest.mark.slow),
        pytest.param(_by_touch, {"viewport": {"width": 375, "height": 700}, "has_touch": True}, marks=pytest.mark.slow),
    ],
)
def test_an_issue_is_put_into_a_slot_and_back_by_mouse_keyboard_and_touch(
    open_desk: Open, services: Services, put: Callable[[Page], None], options: dict[str, object]
) -> None:
    page = open_desk(**{"viewport": {"width": 1280, "height": 1400}} | options)
    put(page)
    status = page.get_by_role("status")
    expect(status).to_contain_text(
        "“Looser by degrees” is scheduled for Tuesday 15 December 2026 at 09:00 (Europe/Warsaw)."
    )
    assert state(services, SECOND) is IssueState.SCHEDULED
    assert order(services) == [FIRST]
    status.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Undone: “Looser by degrees” is number 2 in the queue.")
    assert order(services) == [FIRST, SECOND]


@pytest.mark.slow
def test_a_drop_that_is_refused_says_why_and_moves_nothing(open_desk: Open, services: Services) -> None:
    with services.sessions.begin() as session:
        days = (date(2026, 12, 15), date(2026, 12, 15))
        slot_settings.add_week_off(session, find(session), days, "Christmas", NOW)
        long = "שלום" * 125
        issue_store.find(session, SECOND).title = long
    page = open_desk(viewport={"width": 1280, "height": 2000})
    page.goto("/desk/calendar/?month=2026-12")
    grid = page.locator(".month-grid")
    grip = grid.locator("li[data-issue]", has_text=long).locator(".grip")
    _drag_onto(page, grip, grid.locator("td", has_text="Tuesday 15 December").locator("li"))
    expect(page.get_by_role("status")).to_contain_text("is in a week off (Christmas). Choose another one.")
    with services.sessions.begin() as session:
        queue.remove(session, issue_store.find(session, FIRST).id)
    grip = grid.locator("li[data-issue]", has_text=long).locator(".grip")
    _drag_onto(page, grip, grid.locator("td", has_text="Tuesday 1 December").locator("li"))
    expect(page.get_by_role("status")).to_contain_text("has changed since this page was opened. Nothing was done.")
    assert order(services) == [SECOND]
    page.route(f"**/{SECOND}/slot", lambda route: route.abort())
    grip = grid.locator("li[data-issue]", has_text=long).locator(".grip")
    _drag_onto(page, grip, grid.locator("td", has_text="Tuesday 8 December").locator("li"))
    expect(page.get_by_role("status")).to_contain_text("The server did not respond.")
    page.unroute(f"**/{SECOND}/slot")
    page.set_viewport_size({"width": 320, "height": 700})
    for path in ("/desk/calendar/", "/desk/calendar/?month=2026-12", f"/desk/issues/{SECOND}/slot"):
        page.goto(path)
        assert not is_too_wide(page)
