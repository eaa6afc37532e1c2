"""Whoever has no mouse: comes to everything by Tab, and acts by keys alone."""

import pytest
from playwright.sync_api import Locator, expect

_LONGEST_WAY = 200
# In the text of the writing page Tab indents; Escape lets it leave.
_WHERE = """wanted => {
    const { activeElement } = document;
    return activeElement === wanted ? "there" : activeElement.matches(".cm-content") ? "in the text" : "elsewhere";
}"""


def come_to(wanted: Locator) -> int:
    """Press Tab until the focus is there; how many keys that took."""
    expect(wanted).to_be_visible()
    keys = wanted.page.keyboard
    pressed = 0
    for _ in range(_LONGEST_WAY):
        where = wanted.evaluate(_WHERE)
        if where == "there":
            return pressed
        if where == "in the text":
            keys.press("Escape")
            pressed += 1
        keys.press("Tab")
        pressed += 1
    pytest.fail(f"Tab never came to {wanted}")


def choose(wanted: Locator, words: str) -> None:
    """Come to a list, and go down in it to the option that begins so."""
    come_to(wanted)
    wanted.page.keyboard.press("Home")
    for _ in range(wanted.locator("option").count()):
        if wanted.evaluate("list => list.selectedOptions[0].label").startswith(words):
            return
        wanted.page.keyboard.press("ArrowDown")
    pytest.fail(f"{wanted} offers no {words!r}")


def press(wanted: Locator) -> None:
    """Come to it, and press Enter there."""
    come_to(wanted)
    wanted.page.keyboard.press("Enter")


def fill(wanted: Locator, words: str) -> None:
    """Come to a field, and type this in the place of what is there."""
    come_to(wanted)
    wanted.page.keyboard.press("Control+a")
    wanted.page.keyboard.type(words)
