"""The builder of segments in a real browser, by keyboard alone."""

import pytest
from playwright.sync_api import expect

from newsletter.audience.segments import store as segments
from newsletter.wiring import Services
from tests.browser.desk.conftest import Open
from tests.browser.keyboard import choose, fill, press


@pytest.mark.slow
def test_a_segment_is_built_by_keyboard_and_counted_while_one_types(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto("/desk/readers/segments/new")
    fill(page.get_by_label("Name"), "Far from here")
    first = page.get_by_role("group", name="Condition 1")
    # Nothing is asked for that the chosen comparison does not need.
    expect(first.get_by_label("Value")).to_be_hidden()
    choose(first.get_by_label("The reader"), "has the tag")
    expect(first.get_by_label("Attribute")).to_be_hidden()
    fill(first.get_by_label("Value"), "friends")
    expect(page.locator("#who-said")).to_contain_text("1 reader belongs to it.")
    press(page.get_by_role("button", name="Add a condition"))
    second = page.get_by_role("group", name="Condition 2")
    expect(second.get_by_label("The reader")).to_be_focused()
    choose(second.get_by_label("The reader"), "attribute is less")
    fill(second.get_by_label("Attribute"), "Age")
    fill(second.get_by_label("Value"), "ten")
    expect(page.locator("#who")).to_contain_text("Condition 2: “Age under” compares with a number")
    press(page.get_by_role("button", name="Remove condition 2"))
    expect(first.get_by_label("The reader")).to_be_focused()
    expect(page.locator("#who")).to_contain_text("1 reader belongs to it.")
    press(page.get_by_role("button", name="Save the segment"))
    expect(page.get_by_role("heading", name="Far from here")).to_be_visible()
    expect(page.get_by_text("1 reader belongs to it.")).to_be_visible()
    with services.sessions.reading() as session:
        assert len(segments.find(session, 1, "far from here").rule.conditions) == 1
