"""A two-person team's whole week in a real browser, with five hundred readers behind a real mail server.

It is lived by keyboard alone and by touch on a phone, and a stopwatch counts what it takes (docs/stopwatch.md).
"""

import io
import re
import threading
from collections.abc import Callable, Iterator
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
from tests.browser.desk.writing import offer, shows
from tests.browser.hands import Hands, Keyboard, Touch
from tests.torture.sink import Tally
from tests.web.desk.visits import PASSWORD

# On the other database an issue is watched by test_desk_sending_by_hand.
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

TITLE = "Sitting less, and better"
FIRST = "A timer helps a stiff back more than the best chair does, and it costs nothing."
WRONG = "Standing up is guaranteed to cure every back. TK name the study."
RIGHT = "Standing up now and then may ease a stiff back."
WARNING = "If pain lasts for weeks, or a leg goes numb, see a doctor."
GRACE = timedelta(minutes=5)
SHOWN = "A kitchen timer beside a chair"
NOTE = "It said nothing of how long to stand."
ADDED = "Stand for three minutes, every half hour."
Enter = Callable[[str], Hands]

TO_SCHEDULED, TO_CORRECTED = (16, 160), (7, 100)
"""Acts and keys at most. Acts are what they are today; keys, many of them Tab, have a few to spare."""


@pytest.fixture
def tally(gate: threading.Event) -> Tally:  # noqa: F811
    """A server that knows every reader, and answers nobody after the first sixty until the gate is open."""

    def answer(_reader: str) -> str:
        if len(tally.taken) >= 60:
            gate.wait()
        return "250 2.1.5 Known"

    tally = Tally(answer=answer)
    return tally


@pytest.fixture(params=[Keyboard, Touch])
def come_in(
    request: pytest.FixtureRequest,
    services: Services,  # noqa: F811
    desk: str,  # noqa: F811
    chrome: Browser,
) -> Iterator[Enter]:
    """A browser for one of the two, who works by keyboard alone or by touch; the publication asks for approvals."""
    with services.sessions.begin() as session:
        editors.set_password(editors.add(session, "bo@desk.example", Role.EDITOR, datetime.now(UTC)), PASSWORD)
        publications.find(session).requires_approval = True
    opened = []

    def enter(email: str) -> Hands:
        opened.append(chrome.new_context(base_url=desk, **request.param.screen))
        hands: Hands = request.param(opened[-1].new_page())
        sign_in(hands, email)
        return hands

    yield enter
    for context in opened:
        context.close()


def test_a_week_from_the_first_word_to_the_correction(
    come_in: Enter,
    services: Services,  # noqa: F811
    press: Work,  # noqa: F811
    tally: Tally,
    gate: threading.Event,  # noqa: F811
) -> None:
    second = come_in("bo@desk.example")
    ask_for_a_code_from_now_on(second)
    writer = come_in("owner@desk.example")
    write(writer)
    with writer.uncounted():
        meet_preflight_and_mend(writer)
    call_it_ready(writer)
    approve(second)
    put_into_a_slot(writer)
    to_scheduled = writer.acts, writer.keys
    begin_to_send(services)
    press()
    second.acts = second.keys = writer.acts = writer.keys = 0
    notice_an_error_and_correct_it(writer)
    approve_and_mail_the_correction(second)
    to_corrected = writer.acts + second.acts, writer.keys + second.keys
    gate.set()
    let_the_rest_go(writer, tally)
    read_the_report(writer)
    look_a_reader_up(writer)
    for counted, most in ((to_scheduled, TO_SCHEDULED), (to_corrected, TO_CORRECTED)):
        assert counted[0] <= most[0], f"{counted} acts and keys"
        assert counted[1] <= most[1], f"{counted} acts and keys"


def sign_in(hands: Hands, email: str) -> None:
    page = hands.page
    page.goto("/desk/sign-in")
    hands.fill(page.get_by_label("Email address"), email)
    hands.fill(page.get_by_label("Password", exact=True), PASSWORD)
    hands.send(page.get_by_role("button", name="Sign in"))
    page.wait_for_url(re.compile("/desk/(sign-in/code)?$"))


def ask_for_a_code_from_now_on(hands: Hands) -> None:
    page = hands.page
    hands.press(page.get_by_role("link", name="Account"))
    hands.press(page.get_by_role("link", name="Set up two-factor authentication"))
    expect(page.locator(".secret")).to_be_visible()
    code = pyotp.TOTP("".join(page.locator(".secret span").all_inner_texts()))
    hands.fill(page.get_by_label("Password"), PASSWORD)
    hands.fill(page.get_by_label("Code"), code.now())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Save these recovery codes")).to_be_visible()
    recovery_code = page.locator(".codes li").first.inner_text()
    hands.press(page.get_by_role("button", name="Sign out"))
    page.wait_for_url("**/desk/sign-in")
    sign_in(hands, "bo@desk.example")
    # The code of this half minute was used up by the set-up, as it should be.
    hands.press(page.get_by_role("link", name="Use a recovery code"))
    hands.fill(page.get_by_label("Recovery code"), recovery_code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/")


def write(hands: Hands) -> None:
    """An empty page, its text with a callout and a picture; title, subject and preheader as they are proposed."""
    page = hands.page
    hands.press(page.get_by_role("link", name="New issue"))
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.insert_text(f"# {TITLE}\n\n{FIRST}\n\n{WRONG}\n\n")
    page.wait_for_url("**/write")
    page.keyboard.type("/warn")
    hands.choose(offer(page, "Warning"))
    page.keyboard.insert_text(f"{WARNING}\n\n")
    page.keyboard.type("/pict")
    with page.expect_file_chooser() as chooser:
        hands.choose(offer(page, "Picture"))
    chooser.value.set_files({"name": "A Timer.jpg", "mimeType": "image/jpeg", "buffer": drawn()})
    asked = page.get_by_role("group", name="Picture a-timer.jpg")
    expect(asked.get_by_label("Alt text")).to_be_focused()
    page.keyboard.insert_text(SHOWN)
    hands.send(asked.get_by_role("button", name="Done"))
    shows(page, f"![{SHOWN}](a-timer.jpg)")
    hands.press(page.locator("#details summary"))
    for name in ("title", "subject", "preheader"):
        hands.press(page.get_by_role("button", name=f"Use it as the {name}"))
        expect(page.locator(f"#{name}")).not_to_have_value("")
    hands.save()


def meet_preflight_and_mend(hands: Hands) -> None:
    page = hands.page
    open_from_the_writing_page(hands)
    preflight = page.get_by_role("region", name="Preflight")
    expect(preflight.get_by_role("heading", name=re.compile("^Blocking"))).to_be_visible()
    expect(preflight).to_contain_text("cure")
    hands.press(preflight.get_by_role("link", name=re.compile("^Line")).first)
    page.locator(".cm-content").wait_for()
    type_anew(hands, typed(page).replace(WRONG, RIGHT))
    hands.save()


def call_it_ready(hands: Hands) -> None:
    page = hands.page
    open_from_the_writing_page(hands)
    expect(page.get_by_role("heading", name=re.compile("^Blocking"))).to_have_count(0)
    hands.press(page.get_by_role("button", name="Mark as ready"))
    # Ready, and still it cannot go out: nobody else has read it.
    expect(page.get_by_role("status").first).to_contain_text("is marked as ready")
    expect(page.get_by_role("button", name=re.compile("^Schedule for"))).to_have_count(0)


def approve(hands: Hands) -> None:
    page = hands.page
    hands.press(page.get_by_role("navigation", name="Desk").get_by_role("link", name="Issues"))
    hands.press(page.get_by_role("main").get_by_role("link", name=TITLE, exact=True).first)
    hands.press(page.get_by_role("link", name="Review, or ask for approval"))
    hands.press(page.get_by_role("button", name="Approve exactly this email"))
    expect(page.get_by_role("status").first).to_contain_text("Approved.")


def put_into_a_slot(hands: Hands) -> None:
    page = hands.page
    page.reload()
    expect(page.get_by_text(re.compile("^On Tuesday .* at 09:00 .* this goes to 500 readers"))).to_be_visible()
    hands.press(page.get_by_role("link", name="Choose another slot"))
    hands.press(page.get_by_role("button", name=re.compile("^Put it into this slot")).nth(1))
    expect(page.get_by_text(re.compile("^On Tuesday .* this goes to 500 readers")).first).to_be_visible()


def begin_to_send(services: Services) -> None:  # noqa: F811
    """Its hour has come."""
    with services.sessions.begin() as session:
        now = datetime.now(UTC)
        session.execute(update(Letter).where(Letter.due_at > now).values(due_at=now))
        assert [begun.copies for begun in publish.publish_due(session, GRACE, now)] == [READERS]


def notice_an_error_and_correct_it(hands: Hands) -> None:
    page = hands.page
    page.goto("/desk/")
    hands.press(page.get_by_role("button", name="Pause and correct it"))
    page.wait_for_url("**/write*")
    page.locator(".cm-content").wait_for()
    hands.go_to_text()
    with hands.uncounted():
        page.keyboard.press("Control+End")
        page.keyboard.insert_text(f"\n\n{ADDED}\n")
    hands.press(page.get_by_role("button", name="Review the correction"))
    hands.fill(page.get_by_label("What was wrong, and what is right"), NOTE)
    hands.press(page.get_by_role("button", name="Ask for approval"))
    expect(page.get_by_text("asked for approval")).to_be_visible()


def approve_and_mail_the_correction(hands: Hands) -> None:
    page = hands.page
    page.goto("/desk/")
    hands.press(page.get_by_role("link", name=re.compile("^The correction of .* waits for approval")))
    hands.press(page.get_by_role("button", name=re.compile("^Approve, publish and email it to")))
    expect(page.get_by_role("heading", name="Correction 1")).to_be_visible()
    expect(page.get_by_text("The email about it is on its way to")).to_be_visible()


def let_the_rest_go(hands: Hands, tally: Tally) -> None:
    page = hands.page
    page.goto("/desk/")
    hands.press(page.get_by_role("button", name="Resume sending"))
    expect(page.get_by_text("It went out on")).to_be_visible()
    assert len(tally.recipients) == READERS
    # Of the issue and of its correction, nobody got the same twice.
    assert len(set(tally.taken)) == len(tally.taken)
    issue = page.url
    page.goto(f"/archive/{issue.rstrip('/').rpartition('/')[2]}/")
    expect(page.get_by_text(NOTE)).to_be_visible()
    expect(page.get_by_text(ADDED)).to_be_visible()
    page.goto(issue)


def read_the_report(hands: Hands) -> None:
    page = hands.page
    hands.press(page.get_by_role("link", name="Full report"))
    hands.press(page.get_by_role("link", name=f"Sent: {READERS}"))
    expect(page.get_by_text("reader0@firm0.example").first).to_be_visible()


def look_a_reader_up(hands: Hands) -> None:
    page = hands.page
    hands.press(page.get_by_role("navigation", name="Desk").get_by_role("link", name="Readers"))
    hands.fill(page.get_by_label("Address or name"), "reader7@")
    hands.send(page.get_by_role("button", name="Search"))
    hands.press(page.get_by_role("link", name="reader7@firm7.example"))
    expect(page.get_by_role("heading", name="reader7@firm7.example")).to_be_visible()


def open_from_the_writing_page(hands: Hands) -> None:
    page = hands.page
    hands.press(page.get_by_role("navigation", name="Breadcrumb").get_by_role("link").last)
    page.wait_for_url(re.compile("/desk/issues/[^/]+/$"))


def type_anew(hands: Hands, words: str) -> None:
    hands.go_to_text()
    hands.page.keyboard.press("Control+a")
    hands.page.keyboard.insert_text(words)


def typed(page: Page) -> str:
    return str(page.evaluate("new FormData(document.getElementById('manuscript')).get('body')"))


def drawn() -> bytes:
    image = io.BytesIO()
    Image.new("RGB", (2400, 1200), "teal").save(image, "JPEG")
    return image.getvalue()
