import itertools
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import CDPSession, Error, Page
from werkzeug.routing import Map
from werkzeug.routing import Rule as UrlRule

from newsletter import publications
from newsletter.audience import attributes
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.editorial.issues import issue_bin, issue_note, issue_store, presence, snippets
from newsletter.editors import accounts
from newsletter.engagement.comments import CommentState
from newsletter.web.app import CONVERTERS
from newsletter.web.desk.routes import ROUTES
from newsletter.wiring import Services
from tests import sample_services
from tests.browser.desk.conftest import Open
from tests.browser.hands import follow
from tests.browser.looks import DARK, DESKTOP, LIGHT, OF_COLOUR, PHONE, faults, faults_of, is_too_wide, show
from tests.real_parts import Axe
from tests.sample_services import NOW
from tests.web.desk.test_desk_comments import write_comment
from tests.web.desk.test_desk_imported import add_old

READY = "/desk/issues/break-the-circle/"
CORRECTED = "/desk/issues/unwind-a-tight-back/"
PAGES = (
    "/desk/",
    "/desk/issues/",
    READY,
    f"{READY}?view=text",
    f"{READY}schedule?at=2026-11-25T10:00",
    f"{READY}schedule?at=2027-03-28T02:30",
    f"{READY}send",
    f"{READY}test",
    f"{READY}test?q=reader1",
    "/desk/issues/five-reasons-weighed/",
    "/desk/issues/five-reasons-weighed/cancel",
    "/desk/issues/under-the-hands/",
    CORRECTED,
    f"{CORRECTED}corrections/new",
    "/desk/calendar/",
    "/desk/calendar/?month=2026-11",
    "/desk/calendar/slots",
    "/desk/calendar/slot?at=2026-12-01T08:00:00%2B00:00",
    f"{READY}slot?back=calendar",
    "/desk/readers/",
    "/desk/readers/?q=nobody",
    "/desk/readers/segments/",
    "/desk/readers/segments/1/?counted=1",
    "/desk/readers/segments/1/edit",
    "/desk/readers/segments/1/act?kind=tag",
    "/desk/readers/segments/1/act?kind=unsubscribe",
    "/desk/readers/segments/1/act?kind=erase",
    "/desk/readers/2/",
    "/desk/readers/suppressed/",
    "/desk/readers/failed-mails/",
    "/desk/readers/mails/",
    "/desk/readers/mails/1/",
    "/desk/readers/import/",
    "/desk/reports/",
    "/desk/reports/unwind-a-tight-back/",
    "/desk/reports/under-the-hands/",
    "/desk/reports/under-the-hands/copies?state=pending",
    "/desk/reports/under-the-hands/leavers",
    "/desk/unsubscribed/",
    "/desk/issues/under-the-hands/doubts",
    "/desk/settings/",
    "/desk/settings/setup/",
    "/desk/settings/look?guide=1",
    "/desk/settings/test",
    "/desk/settings/doctor/",
    "/desk/settings/forms",
    "/desk/settings/series/",
    "/desk/account/",
    "/desk/account/second-factor",
    "/desk/people/",
    "/desk/people/1/",
    "/desk/audit/",
    f"{READY}acts",
    f"{READY}note",
    "/desk/issues/new",
    "/desk/issues/templates",
    "/desk/requests/",
    "/desk/requests/1/",
    "/desk/settings/contact",
    "/desk/comments/",
    "/desk/comments/?state=approved",
    "/desk/settings/comments",
    "/desk/issues/snippets",
    "/desk/issues/snippets/1",
    "/desk/issues/imported",
    "/desk/issues/imported?state=published",
    "/desk/issues/imported/publish?issue=old-letter",
    "/desk/issues/imported/publish",
    "/desk/issues/old-letter/",
    f"{READY}write",
    f"{READY}history",
    f"{READY}history/1",
    "/desk/issues/under-the-hands/history/1",
    f"{READY}delete",
    "/desk/no/such/page",
    "/desk/issues/bin",
    f"{READY}preflight",
    f"{READY}approval",
    f"{READY}preview-link",
    "/desk/issues/under-the-hands/missed",
    f"{CORRECTED}write",
    f"{CORRECTED}corrections/1/",
    f"{CORRECTED}corrections/1/letter",
    f"{CORRECTED}corrections/1/doubts",
    "/desk/reports/unwind-a-tight-back/corrections/1/copies",
    "/desk/readers/add",
    "/desk/readers/segments/new",
    "/desk/readers/segments/1/delete",
    "/desk/readers/attributes/",
    "/desk/readers/attributes/1/",
    "/desk/readers/attributes/1/type?to=date",
    "/desk/readers/attributes/3/delete",
    *(f"/desk/settings/{part}" for part in ("name", "sender", "address", "follow", "archive", "choices", "rules")),
    "/desk/settings/words/privacy",
)
NO_PAGES = re.compile(r"\.(csv|html|txt)$|/(sheet|fates|progress|events|status|count|acts)$|/qr\.")
"""Parts of pages, and what is no page."""
ELSEWHERE = re.compile(r"^/(sign-in|forgotten|reset)|/import/<|/history/unsaved$|/series/<")
"""Pages that the tests of what they are about let axe see."""


HELD = (
    "/desk/issues/",
    "/desk/issues/?state=ready",
    READY,
    f"{READY}schedule?at=2026-11-25T10:00",
    "/desk/issues/under-the-hands/",
    "/desk/calendar/",
    "/desk/readers/?status=active",
    "/desk/reports/unwind-a-tight-back/",
    "/desk/settings/",
    "/desk/settings/look?guide=1",
    "/desk/people/1/",
    f"{READY}write",
)
"""A page of each kind of thing that can be pressed."""


def describe(services: Services) -> None:
    """What is known of a reader, some of which a segment asks for, by a comparison that its type has and one not."""
    with services.sessions.begin() as session:
        home = publications.find(session)
        for name, value in (("Age", "41"), ("Visited", "last May"), ("Ab" * 50, "x" * 300)):
            attributes.set_value(session, home.id, 2, name, value)
        conditions = ("over", "40", "Age"), ("before", "2026-05-01", "Visited")
        rule = Rule(conditions=tuple(Condition.parse("attribute", *each) for each in conditions))
        segments.save(session, home, "Who has not been here", rule, NOW)


@pytest.fixture
def services(services: Services) -> Services:
    """Something on each page."""
    for state in (CommentState.WAITING, CommentState.APPROVED):
        write_comment(services, "Ada", state)
    describe(services)
    add_old(services, "old-letter", "older-than-the-oldest-letter-in-the-archive")
    sample_services.correct(services.sessions, services.links, "unwind-a-tight-back", NOW)
    with services.sessions.begin() as store:
        issue = issue_store.find(store, "break-the-circle")
        for name in ("Sign-off", "Book a massage"):
            snippets.add_snippet(
                store, issue.publication_id, name, "Yours, {{ name | friend }}", "ada@desk.example", NOW
            )
        issue_note.replace_note(store, issue, "Hold it until Monday.", 0, "editor@desk.example", NOW)
        presence.announce(store, issue, "a-tab", "editor@desk.example", NOW)
        issue_bin.discard(store, issue_store.find(store, "looser-by-degrees"), "editor@desk.example", NOW)
        accounts.find(store, "editor@desk.example").name = "Ana-Sofía-Wilhelmina von und zu Musterhausen 🦒 אנה"
    return services


@pytest.mark.parametrize(
    ("pages", "looks"),
    [
        (HELD, [(LIGHT, PHONE), (DARK, DESKTOP)]),
        pytest.param(PAGES, list(itertools.product((LIGHT, DARK), (PHONE, DESKTOP))), marks=pytest.mark.slow),
    ],
    ids=["a page of each kind", "every page"],
)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    open_desk: Open, axe: Axe, pages: Sequence[str], looks: list[tuple[str, int]]
) -> None:
    page = open_desk()
    problems: list[Any] = []
    page.on("console", lambda said: problems.append(said.text) if "Security Policy" in said.text else None)
    for path in pages:
        page.goto(path)
        for scheme, width in looks:
            rules = OF_COLOUR if scheme == DARK else ()
            problems += [(path, fault) for fault in faults_of(page, axe, scheme, width, *rules)]
            problems += [(path, "ends in nothing")] if ends_in_nothing(page) else []
    assert problems == []


@pytest.mark.slow
@pytest.mark.parametrize("states", [["hover"], ["focus", "focus-visible"], ["hover", "active"]], ids=" ".join)
def test_axe_finds_nothing_under_the_pointer_and_with_the_focus(open_desk: Open, axe: Axe, states: list[str]) -> None:
    page = open_desk(viewport={"width": DESKTOP, "height": 800})
    protocol = page.context.new_cdp_session(page)
    problems: list[Any] = []
    for path in PAGES:
        page.goto(path)
        page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
        hold(protocol, states)
        for scheme in (LIGHT, DARK):
            show(page, scheme)
            problems += [(path, scheme, fault) for fault in axe(page, *OF_COLOUR)]
    assert problems == []


@pytest.mark.slow
def test_a_title_of_one_long_word_is_wider_than_no_page_of_its_issue(open_desk: Open, services: Services) -> None:
    with services.sessions.begin() as session:
        issue_store.find(session, "break-the-circle").title = "Wirbelsäulengymnastikübungsprogrammverordnung" * 3
    page = open_desk(viewport={"width": 320, "height": 700})
    for path in ("", "schedule", "send", "delete", "history", "test", "preview-link", "note", "slot", "preflight"):
        page.goto(f"{READY}{path}")
        assert not is_too_wide(page), path


def test_the_sweep_has_every_page_of_the_desk() -> None:
    pages = [route.path for route in ROUTES if route.method == "GET"]
    pages = [path for path in pages if not NO_PAGES.search(path) and not ELSEWHERE.search(path)]
    rules = [UrlRule(f"/desk{path}", endpoint=path) for path in pages]
    addresses = Map(rules, converters=CONVERTERS).bind("")
    assert {addresses.match(urlsplit(path).path)[0] for path in PAGES} == set(pages)


def test_axe_finds_nothing_on_the_sign_in_page(open_desk: Open, axe: Axe) -> None:
    page = open_desk()
    page.goto("/desk/issues/")
    follow(page.get_by_role("button", name="Sign out"))
    page.get_by_label("Email address").fill("owner@desk.example")
    page.get_by_label("Password").fill("wrong")
    follow(page.get_by_role("button", name="Sign in"))
    assert page.get_by_label("Email address").input_value() == "owner@desk.example"
    assert faults(page, axe) == []


def hold(protocol: CDPSession, states: list[str]) -> None:
    """Show all that can be pressed as if the pointer were on it, or the focus."""
    for domain in ("DOM", "CSS"):
        protocol.send(f"{domain}.enable")
    root = protocol.send("DOM.getDocument")["root"]["nodeId"]
    pressed = "a, button, summary, input, select, textarea, label, [tabindex], [contenteditable], li, tr"
    for node in protocol.send("DOM.querySelectorAll", {"nodeId": root, "selector": pressed})["nodeIds"]:
        # A page that follows a sending issue replaces its numbers meanwhile.
        with suppress(Error):
            protocol.send("CSS.forcePseudoState", {"nodeId": node, "forcedPseudoClasses": states})


def ends_in_nothing(page: Page) -> bool:
    """Whether something that nobody sees makes the page longer than what stands on it."""
    shown = "Math.max(innerHeight, document.body.getBoundingClientRect().height)"
    return bool(page.evaluate(f"document.documentElement.scrollHeight > {shown} + 1"))
