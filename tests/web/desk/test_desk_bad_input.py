"""What somebody types by mistake or in malice, in every form of the desk: it is refused in words, or kept as it is."""

import html
import re
from collections.abc import Iterator

import pytest

from newsletter import publications
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.editorial.issues import issue_bin, issue_store, issue_templates, snippets
from newsletter.editors import Role
from newsletter.web.desk.routes import ROUTES
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import NOW, WAITING
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import address_of, hidden

BY = "ada@desk.example"
STRANGE = (
    pytest.param("x" * 500, id="500 characters"),
    pytest.param("🦒 👩‍👩‍👧 Ærø", id="emoji"),
    pytest.param("שלום \u202eעולם", id="right to left"),
    pytest.param("\"'><b onclick=alert(1)>probe</b>{{ 7 * 7 }}", id="HTML"),
)
PAGES = (
    *sorted({address_of(route.path) for route in ROUTES if route.method == "GET" and "<token>" not in route.path}),
    *(f"/desk/settings/{part}" for part in ("address", "choices", "comments", "contact", "follow", "name", "sender")),
    "/desk/settings/words/privacy",
    f"/desk/issues/{sample_services.OUT[0]}/corrections/new",
)


@pytest.fixture
def services(services: Services) -> Services:
    """Something behind the number 1 in each address."""
    with services.sessions.begin() as session:
        home = publications.find(session)
        person = Subscriber(email="ada@example.org", key="ada@example.org", created_at=NOW)
        person.subscriptions.append(Subscription(publication=home, status=Status.ACTIVE, created_at=NOW))
        session.add(person)
        snippets.add_snippet(session, home.id, "Sign-off", "Yours", BY, NOW)
        issue_templates.save_template(session, issue_store.find(session, WAITING), "Weekly", BY, NOW)
        issue_bin.discard(session, issue_store.find(session, "break-the-circle"), BY, NOW)
        segments.save(session, home, "Ones", Rule(conditions=(Condition.parse("status", "is", "active"),)), NOW)
    sample_services.correct(services.sessions, services.links, sample_services.OUT[0], NOW)
    return services


@pytest.mark.slow
@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("typed", STRANGE)
def test_every_form_takes_it_or_says_why_not_and_loses_nothing(enter: Enter, typed: str) -> None:
    owner = enter(Role.OWNER)
    problems = []
    filled = set()
    for page in PAGES:
        for action, held, fields in forms(page, owner.open(page).text):
            answer = owner.client.post(action, data=held | dict.fromkeys(fields, typed))
            filled.add(action)
            if answer.status_code not in {200, 303, 409, 422}:
                problems.append((action, answer.status_code))
            if answer.status_code in {409, 422} and fields != ["code"] and typed not in html.unescape(answer.text):
                problems.append((action, "lost"))
    shown = {page: owner.open(page) for page in PAGES}
    problems += [
        (page, "obeyed") for page, it in shown.items() if "<b onclick" in it.text and it.mimetype == "text/html"
    ]
    assert problems == []
    assert owner.open("/desk/people/").status_code == 200
    assert len(filled) > 30


@pytest.mark.parametrize(
    ("page", "action", "fields"),
    [
        ("/desk/issues/templates", "/desk/issues/templates/1/delete", {}),
        ("/desk/issues/snippets/1", "/desk/issues/snippets/1/delete", {}),
        ("/desk/issues/bin", "/desk/issues/bin/1/restore", {}),
        ("/desk/issues/bin", "/desk/issues/bin/1/delete", {}),
        ("/desk/readers/1/", "/desk/readers/1/unsubscribe", {"reason": "by telephone"}),
        ("/desk/readers/1/", "/desk/readers/1/erase", {"sure": "yes"}),
    ],
)
def test_what_another_tab_did_before_is_said_in_words_and_changes_nothing(
    enter: Enter, services: Services, page: str, action: str, fields: dict[str, str]
) -> None:
    owner = enter(Role.OWNER)
    typed = hidden(owner.open(page).text, action) | fields
    assert owner.client.post(action, data=typed).status_code == 303
    before = sample_services.dump(services)
    late = owner.client.post(action, data=typed)
    assert late.status_code in {404, 409}
    assert 'aria-label="Desk"' in late.text
    assert sample_services.dump(services) == before


def forms(page: str, text: str) -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """Each form that somebody types into: where it goes, what it holds, and the names of those fields."""
    for form in re.findall(r"(?s)<form\b[^>]*method=.post.*?</form>", text):
        action = re.search(r'action="([^"]+)"', form.partition(">")[0])
        target = html.unescape(action[1]) if action else page
        if not target.startswith("/desk/") or target.endswith("/sign-out"):
            continue
        held = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
        typed = re.findall(r'<(?:input(?![^>]*type="(?!text|email|url))|textarea)[^>]*\bname="([^"]+)"', form)
        if typed:
            yield target, {name: html.unescape(value) for name, value in held}, typed
