"""An error is noticed while an issue goes out: from there to the correction in the post, by hand, judged by axe."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from newsletter.audience.segments import store as segments
from newsletter.delivery.models import Copy, CopyState, LetterState
from newsletter.editorial.issues import issue_store
from newsletter.publications import find
from newsletter.wiring import Services
from tests import sample_services
from tests.browser.desk.conftest import Open
from tests.browser.desk.writing import ready, write
from tests.browser.hands import follow
from tests.browser.looks import PHONE, faults
from tests.real_parts import Axe

SLUG = sample_services.OUT[0]
ISSUE = f"/desk/issues/{SLUG}/"
NOTE = "We wrote ten hours; it is ten minutes."
ADDED = "Ten minutes are enough."


@pytest.fixture
def services(services: Services) -> Services:
    """The first issue is going out: all but one of its copies have left."""
    with services.sessions.begin() as session:
        letter = issue_store.find(session, SLUG).letter
        assert letter
        letter.state, letter.finished_at = LetterState.RUNNING, None
        session.execute(update(Copy).where(Copy.letter_id == letter.id).values(state=CopyState.SENT))
        session.execute(update(Copy).where(Copy.letter_id == letter.id, Copy.id == 1).values(state=CopyState.PENDING))
    return services


def test_a_page_whose_form_is_sent_hears_no_more_of_what_that_changes(open_desk: Open) -> None:
    """Or it would load itself anew, and the page that was asked for would never come."""
    page = open_desk("editor@desk.example")
    page.add_init_script("""streams = [];
        window.EventSource = class extends EventSource { constructor(url) { super(url); streams.push(this); } };""")
    page.goto(ISSUE)
    is_closed = page.get_by_role("button", name="Pause and correct it").evaluate("""({ form }) => {
        form.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
        return streams.map(stream => stream.readyState === EventSource.CLOSED);
    }""")
    assert is_closed == [True]


class Stopwatch:
    """Counts what is pressed on a page."""

    def __init__(self, page: Page) -> None:
        self.page, self.presses = page, 0

    def press(self, role: Any, name: str) -> None:
        self.page.get_by_role(role, name=re.compile(name)).click()
        self.presses += 1


def correct_the_text(stopwatch: Stopwatch) -> None:
    page = stopwatch.page
    page.goto(ISSUE)
    stopwatch.press("button", "^Pause and correct it$")
    ready(page)
    write(page, ADDED)
    expect(page.frame_locator("#sheet").get_by_text(ADDED)).to_be_attached()
    stopwatch.press("button", "^Review the correction$")
    page.get_by_label("What was wrong, and what is right").fill(NOTE)


def test_from_noticing_an_error_in_mid_send_to_its_correction_in_the_post_are_three_presses(
    open_desk: Open, services: Services
) -> None:
    page = open_desk("editor@desk.example")
    stopwatch = Stopwatch(page)
    correct_the_text(stopwatch)
    stopwatch.press("button", r"^Publish and email it to \d+ readers$")
    expect(page.get_by_text("The email about it is on its way to")).to_be_visible()
    assert stopwatch.presses == 3
    with services.sessions.reading() as session:
        correction = issue_store.find(session, SLUG).corrections[0]
        assert len(session.scalars(select(Copy.id).where(Copy.letter_id == correction.letter_id)).all()) > 1
    stopwatch.press("button", "^Resume sending$")
    expect(page.get_by_text("It is going out now.")).to_be_visible()


@pytest.mark.slow
def test_a_correction_in_mid_send_is_approved_published_and_mailed_by_a_second_person(
    open_desk: Open, services: Services, axe: Axe
) -> None:
    with services.sessions.begin() as session:
        find(session).requires_approval = True
    problems: list[Any] = []

    def look(page: Page, name: str) -> None:
        problems.extend((name, fault) for fault in faults(page, axe))

    writer = open_desk("editor@desk.example", viewport={"width": PHONE, "height": 900})
    writer.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)
    stopwatch = Stopwatch(writer)
    correct_the_text(stopwatch)
    expect(writer.locator("ins")).to_contain_text(ADDED)
    look(writer, "review")
    stopwatch.press("button", "^Ask for approval$")
    expect(writer.get_by_text("asked for approval")).to_be_visible()
    second = open_desk("owner@desk.example")
    second.goto("/desk/")
    follow(second.get_by_role("link", name=re.compile("^The correction of “.*” waits for approval")))
    look(second, "approval")
    second.get_by_role("button", name=re.compile("^Approve, publish and email it to")).click()
    expect(second.get_by_role("heading", name="Correction 1")).to_be_visible()
    expect(second.get_by_text("It is paused, without this correction.")).to_be_visible()
    look(second, "mailed")
    second.get_by_role("button", name="Stop for good").click()
    expect(second.get_by_text("Sending was stopped before everyone who got the issue had it.")).to_be_visible()
    second.goto(f"/archive/{SLUG}/")
    expect(second.get_by_text(NOTE)).to_be_visible()
    expect(second.get_by_text(ADDED)).to_be_visible()
    assert problems == []


@pytest.mark.slow
@pytest.mark.parametrize("has_script", [True, False])
def test_who_gets_a_correction_is_counted_after_its_page_has_come(
    open_desk: Open, axe: Axe, has_script: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "_LARGE", 1)
    page = open_desk("editor@desk.example", java_script_enabled=has_script)

    def count(link: str, said: str) -> None:
        if not has_script:
            page.get_by_role("link", name=link).click()
        expect(page.get_by_text(re.compile(said))).to_be_visible()
        if has_script:
            assert faults(page, axe) == []

    page.goto(f"{ISSUE}corrections/new")
    count("Count who got it and is still subscribed", r"\d+ readers? who got it (is|are) still subscribed")
    page.get_by_label("What was wrong, and what is right").fill(NOTE)
    page.get_by_role("button", name="Publish the correction").click()
    page.get_by_role("link", name="Email those who got the issue").click()
    count("Count them", r"This goes at once to the \d+ readers? who got")
    page.get_by_role("button", name=re.compile("^Send the correction")).click()
    expect(page.get_by_text(re.compile(r"On its way to \d+ readers?\."))).to_be_visible()
