"""How a page looks on a phone and a desktop, light and dark: each on the page as it stands, which is opened once."""

from playwright.sync_api import Page

from tests.real_parts import Axe

LIGHT, DARK = "light", "dark"
PHONE, DESKTOP = 375, 1280
OF_COLOUR = ("color-contrast", "link-in-text-block")
"""The rules that a colour scheme can break; the others need one look at each width."""


def faults(page: Page, axe: Axe) -> list[str]:
    """What is wrong in any look: what axe finds, and what is wider than the screen. Then it looks as it did before."""
    before = page.viewport_size
    found = []
    for width in (PHONE, DESKTOP):
        found += faults_of(page, axe, LIGHT, width)
        found += faults_of(page, axe, DARK, width, *OF_COLOUR)
    show(page, LIGHT)
    page.set_viewport_size(before or {"width": DESKTOP, "height": 800})
    return found


def faults_of(page: Page, axe: Axe, scheme: str, width: int, *rules: str) -> list[str]:
    """What is wrong in one look, by all of axe's rules or by these."""
    show(page, scheme, width)
    found = [f"{scheme}, {width}: {fault}" for fault in axe(page, *rules)]
    return [*found, f"{scheme}, {width}: too wide"] if is_too_wide(page) else found


def show(page: Page, scheme: str, width: int = 0) -> None:
    """Let the page look so, at once: a colour that is still on its way to another is neither."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    if width:
        page.set_viewport_size({"width": width, "height": 800})


def is_too_wide(page: Page) -> bool:
    """Whether the page has to be moved sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))
