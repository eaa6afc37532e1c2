"""How somebody works at a page: by keyboard alone, or by touch. Both count what they do, except typing words."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from tests.browser import keyboard

LEAST_TARGET = 44
"""The height in CSS pixels that a thumb hits (WCAG 2.5.5)."""


class Hands:
    """What both have in common."""

    screen: ClassVar[dict[str, Any]]
    """The browser's screen, as Playwright's options of a context."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.acts = 0
        """Controls and suggestions pressed, fields gone to, shortcuts."""
        self.keys = 0
        """Every key of the keyboard, Tab and Enter included."""

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """What is done meanwhile does not count."""
        before = self.acts, self.keys
        yield
        self.acts, self.keys = before

    def press(self, wanted: Locator) -> None:
        """Press a link or a button."""
        raise NotImplementedError

    def fill(self, field: Locator, words: str) -> None:
        """Go to a field, and type this in the place of what is there."""
        raise NotImplementedError

    def send(self, button: Locator) -> None:
        """Send the form in which the focus is."""
        raise NotImplementedError

    def choose(self, option: Locator) -> None:
        """Take what is suggested beside the caret."""
        raise NotImplementedError

    def go_to_text(self) -> None:
        """Go to the text of the writing page."""
        raise NotImplementedError

    def save(self) -> None:
        """Save the text, and wait until it is."""
        raise NotImplementedError

    def _expect_saved(self, answer: Response) -> None:
        """The page knows it, too: one that is left before sends its text once more."""
        assert answer.ok
        expect(self.page.locator("#said")).to_have_text(answer.json()["said"])


class Keyboard(Hands):
    """Whoever has no mouse, at a desktop's screen."""

    screen: ClassVar = {"viewport": {"width": 1280, "height": 860}}

    def _key(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.keys += 1

    def _come_to(self, wanted: Locator) -> None:
        self.acts += 1
        self.keys += keyboard.come_to(wanted)

    def press(self, wanted: Locator) -> None:
        self._come_to(wanted)
        self._key("Enter")

    def fill(self, field: Locator, words: str) -> None:
        self._come_to(field)
        self._key("Control+a")
        self.page.keyboard.insert_text(words)

    def send(self, button: Locator) -> None:
        expect(button).to_be_visible()
        self.acts += 1
        self._key("Enter")

    def choose(self, option: Locator) -> None:
        expect(option).to_have_attribute("aria-selected", "true")
        self.acts += 1
        self._key("Enter")

    def go_to_text(self) -> None:
        self._come_to(self.page.locator(".cm-content"))

    def save(self) -> None:
        with self.page.expect_response("**/write/save*") as answer:
            self._key("Control+s")
        self.acts += 1
        self._expect_saved(answer.value)


class Touch(Hands):
    """A thumb on a phone."""

    screen: ClassVar = {"viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True}

    def press(self, wanted: Locator) -> None:
        expect(wanted).to_be_visible()
        _expect_to_be_hit(wanted)
        wanted.tap()
        self.acts += 1

    def fill(self, field: Locator, words: str) -> None:
        self.press(field)
        field.press("Control+a")
        self.page.keyboard.insert_text(words)

    def send(self, button: Locator) -> None:
        self.press(button)

    def choose(self, option: Locator) -> None:
        self.press(option)

    def go_to_text(self) -> None:
        self.page.locator(".cm-content").tap()
        self.acts += 1

    def save(self) -> None:
        with self.page.expect_response("**/write/save*") as answer:
            self.press(self.page.get_by_role("button", name="Save", exact=True))
        self._expect_saved(answer.value)


def stop_clock(page: Page) -> None:
    """From here on the page's time is only what the test lets go by, however fast the machine is."""
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))


def follow(control: Locator) -> None:
    """Press a link or a button by mouse, and wait for the page it leads to: a click is done before that page comes."""
    with control.page.expect_navigation():
        control.click()


def come_anew(page: Page) -> None:
    """Wait until a page that was come back to has loaded itself once more, and takes away nothing that is typed."""
    page.wait_for_function("() => performance.getEntriesByType('navigation')[0].type === 'reload'")


def _expect_to_be_hit(wanted: Locator) -> None:
    """Links within a sentence are as high as its lines; all else is as high as a thumb."""
    if wanted.evaluate("element => getComputedStyle(element).display") == "inline":
        return
    box = wanted.bounding_box()
    if not box or box["height"] < LEAST_TARGET - 0.5:
        pytest.fail(f"{wanted} is too small for a thumb: {box}")
