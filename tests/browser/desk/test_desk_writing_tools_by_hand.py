"""What helps while writing: find and replace."""

from playwright.sync_api import Page, expect

from tests.browser.desk.conftest import Open
from tests.browser.desk.test_desk_formatting_by_hand import select
from tests.browser.desk.writing import at_work, text
from tests.browser.looks import faults
from tests.real_parts import Axe

NARROW = {"viewport": {"width": 320, "height": 700}}


def test_words_are_found_and_replaced_by_keyboard_and_the_caret_stays(open_desk: Open, axe: Axe) -> None:
    page = at_work(open_desk(**NARROW))
    told = refusals(page)
    select(page, "back, Back and\nbackache: 🙂 back»")
    page.keyboard.press("Control+f")
    page.keyboard.type("back")
    panel = page.get_by_role("search", name="Find and replace")
    count = panel.get_by_role("status")
    expect(count).to_have_text("4 found")
    page.keyboard.press("Enter")
    expect(count).to_have_text("1 of 4")
    page.keyboard.press("Shift+Enter")
    expect(count).to_have_text("4 of 4")
    panel.get_by_label("Match case").check()
    panel.get_by_label("Whole words").check()
    expect(count).to_have_text("2 of 2")
    assert faults(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.keyboard.press("Control+h")
    page.keyboard.type(r"$1 \n")
    panel.get_by_role("button", name="Replace all").press("Enter")
    expect(count).to_have_text("2 replaced.")
    assert text(page) == "$1 \\n, Back and\nbackache: 🙂 $1 \\n"
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.press("Control+z")
    page.keyboard.type("!")
    assert text(page) == "back, Back and\nbackache: 🙂 !"
    assert told == []


def refusals(page: Page) -> list[str]:
    """What the page's policy forbids from here on, and its errors."""
    told: list[str] = []
    page.on("console", lambda said: told.append(said.text) if "Security Policy" in said.text else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    return told
