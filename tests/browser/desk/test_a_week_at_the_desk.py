"""A two-person team's whole week in a real browser, with five hundred readers behind a real mail server."""

import io
import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from newsletter import editors, publications
from newsletter.delivery.models import Letter
from newsletter.editors import Role
from newsletter.wiring import Services
from newsletter.workflows import publish
from tests.browser import keyboard
from tests.browser.desk.test_desk_sending_by_hand import (  # noqa: F401
    READERS,
    Work,
    desk,
    gate,
    press,
    rounds,
    server,
    services,
)
from tests.torture.sink import Tally
from tests.web.desk.visits import PASSWORD

# On the other database an issue is watched by test_desk_sending_by_hand.
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

TITLE, SUBJECT = "Sitting less, and better", "Sitting less: what a timer does for a back"
SLUG = "sitting-less-and-better"
GRACE = timedelta(minutes=5)
WRONG = "Standing up is guaranteed to cure every back. TK name the study."
RIGHT = (
    "Standing up now and then may ease a stiff back. If pain lasts for weeks, or a leg goes numb, see a doctor.\n\n"
    "Hello {{ name | friend }}, set a timer."
)


@pytest.fixture
def tally() -> Tally:
    """A server that knows every reader."""
    return Tally(answer=lambda _reader: "250 2.1.5 Known")


@pytest.fixture
def second_person(services: Services, desk: str, chrome: Browser) -> Page:  # noqa: F811
    """An editor's browser, for the pair of eyes that an approval takes; the publication asks for one."""
    with services.sessions.begin() as session:
        editor = editors.add(session, "bo@desk.example", Role.EDITOR, datetime.now(UTC))
        editors.set_password(editor, PASSWORD)
        publications.find(session).requires_approval = True
    page = chrome.new_context(base_url=desk).new_page()
    knock(page, "bo@desk.example")
    page.wait_for_url("**/desk/")
    return page


def test_a_week_by_keyboard_alone_from_the_first_word_to_the_correction(
    chrome: Browser,
    desk: str,  # noqa: F811
    services: Services,  # noqa: F811
    press: Work,  # noqa: F811
    second_person: Page,
    tally: Tally,
) -> None:
    page = chrome.new_context(base_url=desk, viewport={"width": 1280, "height": 900}).new_page()
    sign_in_with_a_second_factor(page)
    begin(page)
    show_a_picture(page)
    meet_preflight_and_mend(page)
    approve(second_person)
    let_it_go_out(page, services)
    press()
    watch(page, tally)
    read_the_report(page)
    correct(page, second_person, chrome, desk)
    second_person.context.close()
    page.context.close()


def sign_in_with_a_second_factor(page: Page) -> None:
    knock(page, "owner@desk.example")
    page.wait_for_url("**/desk/")
    keyboard.press(page.get_by_role("link", name="Account"))
    keyboard.press(page.get_by_role("link", name="Set up two-factor authentication"))
    expect(page.locator(".secret")).to_be_visible()
    code = pyotp.TOTP("".join(page.locator(".secret span").all_inner_texts()))
    keyboard.fill(page.get_by_label("Password"), PASSWORD)
    keyboard.fill(page.get_by_label("Code"), code.now())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Save these recovery codes")).to_be_visible()
    recovery_code = page.locator(".codes li").first.inner_text()
    keyboard.press(page.get_by_role("button", name="Sign out"))
    page.wait_for_url("**/desk/sign-in")
    knock(page, "owner@desk.example")
    page.wait_for_url("**/desk/sign-in/code")
    # The code of this half minute was used up by the set-up, as it should be.
    keyboard.press(page.get_by_role("link", name="Use a recovery code"))
    keyboard.fill(page.get_by_label("Recovery code"), recovery_code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/")


def begin(page: Page) -> None:
    keyboard.press(page.get_by_role("link", name="New issue"))
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.insert_text(WRONG)
    page.wait_for_url("**/write")
    expect(page.frame_locator("#sheet").get_by_text(WRONG)).to_be_visible()
    page.keyboard.press("Escape")
    keyboard.press(page.locator("#details summary"))
    keyboard.fill(page.get_by_label("Title", exact=True), TITLE)
    keyboard.fill(page.get_by_label("Subject", exact=True), SUBJECT)
    keyboard.come_to(page.locator(".cm-content"))


def show_a_picture(page: Page) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (2400, 1200), "teal").save(drawn, "JPEG")
    page.keyboard.press("Escape")
    keyboard.come_to(page.get_by_role("toolbar", name="Formatting").get_by_role("button", name="Bold"))
    add = page.get_by_role("button", name="Add a picture")
    for _ in range(20):
        if add.get_attribute("tabindex") == "0":
            break
        page.keyboard.press("ArrowRight")
    expect(add).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    picture = {"name": "A Timer.jpg", "mimeType": "image/jpeg", "buffer": drawn.getvalue()}
    chooser.value.set_files(picture)  # type: ignore[arg-type]
    asked = page.get_by_role("group", name="Picture a-timer.jpg")
    keyboard.fill(asked.get_by_label("Alt text"), "A kitchen timer beside a chair")
    page.keyboard.press("Enter")
    expect(page.frame_locator("#sheet").get_by_role("img", name="A kitchen timer beside a chair")).to_be_visible()


def meet_preflight_and_mend(page: Page) -> None:
    save(page)
    open_issue(page)
    expect(page.get_by_role("heading", name=re.compile("^Blocking"))).to_be_visible()
    preflight = page.get_by_role("region", name="Preflight")
    expect(preflight).to_contain_text("cure")
    keyboard.press(preflight.get_by_role("link", name=re.compile("^Line")).first)
    page.locator(".cm-content").wait_for()
    picture = re.search(r"!\[.*?\]\(.*?\)", typed(page))
    assert picture
    type_anew(page, f"{RIGHT}\n\n{picture[0]}")
    save(page)
    open_issue(page)
    expect(page.get_by_role("heading", name=re.compile("^Blocking"))).to_have_count(0)
    keyboard.press(page.get_by_role("button", name="Mark as ready"))
    # Ready, and still it cannot go out: nobody else has read it.
    expect(page.get_by_role("status").first).to_contain_text("is marked as ready")
    expect(page.get_by_role("button", name=re.compile("^Schedule for"))).to_have_count(0)


def approve(second_person: Page) -> None:
    second_person.reload()
    open_issue(second_person)
    keyboard.press(second_person.get_by_role("link", name=re.compile("approv", re.IGNORECASE)).first)
    keyboard.press(second_person.get_by_role("button", name="Approve exactly this email"))
    expect(second_person.get_by_role("status").first).to_contain_text("Approved.")


def let_it_go_out(page: Page, services: Services) -> None:  # noqa: F811
    page.reload()
    sentence = page.get_by_text(re.compile(r"^On Tuesday .* at 09:00 \(Europe/Warsaw\) this goes to 500 readers"))
    expect(sentence).to_be_visible()
    keyboard.press(page.get_by_role("button", name=re.compile(r"^Schedule for Tuesday .* 09:00$")))
    expect(page.get_by_role("heading", name=f"{TITLE} scheduled")).to_be_visible()
    with services.sessions.begin() as session:
        now = datetime.now(UTC)
        session.execute(update(Letter).where(Letter.subject == SUBJECT).values(due_at=now))
        assert [begun.copies for begun in publish.publish_due(session, GRACE, now)] == [READERS]


def watch(page: Page, tally: Tally) -> None:
    page.reload()
    copies = page.get_by_role("region", name="Copies")
    expect(copies).to_contain_text(re.compile(r"[0-9.]+ copies a second"))
    expect(page.get_by_text("It went out on")).to_be_visible()
    assert (len(tally.recipients), tally.twice) == (READERS, [])


def read_the_report(page: Page) -> None:
    keyboard.press(page.get_by_role("link", name="Full report"))
    keyboard.press(page.get_by_role("link", name=f"Sent: {READERS}"))
    expect(page.get_by_text("250").first).to_be_visible()
    expect(page.get_by_text("reader0@firm0.example").first).to_be_visible()


def correct(page: Page, second_person: Page, chrome: Browser, desk: str) -> None:  # noqa: F811
    """Written by the owner, approved and published by the other editor; readers look into the archive."""
    open_issue(page)
    keyboard.press(page.get_by_role("link", name="Correct it"))
    page.wait_for_url(f"**/{SLUG}/write")
    page.locator(".cm-content").wait_for()
    type_anew(page, f"{typed(page)}\n\nStand for three minutes, every half hour.\n")
    save(page)
    keyboard.press(page.get_by_role("button", name="Review the correction"))
    keyboard.fill(page.get_by_label("What was wrong, and what is right"), "It said nothing of how long to stand.")
    keyboard.press(page.get_by_role("button", name="Ask for approval"))
    expect(page.get_by_text("asked for approval")).to_be_visible()
    keyboard.press(second_person.get_by_role("link", name="BackPainHelp"))
    keyboard.press(second_person.get_by_role("link", name=re.compile("^The correction of .* waits for approval")))
    keyboard.press(second_person.get_by_role("button", name="Approve and publish"))
    expect(second_person.get_by_role("heading", name="Correction 1")).to_be_visible()
    stranger = chrome.new_context(base_url=desk).new_page()
    stranger.goto(f"/archive/{SLUG}/")
    expect(stranger.get_by_text("It said nothing of how long to stand.")).to_be_visible()
    expect(stranger.get_by_text("Stand for three minutes, every half hour.")).to_be_visible()
    stranger.context.close()


def knock(page: Page, email: str) -> None:
    page.goto("/desk/sign-in")
    keyboard.fill(page.get_by_label("Email address"), email)
    keyboard.fill(page.get_by_label("Password", exact=True), PASSWORD)
    page.keyboard.press("Enter")


def open_issue(page: Page) -> None:
    keyboard.press(page.get_by_role("navigation", name="Desk").get_by_role("link", name="Issues"))
    keyboard.press(page.get_by_role("main").get_by_role("link", name=TITLE, exact=True).first)
    page.wait_for_url(re.compile("/desk/issues/[^/]+/$"))


def save(page: Page) -> None:
    with page.expect_response(re.compile("/write/save")) as answer:
        page.keyboard.press("Control+s")
    assert answer.value.ok
    # From the text, Tab would indent it; after Escape it leaves for two seconds, which a busy machine may take.
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")


def type_anew(page: Page, words: str) -> None:
    keyboard.come_to(page.locator(".cm-content"))
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(words)


def typed(page: Page) -> str:
    return str(page.evaluate("new FormData(document.getElementById('manuscript')).get('body')"))
