"""The sample issue: in the archive of a new press, sent to nobody, and removed in one press."""

from datetime import datetime

import pytest
from sqlalchemy import func, select

from newsletter import publications
from newsletter.delivery.models import Copy
from newsletter.editorial import preflight
from newsletter.editorial.issues import issue_store
from newsletter.editorial.issues.issue_store import Text
from newsletter.editorial.rendering import render
from newsletter.editorial.source import issue_file
from newsletter.editors import Role
from newsletter.errors import Conflict
from newsletter.wiring import Services
from newsletter.workflows import publish, sample_issue
from tests import sample_services
from tests.editorial.sample_issues import BRANDING, picture_url
from tests.originals import Fill
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor

FOLDER = sample_services.ISSUES / "sample"
(FILE,) = FOLDER.glob("*.md")
SLUG = "how-we-weigh"


@pytest.fixture
def filled() -> Fill:
    """The shipped publication, without issues."""
    return sample_services.opened


@pytest.fixture
def sample(services: Services, now: datetime) -> None:
    file = issue_file.read(FILE)
    with services.sessions.begin() as session:
        pictures = {
            each.name: services.pictures.keep(session, each.name, (FOLDER / each.name).read_bytes(), now).file_name
            for each in file.pictures
        }
        home, text = publications.first(session), Text(file, FILE.name, pictures)
        assert home is not None
        sample_issue.publish_sample(session, services.letters, home, text, now)


def test_preflight_finds_nothing_in_the_sample() -> None:
    file = issue_file.read(FILE)
    found = preflight.check(file, render.issue_mail(file, BRANDING, picture_url), preflight.Facts())
    assert [str(each) for each in found if each.level is preflight.Level.BLOCKING] == []


@pytest.mark.usefixtures("sample")
def test_the_sample_is_read_and_was_sent_to_nobody(editor: Visitor, services: Services) -> None:
    for path in ("/", "/archive/", "/feed.xml", "/sitemap.xml"):
        assert SLUG in editor.open(path).text
    assert "is a sample, so that the archive is not empty" in editor.read("/desk/issues/")
    assert "is a sample, so that the archive is not empty" in editor.read(f"/desk/issues/{SLUG}/")
    assert SLUG not in editor.open("/desk/reports/").text
    assert "Imported" not in editor.read("/desk/issues/")
    with services.sessions.begin() as session:
        assert session.scalar(select(func.count()).select_from(Copy)) == 0
        with pytest.raises(Conflict):
            publish.send_now(session, services.letters, issue_store.find(session, SLUG), sample_services.NOW)


@pytest.mark.usefixtures("sample")
def test_one_press_removes_the_sample_and_nothing_else(editor: Visitor) -> None:
    remove = f"/desk/issues/{SLUG}/remove-sample"
    answer = editor.press("/desk/issues/", remove)
    assert answer.status_code == 303
    assert "is removed" in editor.read("/desk/issues/")
    assert "sample" not in editor.read("/desk/issues/").replace("The sample issue", "")
    for path in ("/", "/archive/", "/feed.xml", "/desk/issues/"):
        assert f"/{SLUG}/" not in editor.open(path).text
    assert editor.open(f"/archive/{SLUG}/").status_code == 404
    assert editor.press("/desk/issues/new", remove).status_code == 404


def test_an_issue_of_your_own_is_never_removed_as_the_sample(editor: Visitor, services: Services, now) -> None:
    sample_services.stock(services, now)
    published = sample_services.OUT[0]
    assert editor.press("/desk/issues/new", f"/desk/issues/{published}/remove-sample").status_code in {400, 409}
    assert editor.open(f"/archive/{published}/").status_code == 200


@pytest.mark.usefixtures("sample")
def test_an_author_is_told_who_may_remove_it(enter: Enter) -> None:
    author = enter(Role.AUTHOR)
    assert "Remove the sample" not in author.read("/desk/issues/")
    assert "Editors and owners can remove it" in author.read("/desk/issues/")


def test_a_press_with_issues_gets_no_sample(services: Services, now: datetime) -> None:
    sample_services.stock(services, now)
    file = issue_file.read(FILE)
    text = Text(file, FILE.name, {})
    with services.sessions.begin() as session:
        home = publications.first(session)
        assert home is not None
        with pytest.raises(Conflict):
            sample_issue.publish_sample(session, services.letters, home, text, now)
