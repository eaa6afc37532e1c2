"""Attributes in a real browser, by keyboard alone, where there are so many readers that they are counted afterwards."""

import pytest
from playwright.sync_api import expect

from newsletter.audience import attributes
from newsletter.audience.segments import store as segments
from newsletter.wiring import Services
from tests.browser.desk.conftest import Open
from tests.browser.keyboard import choose, press


def test_a_type_is_changed_once_its_page_has_counted_by_itself(
    open_desk: Open, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "_LARGE", 1)
    with services.sessions.begin() as session:
        for reader, value in ((1, "forty"), (2, "41")):
            attributes.set_value(session, 1, reader, "Age", value)
    page = open_desk()
    page.goto("/desk/readers/")
    press(page.get_by_role("link", name="Attributes"))
    expect(page.get_by_role("listitem").filter(has_text="Such as")).to_contain_text("2 readers")
    expect(page.get_by_role("link", name="Count the readers who have a value")).to_have_count(0)
    press(page.get_by_role("link", name="Age", exact=True))
    expect(page.locator("#fit")).to_contain_text("2 readers have a value.")
    choose(page.get_by_label("Compare its values as"), "number")
    press(page.get_by_role("button", name="Continue"))
    expect(page.locator("#counted")).to_contain_text("1 of these values is not a number: “forty”.")
    press(page.get_by_role("button", name="Compare it as a number"))
    expect(page.get_by_role("status")).to_contain_text("“Age” is now compared as a number.")
    with services.sessions.reading() as session:
        assert attributes.known_attributes(session, 1, ["age"])["age"].type == "number"
