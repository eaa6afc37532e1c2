"""What helps while writing: find and replace, snippets, and what is asked about a picture in the text."""

import pytest
from playwright.sync_api import Locator, Page, expect

from newsletter.editorial.issues import snippets
from newsletter.publications import find
from newsletter.wiring import Services
from tests.browser.desk.conftest import Open
from tests.browser.desk.test_desk_formatting_by_hand import select, tool
from tests.browser.desk.test_desk_writing_by_hand import drop, picture
from tests.browser.desk.writing import at_work, hears, mail, offer, text
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


@pytest.mark.slow
def test_a_snippet_is_saved_from_the_text_and_put_in_where_it_is_called(
    open_desk: Open, services: Services, axe: Axe
) -> None:
    page = at_work(open_desk(viewport={"width": 375, "height": 800}))
    select(page, "«Yours, {{ name | friend }}.\n\n${the} <b>desk</b> 🙂»")
    tool(page, "Save as a snippet").click()
    asked = page.get_by_role("dialog", name="Save as a snippet")
    asked.get_by_role("button", name="Save").click()
    expect(asked.get_by_text("Give the snippet a name.")).to_be_visible()
    assert faults(page, axe) == []
    asked.get_by_label("Name").fill("Sign-off <b>")
    page.keyboard.press("Enter")
    expect(asked).to_be_hidden()
    hears(page, "The snippet “Sign-off <b>” is saved.")
    for before, typed, after in (
        ("A line.\n»\nBelow", "/sign", "A line.\n\n{}\n\nBelow"),
        ("So: » }} x", "{{ Sig", "So: {} x"),
    ):
        select(page, before)
        page.keyboard.type(typed)
        expect(offer(page, "Sign-off <b>")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        assert text(page).replace("\n}}", "}}") == after.format("Yours, {{ name | friend }}.\n\n${the} <b>desk</b> 🙂")
    with services.sessions.reading() as session:
        (kept,) = snippets.publication_snippets(session, find(session).id)
    assert kept.text.endswith("${the} <b>desk</b> 🙂")


@pytest.mark.parametrize(
    "options", [pytest.param({"color_scheme": "dark"}, marks=pytest.mark.slow), {**NARROW, "has_touch": True}]
)
def test_a_picture_is_asked_about_in_the_text_and_changed_there_again(
    open_desk: Open, axe: Axe, options: dict[str, object]
) -> None:
    page = at_work(open_desk(**options))
    told = refusals(page)
    select(page, "Above»")
    drop(page, "A Back.png", picture())
    asked = page.get_by_role("group", name="Picture a-back.png")
    expect(asked.get_by_label("Alt text")).to_be_focused()
    page.keyboard.press("Enter")
    expect(asked.get_by_text("Describe what it shows, or tick that it is decorative.")).to_be_visible()
    page.keyboard.type('A "back" [1] <b>')
    asked.get_by_label("Caption").fill('At "rest"')
    asked.get_by_label("Width").select_option(label="Half")
    assert faults(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
    page.keyboard.press("Enter")
    expect(asked).to_have_count(0)
    page.keyboard.type("Below")
    said = 'Above\n\n![A "back" \\[1\\] <b>](a-back.png "At \\"rest\\""){.half}\n\nBelow'
    assert text(page) == said
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    tool(page, "Change this picture").click()
    expect(asked.get_by_label("Alt text")).to_have_value('A "back" [1] <b>')
    expect(asked.get_by_label("Width")).to_have_value("half")
    asked.get_by_label("Decorative").check()
    page.keyboard.press("Escape")
    assert text(page) == said.replace('A "back" \\[1\\] <b>', "").replace("{.half}", "{.decorative .half}")
    expect(page.locator(".cm-content")).to_be_focused()
    expect(mail(page).locator('img[width="40"]')).to_be_attached()
    assert told == []


@pytest.mark.slow
def test_several_pictures_are_asked_about_one_after_the_other_and_stand_together(open_desk: Open) -> None:
    page = at_work(open_desk())
    select(page, "Above»")
    page.keyboard.type("\n\nBelow")
    drop_all(["one.png", "two.png", "three.png"], page.locator(".cm-line").first)
    for name, alt in (("one", "First"), ("two", "Second")):
        expect(page.get_by_role("group", name=f"Picture {name}.png").get_by_label("Alt text")).to_be_focused()
        page.keyboard.type(alt)
        page.keyboard.press("Enter")
    last = page.get_by_role("group", name="Picture three.png")
    expect(last.get_by_label("Alt text")).to_be_focused()
    page.locator(".cm-line", has_text="Below").click()
    expect(last).to_have_count(0)
    assert text(page) == "Above\n\n![First](one.png)\n\n![Second](two.png)\n\n![](three.png)\n\nBelow"


@pytest.mark.slow
def test_without_a_network_a_snippet_stays_as_it_was_typed_and_a_picture_says_so(open_desk: Open) -> None:
    page = at_work(open_desk())
    select(page, "«Yours 🦒 שלום <b>»")
    tool(page, "Save as a snippet").click()
    asked = page.get_by_role("dialog", name="Save as a snippet")
    asked.get_by_label("Name").fill("Sign-off")
    save = asked.get_by_role("button", name="Save")
    page.context.set_offline(True)
    save.click()
    expect(asked.get_by_text("It could not be saved. Check the connection, and try again.")).to_be_visible()
    page.context.set_offline(False)
    expect(asked.get_by_label("Name")).to_have_value("Sign-off")
    expect(asked.get_by_label("Text of the snippet")).to_have_value("Yours 🦒 שלום <b>")
    save.click()
    expect(asked).to_be_hidden()
    page.route("**/pictures", lambda route: route.abort())
    drop(page, "A Back.png", picture())
    hears(page, "A Back.png could not be uploaded. Check the connection, and drop it again.")
    assert text(page) == "Yours 🦒 שלום <b>"


def drop_all(names: list[str], line: Locator) -> None:
    line.evaluate(
        """(line, [names, bytes]) => {
            const dataTransfer = new DataTransfer();
            for (const name of names) dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
            const { left, top } = line.getBoundingClientRect();
            const at = { clientX: left + 20, clientY: top + 5 };
            line.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true, ...at }));
        }""",
        [names, list(picture())],
    )


def refusals(page: Page) -> list[str]:
    """What the page's policy forbids from here on, and its errors."""
    told: list[str] = []
    page.on("console", lambda said: told.append(said.text) if "Security Policy" in said.text else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    return told
