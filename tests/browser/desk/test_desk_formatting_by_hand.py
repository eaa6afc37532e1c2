"""The toolbar of the writing page, and its keys. « and » enclose what is selected; » alone is the caret."""

from collections.abc import Collection

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.desk.conftest import Open
from tests.browser.desk.test_desk_writing_by_hand import paste
from tests.browser.desk.writing import at_work, mail, offer, text
from tests.browser.looks import faults
from tests.real_parts import Axe

PRESSED = [
    ("Bold", "a «word» here", "a **word** here"),
    ("Bold", "a **«word»** here", "a word here"),
    ("Bold", "a «**word**» here", "a word here"),
    ("Bold", "a« word »here", "a **word** here"),
    ("Bold", "«one **two** three»", "**one two three**"),
    ("Bold", "a wo»rd here", "a **word** here"),
    ("Bold", "**w»ord**", "word"),
    ("Bold", "«- one\n- two»", "- **one**\n- **two**"),
    ("Bold", "«🙂 <b>» ok", "**🙂 <b>** ok"),
    ("Italic", "a «word» here", "a *word* here"),
    ("Italic", "**«word»**", "***word***"),
    ("Italic", "***«word»***", "**word**"),
    ("Link", "see «how» here", "see [how]() here"),
    ("Link", "«https://example.org/a»", "[](https://example.org/a)"),
    ("Link", "see [«how»](https://example.org) here", "see how here"),
    ("Link", "[«Book»](/book){.button}", "Book"),
    ("Heading", "One»", "## One"),
    ("Heading", "### One»", "One"),
    ("Heading", "- One»", "## One"),
    ("List", "«one\ntwo»", "- one\n- two"),
    ("List", "«- one\n- two»", "one\ntwo"),
    ("List", "before\n«one»\nafter", "before\n\n- one\n\nafter"),
    ("Quote", "«one\n\ntwo»", "> one\n> \n> two"),
    ("Quote", "«> one\n> two»", "one\ntwo"),
]


@pytest.fixture
def page(open_desk: Open) -> Page:
    return at_work(open_desk())


@pytest.mark.parametrize(
    "pressed",
    [
        pytest.param({case[0]: case for case in PRESSED[::-1]}.values(), id="each once"),
        pytest.param(PRESSED, id="each in each place", marks=pytest.mark.slow),
    ],
)
def test_each_button_marks_what_is_selected_and_takes_its_mark_away_again(
    page: Page, pressed: Collection[tuple[str, str, str]]
) -> None:
    for name, before, after in pressed:
        select(page, before)
        tool(page, name).click()
        assert text(page) == after, (name, before)
        page.keyboard.press("Control+z")
        assert text(page) == plain(before), "undone at one stroke"


def test_keys_mark_while_somebody_types_on(page: Page) -> None:
    select(page, "»")
    page.keyboard.type("a ")
    page.keyboard.press("Control+b")
    expect(tool(page, "Bold")).to_have_attribute("aria-pressed", "false")
    page.keyboard.type("bold")
    expect(tool(page, "Bold")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+b")
    page.keyboard.type(" and ")
    page.keyboard.press("Control+i")
    page.keyboard.press("Control+i")
    page.keyboard.press("Control+k")
    page.keyboard.type("how")
    assert text(page) == "a **bold** and [how]()"
    expect(page.locator("#text-length")).to_have_text("4 words, 1 min read")


def test_a_web_address_pasted_over_words_makes_them_a_link(page: Page) -> None:
    for before, pasted, after in [
        ("see «how» here", "https://example.org/a_(b)", "see [how](https://example.org/a_%28b%29) here"),
        ("see how» here", "https://example.org", "see howhttps://example.org here"),
        ("«one\n\ntwo»", "https://example.org", "https://example.org"),
        ("see «https://old.example»", "https://example.org", "see https://example.org"),
        ("see [how](«x»)", "https://example.org", "see [how](https://example.org)"),
    ]:
        select(page, before)
        paste(page, {"text/plain": pasted})
        assert text(page) == after, before


def test_the_toolbar_is_one_stop_of_the_tab_key_and_arrows_move_within(page: Page) -> None:
    select(page, "a «word»")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Tab")
    expect(tool(page, "Bold")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tool(page, "Italic")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".cm-content")).to_be_focused()
    expect(mail(page).locator("em", has_text="word")).to_be_attached()
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Tab")
    expect(tool(page, "Italic")).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(tool(page, "Find and replace")).to_be_focused()


INSERTED = [
    ("»", "/", "Tip", "> [!TIP]\n> x"),
    ("A line.\n»", "/wa", "Warning", "A line.\n\n> [!WARNING]\n> x"),
    ("»", "/", "Divider", "---\n\nx"),
    ("»", "/but", "Button", "[x](https://){.button}"),
    ("Dear »", "{{", "Reader’s name", "Dear {{ name | x }}"),
    ("Dear » }}.", "{{ n", "Reader’s name", "Dear {{ name | x }}."),
    ("»", "/em", "Reader’s email address", "{{ email }}x"),
    ("»", "> [!im", "Important", "> [!IMPORTANT]\n> x"),
]


def test_what_there_is_to_insert_is_offered_while_somebody_types(page: Page) -> None:
    for before, typed, words, after in INSERTED:
        select(page, before)
        page.keyboard.type(typed)
        option = offer(page, words)
        expect(option).to_be_visible()
        while option.get_attribute("aria-selected") != "true":
            page.keyboard.press("ArrowDown")
        expect(page.locator(".cm-content")).to_have_attribute("aria-activedescendant", str(option.get_attribute("id")))
        page.keyboard.press("Enter")
        page.keyboard.type("x")
        assert text(page) == after, words
        page.keyboard.press("Escape")


def test_an_offer_is_declined_by_escape_and_a_slash_elsewhere_offers_nothing(page: Page) -> None:
    select(page, "»")
    record_announcements(page)
    page.keyboard.type("/")
    expect(page.get_by_role("listbox")).to_be_visible()
    page.wait_for_function("announced.includes('10 suggestions. Choose with the arrow keys and Enter.')")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="Tab now leaves the text.")).to_have_count(0)
    page.keyboard.type("ask and/or")
    page.keyboard.press("Enter")
    assert text(page) == "/ask and/or\n"


def test_the_list_of_offers_is_accessible(page: Page, axe: Axe) -> None:
    select(page, "»")
    page.keyboard.type("/")
    expect(page.get_by_role("listbox")).to_be_visible()
    assert faults(page, axe) == []


def test_the_picture_that_is_offered_is_chosen_from_the_device_by_touch(open_desk: Open) -> None:
    page = at_work(open_desk(viewport={"width": 375, "height": 800}, has_touch=True))
    select(page, "»")
    page.keyboard.type("/pic")
    with page.expect_file_chooser():
        offer(page, "Picture").tap()
    assert text(page) == ""


@pytest.mark.slow
def test_on_a_phone_every_button_is_big_enough_and_stays_in_sight(open_desk: Open, axe: Axe) -> None:
    page = at_work(open_desk(viewport={"width": 320, "height": 700}, has_touch=True))
    select(page, "\n".join(["A line."] * 60) + "«word»")
    tool(page, "Bold").tap()
    assert text(page).endswith("**word**")
    for button in page.get_by_role("toolbar", name="Formatting").get_by_role("button").all():
        expect(button).to_be_in_viewport(ratio=1)
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert faults(page, axe) == []


def record_announcements(page: Page) -> None:
    """Into `announced`, for the editor takes each back after a fifth of a second."""
    page.evaluate("""() => {
        window.announced = [];
        const place = document.querySelector(".cm-announced");
        const seen = new MutationObserver(() => announced.push(place.textContent));
        seen.observe(place, { childList: true, subtree: true });
    }""")


def tool(page: Page, name: str) -> Locator:
    return page.get_by_role("toolbar", name="Formatting").get_by_role("button", name=name)


def plain(marked: str) -> str:
    return marked.replace("«", "", 1).replace("»", "", 1)


def select(page: Page, marked: str) -> None:
    """Put this into the text in place of all else, and select what is marked."""
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    before, _, rest = marked.rpartition("»")
    page.keyboard.insert_text(before.replace("«", "", 1) + rest)
    selected = before.partition("«")[2] if "«" in before else ""
    for _ in rest:
        page.keyboard.press("ArrowLeft")
    for _ in selected:
        page.keyboard.press("Shift+ArrowLeft")
