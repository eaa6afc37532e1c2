"""The mail beside its text: each is brought to where the other is, and nothing moves under the reader's eye."""

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.browser.desk.conftest import Open
from tests.browser.desk.writing import at_work, mail, text

LONG = "\n\n".join(
    [
        "## The first part",
        *(f"Paragraph {number} says that a back likes to move, and says it again." for number in range(1, 30)),
        "> [!TIP]\n> A tip in between.",
        "- An item\n- Another item",
        "[Book a session](https://example.org/book){.button}",
        "The last paragraph\nof two lines.",
    ]
)


@pytest.fixture
def page(open_desk: Open) -> Page:
    """The writing page with a long text, whose mail is scrolled at once."""
    return with_long_text(open_desk(viewport={"width": 1280, "height": 860}, reduced_motion="reduce"))


def with_long_text(page: Page) -> Page:
    at_work(page)
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(LONG)
    expect(mail(page).get_by_text("The last paragraph")).to_be_attached()
    return page


def test_the_mail_comes_to_where_the_cursor_is(page: Page) -> None:
    expect(here(mail(page))).to_contain_text("The last paragraph")
    expect(here(mail(page))).to_be_in_viewport()
    page.keyboard.press("Control+Home")
    expect(here(mail(page))).to_have_text("The first part")
    expect(here(mail(page))).to_be_in_viewport()
    for words in ("A tip in between.", "Another item", "Book a session"):
        page.locator(".cm-line", has_text=words).click()
        expect(here(mail(page))).to_contain_text(words)
        expect(here(mail(page))).to_be_in_viewport()


def test_what_is_clicked_in_the_mail_is_where_the_cursor_goes(page: Page) -> None:
    expect(page.get_by_text("Click a part of the email to edit it.")).to_be_visible()
    page.keyboard.press("Control+Home")
    for words, typed in (
        ("Paragraph 3 says", "Paragraph 3 says that a xback likes"),
        ("A tip in between.", "> A tip in between.".replace("between", "xbetween")),
        ("Another item", "- Another xitem"),
        ("of two lines.", "of two xlines."),
    ):
        click_word(page, words, typed.partition("x")[2].split()[0].rstrip("."))
        expect(page.locator(".cm-content")).to_be_focused()
        page.keyboard.press("Control+ArrowLeft")
        page.keyboard.type("x")
        assert typed in text(page)
    mail(page).get_by_role("heading", level=1).click()
    expect(page.get_by_label("Title", exact=True)).to_be_focused()


@pytest.mark.slow
def test_by_keyboard_the_part_at_the_top_of_the_mail_is_edited(page: Page) -> None:
    scroll(page, mail(page).get_by_text("Paragraph 12 says"))
    page.get_by_role("button", name="Edit the part at the top").press("Enter")
    page.keyboard.type("x")
    assert "xParagraph 12 says" in text(page)
    expect(mail(page).get_by_text("xParagraph 12 says")).to_be_attached()
    scroll(page, mail(page).get_by_text("Paragraph 20 says"))
    page.locator("#sheet").press("Enter")
    page.keyboard.type("x")
    assert "xParagraph 20 says" in text(page)


@pytest.mark.slow
def test_what_is_at_the_eye_stays_and_who_scrolled_by_hand_is_left_there(page: Page) -> None:
    page.locator(".cm-line", has_text="Paragraph 9 says").click()
    page.keyboard.press("End")
    scroll(page, mail(page).get_by_text("Paragraph 15 says"))
    before = top(mail(page).get_by_text("Paragraph 15 says"))
    page.keyboard.insert_text(" More and more words, which make it grow by some lines above the reader's eye.")
    expect(mail(page).get_by_text("More and more words")).to_be_attached()
    assert top(mail(page).get_by_text("Paragraph 15 says")) == pytest.approx(before, abs=1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(here(mail(page))).to_contain_text("Paragraph 10 says")
    expect(here(mail(page))).to_be_in_viewport()


@pytest.mark.slow
def test_the_text_part_follows_as_well(page: Page) -> None:
    page.get_by_role("link", name="Text", exact=True).click()
    part = page.locator("#sheet-text")
    page.locator(".cm-line", has_text="Paragraph 2 says").click()
    expect(here(part)).to_contain_text("Paragraph 2 says")
    part.get_by_text("Paragraph 4 says").click()
    page.keyboard.type("x")
    assert "xParagraph 4 says" in text(page)


@pytest.mark.slow
def test_a_wide_screen_shows_phone_and_desktop_side_by_side_and_both_follow(open_desk: Open) -> None:
    page = with_long_text(open_desk(viewport={"width": 1920, "height": 1000}, reduced_motion="reduce"))
    both = [mail(page), page.frame_locator("#sheet-wide")]
    for frame in both:
        expect(here(frame)).to_contain_text("The last paragraph")
        expect(here(frame)).to_be_in_viewport()
    both[1].get_by_text("Another item").click()
    expect(page.locator(".cm-content")).to_be_focused()
    for frame in both:
        expect(here(frame)).to_have_text("Another item")
    page.set_viewport_size({"width": 1280, "height": 860})
    expect(page.locator("#sheet-wide")).to_be_hidden()
    expect(page.get_by_role("link", name="Phone", exact=True)).to_have_attribute("aria-current", "true")


@pytest.mark.slow
def test_on_a_phone_a_tap_on_the_mail_turns_to_the_text(open_desk: Open) -> None:
    page = with_long_text(open_desk(viewport={"width": 375, "height": 760}, has_touch=True, reduced_motion="reduce"))
    page.get_by_role("group", name="Show").get_by_role("button", name="Preview").press("Enter")
    expect(here(mail(page))).to_be_in_viewport()
    mail(page).get_by_text("A tip in between.").tap()
    expect(page.locator(".cm-content")).to_be_focused()
    expect(page.locator(".cm-line", has_text="A tip in between.")).to_be_in_viewport()


@pytest.mark.slow
def test_without_scripts_both_mails_are_there(open_desk: Open) -> None:
    page = open_desk(viewport={"width": 1920, "height": 1000}, java_script_enabled=False)
    page.goto("/desk/issues/break-the-circle/write?view=both")
    for frame in (mail(page), page.frame_locator("#sheet-wide")):
        expect(frame.get_by_role("heading", level=1)).to_be_visible()


def here(part: FrameLocator | Locator) -> Locator:
    """The block of the mail that is marked as the cursor's."""
    return part.locator("[data-here]")


def scroll(page: Page, block: Locator) -> None:
    """Scroll the mail by hand until the block is at its top."""
    block.evaluate("block => block.ownerDocument.defaultView.scrollBy(0, block.getBoundingClientRect().top - 4)")
    # The page hears of it in the next frame.
    page.evaluate("new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)))")


def top(block: Locator) -> float:
    return float(block.evaluate("block => block.getBoundingClientRect().top"))


def click_word(page: Page, block: str, word: str) -> None:
    """Click on a word's end in the mail."""
    place = (
        mail(page)
        .get_by_text(block)
        .evaluate(
            """(block, word) => {
            const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const at = walker.currentNode.data.indexOf(word);
                if (at < 0) continue;
                const range = block.ownerDocument.createRange();
                range.setStart(walker.currentNode, at);
                range.setEnd(walker.currentNode, at + word.length);
                const [box, whole] = [range.getBoundingClientRect(), block.getBoundingClientRect()];
                return { x: box.right - 2 - whole.left, y: box.top + box.height / 2 - whole.top };
            }
        }""",
            word,
        )
    )
    mail(page).get_by_text(block).click(position=place)
