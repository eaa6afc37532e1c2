"""The empty writing page, and how much of a screen the text has."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue
from newsletter.wiring import Services
from tests.browser.desk.conftest import Open
from tests.browser.desk.writing import FALL_SILENT, at_work, details, ready, text

NEW = "/desk/issues/new"
WORDS = "# Heat or cold?\n\nBoth can ease a stiff back.\n"
TEXT_SEEN = """() => {
    const tools = document.getElementById("write-toolbar").getBoundingClientRect();
    const bar = document.querySelector(".write-bar").getBoundingClientRect();
    const { top, bottom } = document.querySelector(".cm-editor").getBoundingClientRect();
    return Math.min(bottom, bar.top) - Math.max(top, tools.bottom);
}"""


def empty(page: Page) -> Page:
    page.goto(NEW)
    expect(page.locator(".cm-content")).to_be_focused()
    return page


def count(services: Services) -> int:
    with services.sessions.reading() as session:
        return session.scalar(select(func.count()).select_from(Issue)) or 0


def test_an_empty_page_is_an_issue_from_the_first_words_on_and_a_reload_finds_it(
    open_desk: Open, services: Services
) -> None:
    before = count(services)
    page = empty(open_desk())
    address = page.url
    assert re.search(r"/new\?page=[0-9a-f]{16}$", address)
    page.reload()
    assert page.url == address
    assert count(services) == before
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.insert_text(WORDS)
    page.wait_for_url("**/write")
    ready(page)
    expect(page.locator("#said")).to_contain_text("Saved at 13:00, revision 1.")
    page.keyboard.insert_text("More.")
    expect(page.locator("#said")).to_have_text("Draft saved at 13:00.")
    issue = page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="This issue")
    assert issue.get_attribute("href") == page.url.removesuffix("write").removeprefix(page.evaluate("origin"))
    page.reload()
    assert text(ready(page)) == f"{WORDS}More."
    assert count(services) == before + 1
    # What the text proposes is taken with one press, and the line above the text tells of it.
    details(page).get_by_role("button", name="Use it as the title").click()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Heat or cold?")
    expect(page.locator("#details-line")).to_have_text("Heat or cold? · subject and preheader missing")
    page.goto(address)
    assert page.url.endswith("/write")
    assert count(services) == before + 1


@pytest.mark.slow
def test_what_was_typed_without_a_network_is_offered_on_the_next_empty_page(
    open_desk: Open, services: Services
) -> None:
    before = count(services)
    page = empty(open_desk())
    page.context.set_offline(True)
    page.keyboard.insert_text(WORDS)
    expect(page.locator("#said")).to_contain_text("Offline: kept on this device.")
    other = page.context.new_page()
    # A page that is being closed lives on for a moment, in which it would save its text when the network is back.
    page.evaluate(FALL_SILENT)
    page.close()
    other.context.set_offline(False)
    empty(other)
    offered = other.locator("#left-here")
    expect(offered).to_contain_text("that was never saved")
    offered.get_by_role("button", name="Restore it").click()
    other.wait_for_url("**/write")
    assert text(ready(other)) == WORDS
    expect(other.locator("#said")).to_contain_text("Saved at 13:00")
    assert count(services) == before + 1
    # It is offered once: the page that has looked for such a text sets whether its offer is hidden.
    other.add_init_script("""addEventListener("DOMContentLoaded", () => {
        const offer = document.getElementById("left-here");
        new MutationObserver(() => { offer.dataset.set = true; }).observe(offer, { attributeFilter: ["hidden"] });
    })""")
    empty(other)
    other.locator("#left-here[data-set]").wait_for(state="attached")
    expect(offered).to_be_hidden()


@pytest.mark.slow
def test_an_empty_page_goes_on_where_it_was_when_its_session_is_back(open_desk: Open, services: Services) -> None:
    before = count(services)
    page = empty(open_desk())
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.keyboard.insert_text(WORDS)
    dialog = page.get_by_role("dialog", name="Your session has ended")
    expect(dialog).to_be_visible()
    assert count(services) == before
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    expect(dialog).to_be_hidden()
    page.wait_for_url("**/write")
    with services.sessions.reading() as session:
        assert issue_store.find(session, page.url.split("/")[-2]).revision.source.endswith(WORDS)


def test_fifteen_lines_of_text_are_in_sight_and_focus_mode_shows_nothing_else(open_desk: Open) -> None:
    page = at_work(open_desk(viewport={"width": 1280, "height": 860}))
    line = page.locator(".cm-line").first.evaluate("line => parseFloat(getComputedStyle(line).lineHeight)")
    assert page.evaluate(TEXT_SEEN) / line >= 15
    expect(page.get_by_label("Subject", exact=True)).to_be_hidden()
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+Shift+F")
    for gone in (page.get_by_role("navigation", name="Desk"), page.locator("#details"), page.locator("#mail")):
        expect(gone).to_be_hidden()
    expect(page.get_by_role("status").filter(has_text="Focus mode is on. Escape leaves it.")).to_be_visible()
    expect(page.get_by_role("button", name="Leave focus")).to_be_visible()
    page.reload()
    ready(page)
    expect(page.locator("#details")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_visible()
    page.get_by_role("button", name="Focus").click()
    expect(page.locator("#details")).to_be_hidden()


@pytest.mark.parametrize("path", [NEW, pytest.param("/desk/issues/break-the-circle/write", marks=pytest.mark.slow)])
def test_on_a_phone_the_text_has_the_screen(open_desk: Open, path: str) -> None:
    page = open_desk(viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True)
    page.goto(path)
    page.locator(".cm-content").wait_for()
    assert page.evaluate(TEXT_SEEN) >= 0.6 * 667
    page.set_viewport_size({"width": 320, "height": 667})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
