import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select

from newsletter import publications
from newsletter.audience.models import SignupCount, Status, Subscription
from newsletter.editorial.issues import issue_store
from newsletter.engagement import comments
from newsletter.engagement.comments import Comment, CommentState, NewComment, ReplyMail
from newsletter.engagement.requests import ContactRequest
from newsletter.wiring import Services
from tests import sample_services
from tests.browser import looks
from tests.browser.hands import follow
from tests.browser.looks import faults_of
from tests.real_parts import Axe
from tests.sample_services import Clock

PHONE, DESKTOP = {"width": 375, "height": 667}, {"width": 1280, "height": 800}
PUBLISHED = f"/archive/{sample_services.OUT[0]}/"
BIG = 44
"""Pixels that a finger needs."""


@pytest.fixture(params=[PHONE, pytest.param(DESKTOP, marks=pytest.mark.slow)], ids=["phone", "desktop"])
def page(request: pytest.FixtureRequest, chrome: Browser, site: str) -> Iterator[Page]:
    """A browser without scripts: every page has to do its work without them."""
    with chrome.new_context(viewport=request.param, base_url=site, java_script_enabled=False) as context:
        yield context.new_page()


def press(page: Page, words: str) -> None:
    """Press the button of these words, which is there before the reader scrolls."""
    button = page.get_by_role("button", name=words)
    assert_before_the_fold(button)
    follow(button)


def send(page: Page, words: str) -> None:
    """Press the button of these words, wherever it is."""
    follow(page.get_by_role("button", name=words))


def assert_before_the_fold(button: Locator) -> None:
    box, window = button.bounding_box(), button.page.viewport_size
    assert box is not None
    assert window is not None
    assert box["height"] >= BIG
    assert box["y"] + box["height"] <= window["height"]


def ask(page: Page, clock: Clock, email: str = "ada@example.org", name: str = "Ada") -> None:
    page.goto("/")
    page.get_by_role("textbox", name="Email").fill(email)
    page.get_by_label("First name").fill(name)
    clock.turn(seconds=10)
    press(page, "Subscribe")


def standing(services: Services) -> Status:
    with services.sessions.reading() as session:
        return session.scalars(select(Subscription)).one().status


def test_a_reader_comes_by_the_form_and_leaves_by_the_link(page: Page, services: Services, clock: Clock) -> None:
    ask(page, clock)
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
    page.goto(sample_services.letters(services)[-1]["confirm_url"])
    press(page, "Yes, send me BackPainHelp")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome: you are subscribed")
    assert standing(services) is Status.ACTIVE
    page.goto(services.links.unsubscribe(1))
    press(page, "Unsubscribe")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have unsubscribed")
    assert standing(services) is Status.UNSUBSCRIBED
    press(page, "Undo: keep me subscribed")
    assert standing(services) is Status.ACTIVE


def test_a_typing_error_is_told_beside_the_field_and_mended_there(page: Page, services: Services, clock: Clock) -> None:
    ask(page, clock, email="ada@example")
    field = page.get_by_role("textbox", name="Email")
    expect(field).to_have_value("ada@example")
    expect(field).to_have_accessible_description(re.compile("Please give an address like name@example.org"))
    expect(page.get_by_label("First name")).to_have_value("Ada")
    field.fill("ada@example.org")
    clock.turn(seconds=10)
    follow(page.get_by_role("button", name="Subscribe"))
    assert [letter["address"] for letter in sample_services.letters(services)] == ["ada@example.org"]


def test_a_comment_is_written_answered_and_reported_without_scripts(
    page: Page, services: Services, clock: Clock
) -> None:
    add_comments(services, clock)
    page.goto(PUBLISHED)
    page.get_by_role("link", name="Reply to Zofia").click()
    expect(page.get_by_role("heading", name="Reply to Zofia")).to_be_visible()
    page.get_by_label("Name *").fill("Ben")
    page.get_by_label("Email *").fill("ben@example")
    page.get_by_label("Comment *").fill("So it did for *me*.")
    page.get_by_label("Email me when somebody replies").check()
    clock.turn(seconds=10)
    send(page, "Send my comment")
    field = page.get_by_label("Email *")
    expect(field).to_have_accessible_description(re.compile("Please give an address like name@example.org"))
    expect(page.get_by_label("Email me when somebody replies")).to_be_checked()
    field.fill("ben@example.org")
    clock.turn(seconds=10)
    send(page, "Send my comment")
    expect(page.get_by_role("status")).to_have_text("Thank you. Your comment will appear here once we have read it.")
    with services.sessions.reading() as session:
        written = session.scalars(select(Comment).order_by(Comment.id.desc()).limit(1)).one()
        assert (written.parent_id, written.email, written.reply_mail) == (1, "ben@example.org", ReplyMail.ASKED)
    page.get_by_role("link", name="Report the comment by ليلى").click()
    send(page, "Report the comment")
    expect(page.get_by_role("status")).to_have_text("Thank you. We will look at this comment.")


def test_the_form_at_the_end_of_an_issue_works_without_a_cookie(page: Page, services: Services, clock: Clock) -> None:
    page.goto(PUBLISHED)
    assert page.context.cookies() == []
    page.get_by_role("textbox", name="Email").fill("ada@example.org")
    clock.turn(seconds=10)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
    assert len(sample_services.letters(services)) == 1


def test_a_reader_takes_a_break_by_the_preferences(page: Page, services: Services, clock: Clock) -> None:
    become_reader(page, services, clock)
    page.goto(services.links.preferences(1))
    page.get_by_label("4 weeks").check()
    page.get_by_role("button", name="Start the break").click()
    expect(page.get_by_role("status")).to_have_text("Your break has started.")
    assert standing(services) is Status.PAUSED


def test_a_reader_chooses_topics_and_one_email_a_month(page: Page, services: Services, clock: Clock) -> None:
    with services.sessions.begin() as session:
        home = publications.find(session)
        home.offers_digest, home.topics = True, ["Neck", "Sleep"]
    become_reader(page, services, clock)
    page.goto(services.links.preferences(1))
    page.get_by_label("Sleep").uncheck()
    send(page, "Save topics")
    expect(page.get_by_role("status")).to_have_text("Your topics have been saved.")
    expect(page.get_by_label("Sleep")).not_to_be_checked()
    page.goto(services.links.unsubscribe(1))
    send(page, "Get one email a month instead")
    expect(page.get_by_role("status")).to_have_text("We have saved how often you want to hear from us.")
    monthly = page.get_by_role("radio", name="one email a month, with links to all its issues")
    expect(monthly).to_be_checked()
    page.get_by_role("radio", name="each issue, when it comes out").check()
    send(page, "Save how often")
    expect(monthly).not_to_be_checked()


def test_a_question_is_asked_and_a_day_wished_for(page: Page, clock: Clock, services: Services) -> None:
    page.goto(PUBLISHED)
    page.get_by_role("link", name="Book a session").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Book a session")
    page.get_by_label("Email").fill("ada@example.org")
    page.get_by_label("What is it about?").select_option(index=1)
    page.get_by_label("Day", exact=True).fill("2026-12-01")
    page.get_by_label("Time", exact=True).fill("14:30")
    page.get_by_label("Your message").fill("My back, again.")
    clock.turn(seconds=10)
    send(page, "Send my request")
    expect(page.get_by_label("Your message")).to_have_value("My back, again.")
    page.get_by_label("I agree").check()
    clock.turn(seconds=10)
    send(page, "Send my request")
    expect(page.get_by_role("heading", level=1)).to_have_text("We have your request")
    with services.sessions.reading() as session:
        asked = session.scalars(select(ContactRequest)).one()
        assert (asked.email, asked.text, asked.is_booking) == ("ada@example.org", "My back, again.", True)


def test_a_reader_says_that_an_issue_did_not_help(page: Page) -> None:
    page.goto(f"{PUBLISHED}helped?answer=no")
    press(page, "No, it did not help")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    page.get_by_role("link", name="Read the issue again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Unwind a tight back")


def test_a_reader_chooses_the_hour_the_zone_and_the_language(page: Page, services: Services, clock: Clock) -> None:
    become_reader(page, services, clock)
    page.goto(services.links.preferences(1))
    page.get_by_label("When", exact=True).select_option("7")
    page.get_by_label("Time zone").select_option("Pacific/Kiritimati")
    send(page, "Save the hour")
    expect(page.get_by_label("Time zone")).to_have_value("Pacific/Kiritimati")
    page.get_by_label("Language of these pages").select_option("de")
    send(page, "Save language")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ihre Einstellungen")


def test_a_reader_gets_a_fresh_link_moves_to_another_address_and_is_erased(
    page: Page, services: Services, clock: Clock
) -> None:
    become_reader(page, services, clock)
    page.goto("/link")
    page.get_by_role("textbox", name="Email").fill("ada@example.org")
    clock.turn(seconds=10)
    send(page, "Send me my link")
    mine = sample_services.letters(services)[-1]["manage_url"]
    page.goto(mine)
    page.get_by_label("New email address").fill("ada@example.net")
    send(page, "Send the link to this address")
    page.goto(sample_services.letters(services)[-1]["address_url"])
    press(page, "Change my address")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your address has been changed")
    clock.turn(minutes=1)
    page.goto(services.links.manage(1, clock()))
    follow(page.get_by_role("link", name="Show my data"))
    expect(page.get_by_text("ada@example.net").first).to_be_visible()
    page.go_back()
    page.get_by_text("Erase me").first.click()
    page.get_by_label("Yes, erase everything").check()
    send(page, "Erase me")
    with services.sessions.reading() as session:
        assert session.scalars(select(Subscription)).all() == []


def make_busy(services: Services, clock: Clock) -> None:
    """Have far more sign-ups in this hour than usual."""
    with services.sessions.begin() as session:
        session.add(SignupCount(bucket="press:a", window=int(clock().timestamp()) // 3600, hits=30))


def test_while_many_sign_up_one_without_scripts_waits(page: Page, services: Services, clock: Clock) -> None:
    make_busy(services, clock)
    ask(page, clock)
    expect(page.get_by_text("Please wait 30 seconds")).to_be_visible()
    clock.turn(seconds=30)
    press(page, "Subscribe")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
    assert len(sample_services.letters(services)) == 1


def test_while_many_sign_up_a_browser_proves_its_work_and_nobody_waits(
    chrome: Browser, site: str, services: Services, clock: Clock
) -> None:
    make_busy(services, clock)
    with chrome.new_context(viewport=PHONE, base_url=site) as context:
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        with page.expect_request("**/pbkdf2.js*"):
            ask(page, clock)
        expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
        assert len(sample_services.letters(services)) == 1
        assert said == []


def test_the_keyboard_alone_reaches_the_form_and_sends_it(
    chrome: Browser, site: str, services: Services, clock: Clock
) -> None:
    with chrome.new_context(viewport=PHONE, base_url=site) as context:
        page = context.new_page()
        page.goto("/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
        page.keyboard.press("Enter")
        clock.turn(seconds=10)
        for key in ("Tab", *"ada@example.org", "Tab", *"Ada", "Tab", "Enter"):
            page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
        assert len(sample_services.letters(services)) == 1


def visit_every_page(page: Page, services: Services, clock: Clock) -> Iterator[str]:
    """Open each kind of page in turn, and say its name."""
    archive = ("/archive/", "/archive/?tag=massage", "/search?q=back+pain", PUBLISHED, f"{PUBLISHED}helped")
    mailed = [services.links.confirm_reply_mail(1, clock()), services.links.stop_reply_mail(1)]
    archive += (
        *map(sample_services.path_of, mailed),
        f"{PUBLISHED}comments",
        f"{PUBLISHED}comments?reply=1",
        f"{PUBLISHED}comments/1/report",
    )
    add_comments(services, clock)
    with services.sessions.reading() as session:
        waiting = issue_store.find(session, sample_services.WAITING)
        draft = services.links.draft(waiting.id, waiting.created_at, clock() + timedelta(days=1))
    forms = ("/", "/subscribe", "/embed/backpainhelp", "/ask", "/book", "/ask?done=sent")
    for path in (*forms, *archive, sample_services.path_of(draft), "/nothing", "/confirm/forged"):
        page.goto(path)
        yield path
    page.goto("/ask")
    send(page, "Send my question")
    yield "a question with faults"
    page.goto("/subscribe")
    send(page, "Subscribe")
    yield "form with a fault"
    yield from visit_steps(page, services, clock)
    make_busy(services, clock)
    page.route("**/pbkdf2.js*", lambda route: route.abort())
    page.goto("/")
    page.get_by_role("textbox", name="Email").fill("ben@example.org")
    clock.turn(seconds=10)
    send(page, "Subscribe")
    expect(page.get_by_text("Please wait 30 seconds")).to_be_visible()
    yield "a wait, where the browser cannot prove its work"


def add_comments(services: Services, clock: Clock) -> None:
    """Have a comment with a reply of the team, and one in Arabic."""
    with services.sessions.begin() as session:
        issue = issue_store.find(session, sample_services.OUT[0])
        place, text = (issue.publication_id, issue.id), "It *helped*:\n\n- [here](https://a.example)\n\n> and there"
        first = comments.add(session, NewComment(*place, "Zofia", text, CommentState.APPROVED), clock())
        reply = NewComment(*place, "BackPainHelp", "Good!", CommentState.APPROVED, first, is_team=True)
        comments.add(session, reply, clock())
        comments.add(session, NewComment(*place, "ليلى", "شكرا جزيلا!", CommentState.APPROVED), clock())


def visit_steps(page: Page, services: Services, clock: Clock) -> Iterator[str]:
    page.get_by_role("textbox", name="Email").fill("ada.lovelace.of.london@gmial.com")
    clock.turn(seconds=10)
    send(page, "Subscribe")
    yield "a typing error"
    page.goto("/")
    page.get_by_role("textbox", name="Email").fill("ada@example.org")
    clock.turn(seconds=10)
    send(page, "Subscribe")
    yield "check your mail"
    link = sample_services.letters(services)[-1]["confirm_url"]
    page.goto(link)
    yield "confirm"
    clock.turn(days=8)
    page.goto(link)
    yield "expired"
    clock.turn(days=-8)
    page.goto(link)
    send(page, "Yes, send me")
    yield "welcome"
    yield from visit_the_way_out(page, services, clock)


def visit_the_way_out(page: Page, services: Services, clock: Clock) -> Iterator[str]:
    page.goto("/link")
    yield "link"
    page.get_by_role("textbox", name="Email").fill("nobody@example.org")
    send(page, "Send me my link")
    yield "link asked for too quickly"
    clock.turn(seconds=10)
    send(page, "Send me my link")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
    yield "link sent"
    with services.sessions.begin() as session:
        home = publications.find(session)
        home.offers_digest, home.topics = True, ["Neck", "Sleep"]
    page.goto(services.links.preferences(1))
    yield "preferences from a letter"
    page.goto(services.links.manage(1, clock()))
    page.get_by_text("Erase me").first.click()
    yield "preferences"
    send(page, "Erase me")
    yield "preferences with a fault"
    send(page, "Start the break")
    yield "preferences in a break"
    page.get_by_label("New email address").fill("lovelace@example.net")
    send(page, "Send the link to this address")
    yield "preferences with a new address on its way"
    follow(page.get_by_role("link", name="Show the issues sent to me"))
    yield "issues sent"
    page.go_back()
    follow(page.get_by_role("link", name="Show my data"))
    yield "my data"
    page.goto(sample_services.letters(services)[-1]["address_url"])
    yield "a new address"
    send(page, "Change my address")
    yield "an address that has been changed"
    page.goto(services.links.unsubscribe(1))
    yield "leave"
    send(page, "Unsubscribe")
    page.get_by_text("Would a break be enough?").click()
    yield "left"
    send(page, "Send feedback")
    yield "told"
    send(page, "Undo: keep me subscribed")
    yield "back"


def visit_some_pages(page: Page, services: Services, clock: Clock) -> Iterator[str]:
    """The pages that most readers see."""
    add_comments(services, clock)
    for path in ("/", "/archive/", PUBLISHED, f"{PUBLISHED}comments"):
        page.goto(path)
        yield path
    become_reader(page, services, clock)
    yield "welcome"
    page.goto(services.links.preferences(1))
    yield "preferences"


Visit = Callable[[Page, Services, Clock], Iterator[str]]


@pytest.mark.parametrize("visit", [visit_some_pages, pytest.param(visit_every_page, marks=pytest.mark.slow)])
def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_the_narrowest_phone(
    chrome: Browser, site: str, services: Services, clock: Clock, axe: Axe, visit: Visit
) -> None:
    with chrome.new_context(viewport=PHONE, base_url=site) as context:
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        for name in visit(page, services, clock):
            assert faults_of(page, axe, looks.LIGHT, looks.PHONE) == [], name
            assert faults_of(page, axe, looks.DARK, looks.PHONE, *looks.OF_COLOUR) == [], name
            looks.show(page, looks.LIGHT, 320)
            assert page.evaluate("document.documentElement.scrollWidth") == 320, name
            assert small_targets(page) == [], name
        # A policy that stops something of our own, says so here.
        assert [words for words in said if "Failed to load resource" not in words] == []


def small_targets(page: Page) -> list[str]:
    """The buttons, fields and links outside running text that a finger would miss."""
    return page.evaluate(
        """least => [...document.querySelectorAll("button, .button, .choice, summary, .masthead a, .colophon a,"
            + ".crumbs a, input:not([type=hidden], [type=radio], [type=checkbox], .trap *)")]
            .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < least)
            .map(each => each.outerHTML)""",
        BIG,
    )


def test_choices_that_wrap_on_a_narrow_phone_can_be_told_apart(page: Page, services: Services, clock: Clock) -> None:
    become_reader(page, services, clock)
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto(services.links.preferences(1))
    between = page.locator("fieldset").filter(has_text="8 weeks").evaluate(BETWEEN_CHOICES)
    assert min(between) >= 8


BETWEEN_CHOICES = """fieldset => {
    const words = choice => { const range = document.createRange(); range.selectNodeContents(choice.lastChild);
        return range.getBoundingClientRect(); };
    const places = [...fieldset.querySelectorAll(".choice")].map(words);
    return places.slice(1).map((place, before) => place.top - places[before].bottom);
}"""
"""The pixels between the words of each choice and those of the next."""


def test_an_address_to_copy_reads_from_the_left_on_a_page_that_does_not(
    page: Page, services: Services, site: str
) -> None:
    with services.sessions.begin() as session:
        publications.find(session).language = "ar"
    page.goto(PUBLISHED)
    address = page.locator(".links .address")
    assert address.evaluate("each => getComputedStyle(each).direction") == "ltr"
    assert address.text_content() == f"{site}{PUBLISHED}"


def become_reader(page: Page, services: Services, clock: Clock) -> None:
    ask(page, clock)
    page.goto(sample_services.letters(services)[-1]["confirm_url"])
    press(page, "Yes, send me BackPainHelp")


def test_a_scanner_with_a_whole_browser_that_presses_nothing_changes_nothing(
    chrome: Browser, site: str, services: Services, clock: Clock
) -> None:
    with chrome.new_context(base_url=site) as context:
        page = context.new_page()
        ask(page, clock)
        page.goto(sample_services.letters(services)[-1]["confirm_url"], wait_until="networkidle")
        assert standing(services) is Status.PENDING
        follow(page.get_by_role("button", name="Yes, send me BackPainHelp"))
        assert standing(services) is Status.ACTIVE
        for url in (services.links.unsubscribe(1), services.links.preferences(1)):
            page.goto(url, wait_until="networkidle")
        assert standing(services) is Status.ACTIVE
