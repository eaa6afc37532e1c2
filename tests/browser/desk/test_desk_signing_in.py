"""Signing in with a second factor, in a real browser: by keyboard alone, without scripts, light and dark."""

from datetime import datetime

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter.editors import accounts
from newsletter.wiring import Services
from tests.browser import keyboard
from tests.browser.desk.conftest import NOW, Open
from tests.browser.looks import faults
from tests.real_parts import Axe
from tests.web.desk.visits import PASSWORD

OWNER = "owner@desk.example"


@pytest.mark.slow
def test_the_keyboard_alone_sets_up_a_second_factor_and_signs_in_with_it(
    open_desk: Open, chrome: Browser, address: str, services: Services
) -> None:
    page = open_desk()
    page.goto("/desk/account/")
    keyboard.press(page.get_by_role("link", name="Set up two-factor authentication"))
    expect(page.get_by_role("heading", name="Set up two-factor authentication")).to_be_visible()
    picture = page.get_by_role("img", name="The secret below as a QR code")
    assert picture.evaluate("picture => picture.naturalWidth") > 100
    secret = "".join(page.locator(".secret span").all_inner_texts())
    keyboard.fill(page.get_by_label("Password"), PASSWORD)
    keyboard.fill(page.get_by_label("Code"), code(secret, NOW))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Save these recovery codes")).to_be_visible()
    recovery_code = page.locator(".codes li").first.inner_text()
    rewind(services)

    newcomer = chrome.new_context(base_url=address, java_script_enabled=False).new_page()
    knock(newcomer)
    # The focus is in the field of the code by itself, as soon as the page is drawn.
    expect(newcomer.locator("#code")).to_be_focused()
    newcomer.keyboard.type(code(secret, NOW))
    newcomer.keyboard.press("Enter")
    newcomer.wait_for_url("**/desk/")
    newcomer.context.close()

    another = chrome.new_context(base_url=address).new_page()
    knock(another)
    expect(another.locator("#code")).to_be_focused()
    another.keyboard.type(code(secret, NOW))
    another.keyboard.press("Enter")
    expect(another.get_by_text("This is not the current code")).to_be_visible()
    keyboard.press(another.get_by_role("link", name="Use a recovery code"))
    expect(another.get_by_label("Recovery code")).to_be_focused()
    another.keyboard.type(recovery_code)
    another.keyboard.press("Enter")
    another.wait_for_url("**/desk/")
    another.context.close()


@pytest.mark.slow
def test_axe_finds_nothing_on_the_sign_in_pages(chrome: Browser, address: str, services: Services, axe: Axe) -> None:
    with services.sessions.begin() as session:
        owner = accounts.find(session, OWNER)
        owner.factor = "sealed"
        reset = services.links.reset(owner.id, owner.nonce, NOW).removeprefix(services.links.base_url)
    page = chrome.new_context(base_url=address).new_page()
    problems = []
    for path in ("/desk/forgotten", reset):
        page.goto(path)
        problems += [(path, fault) for fault in faults(page, axe)]
    knock(page)
    for path in ("/desk/sign-in/code", "/desk/sign-in/code?by=recovery"):
        page.goto(path)
        problems += [(path, fault) for fault in faults(page, axe)]
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_text("not one of your recovery codes")).to_be_visible()
    problems += [("refused", fault) for fault in faults(page, axe)]
    page.context.close()
    assert problems == []


def knock(page: Page) -> None:
    """Show the password, by keyboard."""
    page.goto("/desk/sign-in")
    page.get_by_label("Email address").focus()
    page.keyboard.type(OWNER)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/sign-in/code")


def rewind(services: Services) -> None:
    """Forget which code was used last: the clock of these tests stands still."""
    with services.sessions.begin() as session:
        accounts.find(session, OWNER).factor_step = 0


def code(secret: str, at: datetime) -> str:
    return pyotp.TOTP(secret).at(at)
