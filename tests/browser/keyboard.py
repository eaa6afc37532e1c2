"""Whoever has no mouse: comes to everything by Tab, and acts by keys alone."""

import pytest
from playwright.sync_api import Locator, expect

_LONGEST_WAY = 200
_IS_FOCUSED = "element => element === document.activeElement"


def come_to(wanted: Locator) -> None:
    """Press Tab until the focus is there."""
    expect(wanted).to_be_visible()
    for _ in range(_LONGEST_WAY):
        if wanted.evaluate(_IS_FOCUSED):
            return
        wanted.page.keyboard.press("Tab")
    pytest.fail(f"Tab never came to {wanted}")


def press(wanted: Locator) -> None:
    """Come to it, and press Enter there."""
    come_to(wanted)
    wanted.page.keyboard.press("Enter")


def fill(wanted: Locator, words: str) -> None:
    """Come to a field, and type this in the place of what is there."""
    come_to(wanted)
    wanted.page.keyboard.press("Control+a")
    wanted.page.keyboard.type(words)
