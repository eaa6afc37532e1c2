"""A correction from the issue's page to the letter in the post, by hand, judged by axe on the way."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from newsletter.delivery.models import Copy, CopyState
from newsletter.editorial.issues import issue_store
from newsletter.wiring import Services
from tests import sample_services
from tests.browser.desk.conftest import Open
from tests.browser.looks import PHONE, faults
from tests.real_parts import Axe

SLUG = sample_services.OUT[0]


@pytest.fixture
def services(services: Services) -> Services:
    """The first issue arrived at all its readers but one, whose copy is in doubt."""
    with services.sessions.begin() as session:
        letter = issue_store.find(session, SLUG).letter
        session.execute(update(Copy).where(Copy.letter_id == letter.id).values(state=CopyState.SENT))
        session.execute(update(Copy).where(Copy.letter_id == letter.id, Copy.id == 1).values(state=CopyState.IN_DOUBT))
    return services


@pytest.mark.slow
def test_an_editor_corrects_an_issue_and_mails_those_who_got_it(open_desk: Open, axe: Axe) -> None:
    page = open_desk(viewport={"width": PHONE, "height": 900})
    problems: list[Any] = []
    page.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)

    def look(name: str) -> None:
        problems.extend((name, fault) for fault in faults(page, axe))

    page.goto(f"/desk/issues/{SLUG}/")
    look("issue")
    page.get_by_role("link", name="Correct it").click()
    page.get_by_role("button", name="Publish the correction").click()
    expect(page.get_by_text("Say what changed; readers see it above the text.")).to_be_visible()
    look("amend")
    page.get_by_label("What changed").fill("We wrote ten hours; it is ten minutes.")
    page.get_by_label("The text").press("Control+End")
    page.get_by_label("The text").press_sequentially("\nTen minutes are enough.\n")
    page.get_by_role("button", name="Publish the correction").click()
    expect(page.get_by_text("No email was sent about it.")).to_be_visible()
    expect(page.locator("ins")).to_contain_text("Ten minutes are enough.")
    look("correction")
    page.get_by_role("link", name="Email those who got the issue").click()
    look("letter")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name="Read the corrected text")).to_be_visible()
    page.get_by_label("Text", exact=True).fill("Hello {{ surname }}")
    page.get_by_label("Subject").press("Enter")
    expect(page.get_by_text('Unknown field "surname"')).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Send the correction"))).to_have_count(0)
    look("faulty letter")
    page.get_by_label("Text", exact=True).fill("Hello {{ name | friend }},\n\nten minutes are enough.")
    page.get_by_role("button", name="Save and preview").click()
    expect(frame.get_by_text("ten minutes are enough.")).to_be_visible()
    page.get_by_role("button", name=re.compile(r"^Send the correction to \d+ readers now$")).click()
    expect(page.get_by_text("It is going out now to those who got the issue.")).to_be_visible()
    look("mailed")
    _stop(page)
    look("stopped")
    page.goto(f"/archive/{SLUG}/")
    expect(page.get_by_text("We wrote ten hours; it is ten minutes.")).to_be_visible()
    look("archive")
    assert problems == []


def _stop(page: Page) -> None:
    page.get_by_role("button", name="Stop for good").click()
    expect(page.get_by_text("Sending was stopped before everyone who got the issue had it.")).to_be_visible()
