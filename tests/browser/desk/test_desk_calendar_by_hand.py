"""The calendar in a real browser: an issue is dragged, moved by keyboard, scheduled and taken back."""

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import IssueState, Readiness
from newsletter.editorial.schedule import queue, slot_settings
from newsletter.publications import find
from newsletter.wiring import Services
from tests.browser.desk.conftest import NOW, Open
from tests.browser.looks import faults
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


@pytest.mark.parametrize("width", [375, 1280])
def test_an_issue_is_dragged_to_its_place_and_the_slots_follow(open_desk: Open, services: Services, width: int) -> None:
    page = open_desk(viewport={"width": width, "height": 900})
    page.goto("/desk/calendar/")
    drag(page, SECOND, -150)
    expect(page.locator("#calendar-said")).to_have_text("“Looser by degrees” is 1 of 2 in the queue.")
    expect(page.locator(".queue li").first).to_contain_text("Looser by degrees")
    expect(page.locator("#calendar li.row-issue", has_text="Tuesday 1 December")).to_contain_text("Looser by degrees")
    assert order(services) == [SECOND, FIRST]


def test_a_drag_that_is_given_up_changes_nothing(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/calendar/")
    drag(page, SECOND, -150, drop=False)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(".queue li").first).to_contain_text(TITLES[FIRST])
    assert order(services) == [FIRST, SECOND]


def test_an_order_that_a_colleague_changed_meanwhile_is_told_and_kept(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/calendar/")
    with services.sessions.begin() as session:
        queue.remove(session, issue_store.find(session, FIRST).id)
    drag(page, SECOND, -150)
    expect(page.get_by_role("heading", name="Nothing was done")).to_be_visible()
    assert order(services) == [SECOND]


def test_a_lost_network_leaves_the_order_as_it_was_and_says_so(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/calendar/")
    page.route("**/calendar/order", lambda route: route.abort())
    drag(page, SECOND, -150)
    expect(page.locator("#calendar-said")).to_have_text("The server did not respond. The order has not changed.")
    expect(page.locator(".queue li").first).to_contain_text(TITLES[FIRST])
    assert order(services) == [FIRST, SECOND]


@pytest.mark.parametrize("scripts", [True, False])
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
