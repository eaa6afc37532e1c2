"""The writing page, as a test has it in hand."""

from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from newsletter.editorial.issues import drafts, issue_store
from newsletter.wiring import Services
from tests.web.desk.visits import PASSWORD

SLUG = "break-the-circle"
PAGE = f"/desk/issues/{SLUG}/write"
ME = "owner@desk.example"


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
    return page


def details(page: Page) -> Page:
    """The page with its details unfolded."""
    if not page.locator("#details[open]").count():
        page.locator("#details summary").click()
    return page


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


def draft(services: Services) -> str:
    with services.sessions.reading() as session:
        kept = drafts.unsaved_draft(session, issue_store.find(session, SLUG), ME)
        return kept.source if kept else ""
