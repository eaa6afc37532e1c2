"""The first hour at the desk, on a phone by keyboard alone: from the start page through every step of the guide."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from newsletter import editors, publications
from newsletter.db import Sessions, open_engine
from newsletter.delivery.transactional.mailer import MailerSettings, TransactionalMailer
from newsletter.doctor import gather
from newsletter.editorial.issues import issue_store
from newsletter.editorial.source import issue_file
from newsletter.editors import Role
from newsletter.outbound import GuardedClient
from newsletter.web.desk.settings import doctor
from newsletter.wiring import Services
from tests import dns_server, sample_services
from tests.browser.desk.conftest import Open
from tests.browser.keyboard import fill, press
from tests.browser.looks import PHONE, is_too_wide
from tests.delivery.peers import Mailbox, honest
from tests.originals import Originals
from tests.sample_services import NOW
from tests.web.desk.visits import PASSWORD, hashed

DRAFT = "---\ntitle: Sit well\nsubject: Sit well at work\n---\nRead [more](https://backs.example.org/).\n"


def fresh(sessions: Sessions, folder: Path) -> None:
    """The press on its first day: the shipped publication, an owner and a draft."""
    sample_services.opened(sessions, folder)
    with sessions.begin() as session:
        editors.add(session, "owner@desk.example", Role.OWNER, NOW).password_hash = hashed(PASSWORD)
        text = issue_store.Text(issue_file.parse(DRAFT, "sit.md"), "sit.md", {})
        issue_store.create(session, publications.find(session), text, issue_store.BY_FILE, NOW)


@pytest.fixture
def services(originals: Originals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    dns_server.be_patient(monkeypatch)
    nobody = GuardedClient(resolve=lambda _host, _port: [])
    outside = gather.Outside(web=nobody, smtp_port=9)
    monkeypatch.setattr(doctor.gather, "Outside", lambda: outside)
    with originals.copy("sqlite", fresh, tmp_path) as url, dns_server.running() as names:
        sessions = Sessions(open_engine(url))
        made = sample_services.build(sessions, tmp_path, "http://127.0.0.1", dns_resolver=names.address)
        yield made
        made.close()


@pytest.mark.slow
def test_each_step_is_done_in_its_turn_and_the_guide_knows_it(open_desk: Open, services: Services) -> None:
    page = open_desk(viewport={"width": PHONE, "height": 760})
    page.goto("/desk/")
    press(page.get_by_role("link", name="Name your newsletter"))
    fill(page.get_by_label("Name", exact=True), "Backs")
    save(page)
    fill(page.get_by_label("From name"), "Backs")
    fill(page.get_by_label("From address"), "letters@backs.org.pl")
    save(page)
    fill(page.get_by_label("Postal address"), "1 High Street\nLeeds")
    save(page)
    choose_colours(page)
    # There is a slot already, and no list to import.
    step(page, "Readers")
    press(page.get_by_role("link", name="Later"))
    try_mail(page, services)
    press(page.get_by_role("link", name="Next"))
    ask_doctor(page)
    press(page.get_by_role("link", name="Setup", exact=True))
    states = page.locator(".setup-steps .badge")
    expect(states).to_have_text(
        ["done", "done", "done", "done", "done", "optional", "done", "needs attention"], use_inner_text=True
    )
    page.goto("/desk/")
    expect(page.get_by_text("6 of 8 steps are done")).to_be_visible()


@pytest.mark.slow
def test_a_name_of_one_long_word_makes_no_page_wider(open_desk: Open, services: Services) -> None:
    with services.sessions.begin() as session:
        publications.find(session).name = "<b>" + "w" * 117
    page = open_desk(viewport={"width": 320, "height": 760})
    for path in ("/desk/", "/desk/settings/", "/desk/settings/setup/", "/desk/settings/look?guide=1", "/desk/issues/"):
        page.goto(path)
        assert not is_too_wide(page), path


def save(page: Page) -> None:
    press(page.get_by_role("button", name="Save and continue"))


def step(page: Page, title: str) -> None:
    """Wait until the page is that of this step."""
    expect(page.get_by_role("navigation", name="Setup guide")).to_contain_text(title)


def choose_colours(page: Page) -> None:
    """See a colour in the mail before it is saved; one that nobody can read is refused in words beside its field."""
    step(page, "Logo and colours")
    colour = page.get_by_label("Links and buttons", exact=True)
    link = page.frame_locator("iframe[title$=light]:not(.is-loading)").get_by_role("link", name="more")
    fill(colour, "#ffd700")
    expect(page.get_by_text("Too little contrast: links on paper 1.3, titles of callouts 1.1")).to_be_visible()
    expect(link).to_have_css("color", "rgb(255, 215, 0)")
    press(page.get_by_role("button", name="Save colours and continue"))
    expect(colour).to_have_value("#ffd700")
    expect(page.locator("#accent-fault")).to_contain_text("Too little contrast")
    fill(colour, "#8a1c4a")
    expect(link).to_have_css("color", "rgb(138, 28, 74)")
    press(page.get_by_role("button", name="Save colours and continue"))


def try_mail(page: Page, services: Services) -> None:
    """One press sends it; what the server says comes up by itself."""
    step(page, "Test email")
    press(page.get_by_role("button", name="Send it to me"))
    expect(page.get_by_text("It is waiting to be sent.")).to_be_visible()
    mailbox = Mailbox()
    with honest(mailbox) as peer:
        mailer = TransactionalMailer(services.sessions, MailerSettings(peer.server), worker="w", clock=lambda: NOW)
        assert mailer.deliver_due() == 1
        mailer.close()
    assert mailbox.recipients == ["owner@desk.example"]
    expect(page.get_by_text("The mail server accepted it.")).to_be_visible()
    expect(page.get_by_text("250 2.0.0 Taken")).to_be_visible()


def ask_doctor(page: Page) -> None:
    step(page, "Doctor")
    press(page.get_by_role("button", name="Check now"))
    expect(page.get_by_text("Last checked on")).to_be_visible()
    step(page, "needs attention")
