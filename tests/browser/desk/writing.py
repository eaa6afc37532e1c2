"""The writing page, as a test has it in hand."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from newsletter.editorial.issues import drafts, issue_store
from newsletter.wiring import Services
from tests.real_parts import PATIENCE
from tests.web.desk.visits import PASSWORD

SLUG = "break-the-circle"
PAGE = f"/desk/issues/{SLUG}/write"
ME = "owner@desk.example"

ON_DEVICE = """new Promise(resolve => indexedDB.open("newsletter-desk").onsuccess = ({ target }) => {
    const asked = target.result.transaction("texts").objectStore("texts").getAll();
    asked.onsuccess = () => resolve(asked.result);
})"""
"""The texts that wait in this browser."""
FALL_SILENT = """() => {
    navigator.sendBeacon = () => true;
    window.fetch = () => Promise.reject(new TypeError("offline"));
}"""
"""Lets a page send nothing any more, not even while it is being closed."""

REMEMBER_WHAT_IS_SAID = """() => {
    window.said = [];
    const place = document.getElementById("said");
    const seen = new MutationObserver(() => said.push(place.textContent));
    seen.observe(place, { childList: true, subtree: true, characterData: true });
}"""


def sign_in(context: BrowserContext) -> Page:
    page = context.pages[0] if context.pages else context.new_page()
    page.goto("/desk/sign-in")
    if "sign-in" in page.url:
        fill_in(page)
    return page


def fill_in(page: Page, email: str = ME) -> None:
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/desk/")


def at_work(page: Page) -> Page:
    page.goto(PAGE)
    return ready(page)


def ready(page: Page) -> Page:
    page.locator(".cm-content").wait_for()
    page.locator("#sheet[data-shown]").wait_for(state="attached")
    page.evaluate(REMEMBER_WHAT_IS_SAID)
    return page


def details(page: Page) -> Page:
    """The page with its details unfolded."""
    if not page.locator("#details[open]").count():
        page.locator("#details summary").click()
    return page


def unheard_of(page: Page) -> None:
    """Let nothing come in before this window sends something itself."""
    page.route("**/write/hello", lambda route: route.abort())


def mail(page: Page) -> Any:
    return page.frame_locator("#sheet")


def write(page: Page, words: str) -> None:
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+End")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(words)


def save(page: Page) -> None:
    page.keyboard.press("Control+s")
    expect(page.locator("#said")).to_contain_text("Saved at 13:00, revision 2.")


def text(page: Page) -> str:
    return str(page.evaluate("new FormData(document.getElementById('manuscript')).get('body')"))


def shows(page: Page, words: str) -> None:
    """The text has these words by and by, in sight or not."""
    page.wait_for_function(
        "words => new FormData(document.getElementById('manuscript')).get('body').includes(words)", arg=words
    )


def hears(page: Page, words: str) -> None:
    """The page says this by and by, however soon the next autosave says something else."""
    page.wait_for_function("words => said.some(one => one.includes(words))", arg=words)


def waits_on_device(page: Page, words: str) -> None:
    """This browser has kept a text with these words by and by."""
    bodies = f"{ON_DEVICE}.then(texts => texts.map(({{ typed }}) => new URLSearchParams(typed).get('body')))"
    page.wait_for_function(f"words => {bodies}.then(bodies => bodies.some(body => body.includes(words)))", arg=words)


def offer(page: Page, words: str) -> Locator:
    """What is offered beside the caret, once it goes by all that was typed: before, no key takes it."""
    settled = page.locator(".cm-tooltip-autocomplete:not(.cm-tooltip-autocomplete-disabled)")
    return settled.get_by_role("option").filter(has_text=words)


def until(page: Page, holds: Callable[[], object]) -> None:
    """Wait until this holds, while the page goes on."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        page.wait_for_timeout(20)


def keeps(page: Page, services: Services, words: str) -> None:
    """The server has a draft that ends so by and by, whatever the page said of an earlier one."""
    until(page, lambda: draft(services).endswith(words))


def saved(services: Services) -> str:
    """The newest revision."""
    with services.sessions.reading() as session:
        return issue_store.find(session, SLUG).revision.source


def draft(services: Services) -> str:
    with services.sessions.reading() as session:
        kept = drafts.unsaved_draft(session, issue_store.find(session, SLUG), ME)
        return kept.source if kept else ""
