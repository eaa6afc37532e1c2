"""Preflight as an editor meets it: on an issue's page, and beside the text while it is typed."""

from typing import Any

import pytest
from playwright.sync_api import expect

from newsletter.editorial.external_checks import link_checks
from newsletter.editorial.issues import issue_store
from newsletter.editorial.source import issue_file
from newsletter.outbound import Answer
from newsletter.publications import find
from newsletter.wiring import Services
from tests.browser.desk.conftest import NOW, Open
from tests.browser.looks import faults
from tests.real_parts import Axe

NHS = "https://www.nhs.uk/conditions/back-pain/"
SOURCE = f"""---
title: A sore back
subject: What to do about a sore back
preheader: A short routine for the end of a long day at the desk.
category: Health
sources: [{{title: NHS, url: "{NHS}"}}]
---
Hello {{{{ name }}}},

Lie down for a while. It cures every back, and studies show it. [Click here](http://www.example.com/a) for more.

We meet on Tuesday 25 November, in the the hall.

TODO: name a doctor.
"""
PAGE = "/desk/issues/sore/"
WRITES_ON = """(words) => {
  const { anchorNode } = getSelection();
  return (anchorNode?.closest ? anchorNode : anchorNode?.parentElement)?.closest(".cm-line")?.textContent === words;
}"""


@pytest.fixture
def services(services: Services) -> Services:
    """With an issue that has much to mend, and links that may be asked."""
    object.__setattr__(services, "settings", services.settings.model_copy(update={"link_checks": True}))
    with services.sessions.begin() as session:
        keep(session, SOURCE)
    return services


def keep(session: Any, source: str) -> None:
    text = issue_store.Text(issue_file.parse(source, "2026-11-24-sore.md"), "2026-11-24-sore.md", {})
    issue_store.save(session, find(session), text, issue_store.BY_FILE, NOW)


@pytest.mark.slow
def test_axe_finds_nothing_in_what_preflight_found(open_desk: Open, axe: Axe) -> None:
    page = open_desk()
    page.goto(PAGE)
    page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    assert faults(page, axe) == []


def test_a_finding_leads_to_its_line_in_the_text(open_desk: Open) -> None:
    page = open_desk()
    page.goto(PAGE)
    page.locator(".finding", has_text="A placeholder is left").get_by_role("link", name="Line 14").click()
    page.wait_for_url("**/write?line=14")
    page.wait_for_function(WRITES_ON, arg="TODO: name a doctor.")


def test_answers_come_in_by_themselves(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.clock.install()
    page.goto(PAGE)
    page.get_by_role("button", name="Check links and spam score").click()
    expect(page.get_by_text("2 links are being checked.")).to_be_visible()
    with services.sessions.begin() as session:
        for url in ("http://www.example.com/a", NHS):
            link_checks.record(session, Answer(url, 404, url), NOW)
    page.clock.run_for(2_000)
    expect(page.get_by_text("leads to a page that is gone (404)").first).to_be_visible()
    expect(page.get_by_text("links are being checked")).to_have_count(0)


def test_a_fault_goes_as_it_is_mended_in_the_text(open_desk: Open) -> None:
    page = open_desk()
    page.goto(f"{PAGE}write")
    sum_ = page.locator("#write-preflight summary .count")
    expect(sum_).to_contain_text("1 blocking")
    page.locator("#write-preflight > summary").click()
    page.get_by_role("link", name="Line 14").click()
    page.wait_for_function(WRITES_ON, arg="TODO: name a doctor.")
    page.keyboard.press("End")
    page.keyboard.press("Shift+Home")
    page.keyboard.type("Ask a doctor.")
    expect(sum_).not_to_contain_text("blocking")
    expect(page.get_by_text("A placeholder is left")).to_have_count(0)
    expect(page.locator("#write-preflight")).to_have_attribute("open", "")


@pytest.mark.slow
def test_axe_finds_nothing_in_preflight_beside_the_text(open_desk: Open, axe: Axe) -> None:
    page = open_desk()
    page.goto(f"{PAGE}write")
    expect(page.locator("#write-preflight summary .count")).to_contain_text("1 blocking")
    page.locator("#write-preflight > summary").click()
    page.evaluate("document.querySelectorAll('#write-preflight details').forEach((part) => (part.open = true))")
    assert faults(page, axe) == []
