"""Approvals and test mails in a real browser: by keyboard, by axe, and live."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from newsletter.delivery.transactional import outbox
from newsletter.editorial.issues import issue_store
from newsletter.editorial.source import issue_file
from newsletter.publications import find
from newsletter.wiring import Services
from newsletter.workflows import approve_issue, issue_readiness
from tests.browser import keyboard
from tests.browser.desk.conftest import NOW, Open
from tests.browser.hands import follow
from tests.browser.looks import faults
from tests.real_parts import Axe

SLUG = "break-the-circle"
ISSUE = f"/desk/issues/{SLUG}/"
APPROVAL, TEST = f"{ISSUE}approval", f"{ISSUE}test"


@pytest.fixture(autouse=True)
def strict(services: Services) -> None:
    """The publication asks for approvals; one was given, and the text was changed after it."""
    with services.sessions.begin() as session:
        find(session).requires_approval = True


def save(services: Services, words: str) -> None:
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        source = issue.revision.source.replace("the", words, 3)
        text = issue_store.Text(
            issue_file.parse(source, issue.file_name), issue.file_name, issue_store.picture_names(issue.revision)
        )
        issue_store.save(session, issue.publication, text, "author@desk.example", NOW)
        issue_readiness.mark_ready(session, issue, services.links)


def approve(page: Page) -> None:
    page.goto(APPROVAL)
    page.get_by_role("button", name="Approve exactly this email").click()
    expect(page.get_by_role("status").first).to_contain_text("Approved.")


def test_the_keyboard_alone_approves(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.goto(ISSUE)
    keyboard.press(page.get_by_role("link", name="Review, or ask for approval"))
    page.wait_for_url(f"**{APPROVAL}")
    keyboard.press(page.get_by_role("button", name="Approve exactly this email"))
    expect(page.get_by_role("status").first).to_contain_text("Approved.")
    with services.sessions.reading() as session:
        standing = approve_issue.approval_status(session, services.links, issue_store.find(session, SLUG))
        assert standing.approval
        assert standing.approval.person == "owner@desk.example"


def test_the_keyboard_alone_sends_it_back_with_a_comment(open_desk: Open) -> None:
    page = open_desk()
    page.goto(APPROVAL)
    keyboard.press(page.get_by_text("Send it back with a comment"))
    page.keyboard.press("Tab")
    page.keyboard.type("The second source is missing.")
    keyboard.press(page.get_by_role("button", name="Send back"))
    expect(page.get_by_text("The second source is missing.").first).to_be_visible()
    expect(page.get_by_role("heading", name="Approval draft")).to_be_visible()


@pytest.mark.slow
def test_axe_finds_nothing_before_and_after_an_approval(open_desk: Open, services: Services, axe: Axe) -> None:
    page = open_desk()
    problems: list[Any] = []
    page.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)

    def look(path: str) -> None:
        page.goto(path)
        problems.extend((path, fault) for fault in faults(page, axe))

    look(APPROVAL)
    approve(page)
    look(APPROVAL)
    page.goto(TEST)
    follow(page.get_by_role("button", name="Send test email"))
    save(services, "THOSE")
    for path in (ISSUE, APPROVAL, TEST):
        look(path)

    assert problems == []


def test_the_fate_of_a_test_mail_follows_by_itself(open_desk: Open, services: Services) -> None:
    page = open_desk()
    page.clock.install()
    page.goto(TEST)
    page.get_by_label("Other addresses").fill("friend@example.org")
    page.get_by_role("button", name="Send test email").click()
    fates = page.locator("#fates")
    expect(fates).to_contain_text("friend@example.org waiting")
    with services.sessions.begin() as session:
        for post in outbox.claim(session, "w", 9, NOW):
            outbox.failed(session, "w", post.id, "550 5.1.1 nobody here", NOW)
    page.clock.run_for(2_000)
    expect(fates).to_contain_text("friend@example.org refused")
    expect(fates).to_contain_text("The server said: 550 5.1.1 nobody here")


def test_a_sample_reader_is_found_without_losing_what_was_typed(open_desk: Open) -> None:
    page = open_desk()
    page.goto(TEST)
    page.get_by_label("Other addresses").fill("friend@example.org")
    page.get_by_label("Personalise it for one of your readers").fill("reader1@")
    page.get_by_role("button", name="Find").click()
    page.get_by_label("reader1@example.org").check()
    expect(page.get_by_label("Other addresses")).to_have_value("friend@example.org")
    page.get_by_role("button", name="Send test email").click()
    expect(page.get_by_role("status").first).to_contain_text("2 test emails on the way.")


@pytest.mark.slow
def test_both_work_without_scripts(open_desk: Open) -> None:
    page = open_desk(java_script_enabled=False, viewport={"width": 375, "height": 800})
    approve(page)
    page.goto(TEST)
    page.get_by_label("Personalise it for one of your readers").fill("reader1@")
    page.get_by_role("button", name="Find").click()
    page.get_by_label("reader1@example.org").check()
    page.get_by_role("button", name="Send test email").click()
    expect(page.get_by_role("status").first).to_contain_text("1 test email on the way.")
