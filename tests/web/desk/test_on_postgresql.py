"""The site and the desk on PostgreSQL: every address, and a journey for each kind of person.

All other tests of the web run on SQLite. What the two databases may do differently lies below the web, and is tested
there on both.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from newsletter.audience.models import Status
from newsletter.db import Sessions, open_engine
from newsletter.editorial.issues import issue_store
from newsletter.editorial.issues.issue_bin import DeletedIssue
from newsletter.editorial.models import IssueState
from newsletter.editors import Role, add
from newsletter.web import create_app
from newsletter.wiring import Services
from tests import sample_services
from tests.originals import Originals
from tests.sample_services import NOW, OUT, WAITING, Clock
from tests.web.conftest import browser_of, subscription
from tests.web.desk.conftest import Enter, visitor
from tests.web.desk.visits import PASSWORD, Visitor, address_of, hashed, hidden, words

PAGE = f"/desk/issues/{WAITING}/"
_SHOWS_A_NEW_SECRET = "/desk/account/second-factor"


@pytest.fixture(params=["postgresql"])
def database_url(request: pytest.FixtureRequest, originals: Originals, tmp_path: Path) -> Iterator[str]:
    with originals.copy(request.param, sample_services.stocked, tmp_path) as url:
        yield url


def test_every_address_answers_on_postgresql(services: Services) -> None:
    statuses = {place: status for place, (status, _) in _swept(services).items()}
    assert {place: status for place, status in statuses.items() if status == 500} == {}
    assert len({rule for (rule, _), status in statuses.items() if status == 200}) > 50


@pytest.mark.slow
def test_every_address_answers_on_postgresql_as_it_does_on_sqlite(
    services: Services, originals: Originals, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "sqlite"
    elsewhere.mkdir()
    with originals.copy("sqlite", sample_services.stocked, elsewhere) as url:
        other = sample_services.build(Sessions(open_engine(url)), elsewhere)
        expected = _swept(other)
        other.close()
    assert len({rule for (rule, _), (status, _) in expected.items() if status == 200}) > 50
    seen = _swept(services)
    assert {place: (seen[place], expected[place]) for place in expected if seen[place] != expected[place]} == {}


def test_a_reader_signs_up_confirms_takes_a_break_leaves_and_comes_back(
    browser: FlaskClient, services: Services
) -> None:
    browser.post("/subscribe", data={"email": "ada@example.org", "name": "Ada"})
    browser.post(sample_services.path_of(sample_services.letters(services)[-1]["confirm_url"]))
    tie = subscription(services)
    assert tie.status is Status.ACTIVE
    preferences = sample_services.path_of(services.links.preferences(tie.id))
    manage = sample_services.path_of(services.links.manage(tie.id, NOW))
    browser.post(preferences, data={"do": "pause", "until": "2026-12-18"})
    assert subscription(services).status is Status.PAUSED
    assert "ada@example.org" in browser.get(f"{manage}/my-data.json").text
    leave = sample_services.path_of(services.links.unsubscribe(tie.id))
    browser.post(leave, data={"List-Unsubscribe": "One-Click"})
    assert subscription(services).status is Status.UNSUBSCRIBED
    browser.post(f"{leave}/undo")
    assert subscription(services).status is not Status.UNSUBSCRIBED


def test_an_author_begins_an_issue_and_an_editor_schedules_and_cancels_it(enter: Enter, services: Services) -> None:
    begun = enter(Role.AUTHOR).press(
        "/desk/issues/new", "/desk/issues/new", title="Stand up!", subject="Stand up, for a minute"
    )
    assert begun.status_code == 303
    assert _state(services, "stand-up") is IssueState.DRAFT
    editor = enter(Role.EDITOR)
    assert editor.press(PAGE, f"{PAGE}schedule").status_code == 303
    assert _state(services, WAITING) is IssueState.SCHEDULED
    assert editor.press(f"{PAGE}cancel").status_code == 303
    assert _state(services, WAITING) is IssueState.CANCELLED


@pytest.mark.usefixtures("reader")
def test_an_owner_sends_an_issue_now_pauses_it_and_reads_its_report(enter: Enter, services: Services) -> None:
    owner = enter(Role.OWNER)
    assert owner.press(f"{PAGE}send").status_code == 303
    assert owner.press(PAGE, f"{PAGE}pause").status_code == 303
    assert _state(services, WAITING) is IssueState.PAUSED
    assert "1" in owner.read(f"/desk/reports/{WAITING}/")
    assert "ada@example.org" in owner.read("/desk/readers/?q=ada")
    assert "pause" in owner.read("/desk/audit/")


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("page", "action", "table"),
    [
        ("/desk/readers/1/", "/desk/readers/1/erase", "subscriptions"),
        pytest.param(f"{PAGE}delete", f"{PAGE}delete", "issues", marks=pytest.mark.slow),
        pytest.param("/desk/issues/bin", "/desk/issues/bin/1/restore", "deleted_issues", marks=pytest.mark.slow),
        pytest.param("/desk/issues/bin", "/desk/issues/bin/1/delete", "deleted_issues", marks=pytest.mark.slow),
        pytest.param("/desk/issues/snippets/1", "/desk/issues/snippets/1/delete", "snippets", marks=pytest.mark.slow),
    ],
)
def test_of_two_who_press_the_same_button_at_once_one_is_told_that_the_other_was_faster(
    enter: Enter, services: Services, page: str, action: str, table: str
) -> None:
    owner = enter(Role.OWNER)
    owner.press("/desk/issues/new", "/desk/issues/new", title="Gone", subject="Soon to be gone for good")
    owner.press("/desk/issues/gone/delete")
    owner.press("/desk/issues/snippets", "/desk/issues/snippets", name="Bye", text="See you.")
    shown = owner.open(page).text
    fields = (hidden(shown, action) or hidden(shown)) | {"sure": "yes"}
    answers: list[int] = []

    def press_first(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        """Let the other one press when the first has read what is to be deleted."""
        if f"FROM {table}" in statement and not answers:
            answers.append(0)
            answers[0] = owner.client.post(action, data=fields).status_code

    event.listen(services.sessions.engine, "after_cursor_execute", press_first)
    answers.append(owner.client.post(action, data=fields).status_code)
    assert answers == [303, 409]


def test_of_several_chosen_issues_the_others_are_deleted_though_one_is_gone_meanwhile(
    enter: Enter, services: Services
) -> None:
    owner = enter(Role.OWNER)
    for title in ("One", "Two"):
        owner.press("/desk/issues/new", "/desk/issues/new", title=title, subject=f"The subject of {title}")
    chosen = re.findall(r'name="issue" value="((?:one|two) [^"]+)"', owner.open("/desk/issues/").text)
    gone: list[str] = []

    def delete_one(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM issues" in statement and not gone:
            gone.append("one")
            owner.press("/desk/issues/one/delete")

    fields = hidden(owner.open("/desk/issues/").text) | {"do": "delete"}
    event.listen(services.sessions.engine, "after_cursor_execute", delete_one)
    assert owner.client.post("/desk/issues/", data=fields | {"issue": sorted(chosen)}).status_code == 303
    assert "“one” has just been changed or deleted by somebody else." in owner.read("/desk/issues/")
    with services.sessions.reading() as session:
        assert session.scalars(select(DeletedIssue.slug).order_by(DeletedIssue.slug)).all() == ["one", "two"]


def _swept(services: Services) -> dict[tuple[str, str], tuple[int, str]]:
    """What each address answers while an issue waits; and while it goes out, those that tell of issues."""
    app = create_app(services, Clock(NOW))
    browser, owner = browser_of(app), visitor(app)
    browser.post("/subscribe", data={"email": "ada@example.org", "name": "Ada"})
    confirm = sample_services.path_of(sample_services.letters(services)[-1]["confirm_url"])
    browser.post(confirm)
    with services.sessions.begin() as session:
        add(session, "owner@desk.example", Role.OWNER, NOW).password_hash = hashed(PASSWORD)
    owner.sign_in("owner@desk.example")
    samples = _samples(services) | {"/confirm/<token>": confirm}
    rules = [rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    addresses = {rule: samples.get(rule) or _address(rule) for rule in rules}
    waiting = {(rule, "waiting"): _answer(owner, address) for rule, address in addresses.items()}
    assert owner.press(f"{PAGE}send").status_code == 303
    tell_of_issues = ("/desk/issues", "/desk/reports", "/desk/calendar")
    sending = {rule: address for rule, address in addresses.items() if rule.startswith(tell_of_issues)}
    return waiting | {(rule, "sending"): _answer(owner, address) for rule, address in sending.items()}


def _samples(services: Services) -> dict[str, str]:
    """An address for each route of the site that takes a token or a name."""
    tie = subscription(services).id
    with services.sessions.reading() as session:
        issue = issue_store.find(session, WAITING)
        issue_id, created_at = issue.id, issue.created_at
    preferences = sample_services.path_of(services.links.manage(tie, NOW))
    return {
        "/unsubscribe/<token>": sample_services.path_of(services.links.unsubscribe(tie)),
        "/preferences/<token>": preferences,
        "/preferences/<token>/my-data": f"{preferences}/my-data",
        "/preferences/<token>/my-data.json": f"{preferences}/my-data.json",
        "/preferences/<token>/sent": f"{preferences}/sent",
        "/ask/<token>": sample_services.path_of(services.links.preferences(tie)).replace("preferences", "ask"),
        "/address/<token>": sample_services.path_of(services.links.change_address(tie, 0, "ada@example.net", NOW)),
        "/c/<token>": sample_services.path_of(services.links.click(1, 1)),
        "/archive/<slug>/": f"/archive/{OUT[0]}/",
        "/draft/<token>": sample_services.path_of(services.links.draft(issue_id, created_at, NOW + timedelta(days=1))),
        "/archive/<slug>/share.png": f"/archive/{OUT[0]}/share.png",
        "/search": "/search?q=back+pain",
    }


def _address(rule: str) -> str:
    return address_of(rule.removeprefix("/desk")).removeprefix("" if rule.startswith("/desk") else "/desk")


def _answer(owner: Visitor, address: str) -> tuple[int, str]:
    answer = owner.open(address)
    comparable = answer.mimetype == "text/html" and address != _SHOWS_A_NEW_SECRET
    return answer.status_code, words(answer) if comparable else answer.mimetype


def _state(services: Services, slug: str) -> IssueState:
    with services.sessions.reading() as session:
        return issue_store.state(issue_store.find(session, slug))
