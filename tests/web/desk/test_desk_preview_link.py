import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from newsletter.editorial.issues import issue_store
from newsletter.editors import Role
from newsletter.wiring import Services
from newsletter.workflows import publish
from tests import sample_services
from tests.sample_services import OUT, WAITING, Clock
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, words

FORM = f"/desk/issues/{WAITING}/preview-link"


@pytest.fixture
def owner(enter: Enter) -> Visitor:
    return enter(Role.OWNER)


@pytest.fixture
def link(owner: Visitor) -> str:
    """A preview link that works for seven days."""
    answer = owner.press(FORM, days="7")
    return sample_services.path_of(re.search(r'<code class="link">([^<]+)</code>', answer.text)[1])


def test_a_preview_link_shows_a_draft_as_the_archive_would_and_keeps_it_private(
    program: FlaskClient, link: str, services: Services
) -> None:
    page = program.get(link)
    assert page.status_code == 200
    assert "<strong>This is a draft.</strong>" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    with services.sessions.reading() as session:
        assert f"<h1>{issue_store.find(session, WAITING).title}</h1>" in page.text
    for absent in ("og:", "ld+json", "canonical", 'action="/subscribe"', "?tag=", "?category=", "?author="):
        assert absent not in page.text
    # Every page that it links to is there.
    for address in set(re.findall(r'href="(/(?!assets)[^"]*)"', page.text)):
        assert program.get(address).status_code == 200, address


def test_a_preview_link_ends_on_its_day(program: FlaskClient, link: str, clock: Clock) -> None:
    clock.turn(days=7, minutes=-1)
    assert program.get(link).status_code == 200
    clock.turn(minutes=1)
    answer = program.get(link)
    assert answer.status_code == 410
    assert "This link has expired" in words(answer)


def test_a_preview_link_ends_with_its_issue_and_never_shows_the_next_one(
    owner: Visitor, program: FlaskClient, link: str, services: Services, clock: Clock
) -> None:
    owner.press(f"/desk/issues/{WAITING}/delete")
    assert "This draft has been deleted." in words(program.get(link))
    with services.sessions.begin() as session:
        issue = issue_store.find(session, OUT[0])
        was, issue.created_at = issue.created_at, issue.created_at + timedelta(seconds=2)
        other = services.links.draft(issue.id, was, clock() + timedelta(days=1))
    assert program.get(sample_services.path_of(other)).status_code == 404


@pytest.mark.parametrize("token", ["x", "f0rg3d", "%00", "A" * 4000])
def test_an_altered_preview_link_says_so(program: FlaskClient, token: str) -> None:
    answer = program.get(f"/draft/{token}")
    assert answer.status_code == 404
    assert "This link does not work" in words(answer)


def test_a_preview_link_of_an_issue_that_is_out_leads_to_the_archive(
    owner: Visitor, program: FlaskClient, link: str, services: Services, clock: Clock
) -> None:
    with services.sessions.begin() as session:
        publish.send_now(session, services.letters, issue_store.find(session, WAITING), clock())
    assert program.get(link).location == f"/archive/{WAITING}/"
    assert owner.open(FORM).status_code == 409
    assert "so anybody can read it" in words(owner.open(FORM))


@pytest.mark.usefixtures("link")
def test_who_made_a_preview_link_is_recorded_without_it(owner: Visitor) -> None:
    record = owner.read("/desk/audit/")
    assert "made a preview link of it" in record
    assert "/draft/" not in record
