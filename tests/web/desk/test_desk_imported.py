"""Issues that came from another program are chosen at the desk and published in the archive; nobody is mailed."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from newsletter import audit, publications
from newsletter.delivery.models import Copy
from newsletter.editors import Role
from newsletter.wiring import Services
from newsletter.workflows import import_archive
from newsletter.workflows.peer_archives import OldPost
from tests.sample_services import NOW
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

LIST = "/desk/issues/imported"
PUBLISH = "/desk/issues/imported/publish"
OLD = datetime(2023, 5, 6, 7, 8, tzinfo=UTC)


def add_old(services: Services, *slugs: str) -> None:
    """Import a post of each slug, each a day later than the one before."""
    old = [
        OldPost(slug, f"<b>{slug}</b>", "", slug, f"/p/{slug}", OLD + timedelta(day), html="<p>Hello</p>")
        for day, slug in enumerate(slugs)
    ]
    with services.sessions.reading() as session:
        home = publications.find(session)
    job = import_archive.ArchiveImport(services.sessions, services.pictures, home, "substack")
    list(import_archive.import_posts(job, old, NOW))


def publish(editor: Visitor, *slugs: str) -> str:
    """Choose these issues, and confirm."""
    page = editor.client.get(PUBLISH, query_string={"issue": slugs}).text
    shown = [slug for slug in slugs if f'name="issue" value="{slug}"' in page]
    data = hidden(page) | {"issue": shown}
    return words(editor.client.post(PUBLISH, data=data, follow_redirects=True))


def test_the_chosen_ones_are_published_under_their_old_dates_and_nobody_is_mailed(
    editor: Visitor, services: Services
) -> None:
    assert "Imported" not in editor.read("/desk/issues/")
    assert "No issues were imported" in editor.read(LIST)
    add_old(services, "one", "two", "three")
    assert "Imported 3" in editor.read("/desk/issues/")
    page = editor.open(LIST)
    assert "&lt;b&gt;one&lt;/b&gt;" in page.text
    assert "From Substack" in words(page)
    assert page.text.index('value="three"') < page.text.index('value="one"')
    assert page.text.count("checked") == 0
    assert editor.open(f"{LIST}?choose=all").text.count("checked") == 3
    asked = words(editor.client.get(PUBLISH, query_string={"issue": ["one", "two", "looser-by-degrees", "no"]}))
    assert "2 issues will be published in the archive, and nobody will be mailed" in asked
    assert "Published in the archive: 2 issues" in publish(editor, "one", "two")
    assert "one" in editor.read(f"{LIST}?state=published")
    assert "6 May 2023" in editor.read("/archive/one/")
    assert editor.open("/archive/three/").status_code == 404
    with services.sessions.reading() as session:
        assert not session.scalar(select(func.count()).select_from(Copy).where(Copy.letter_id > 2))
        entry = session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.act, entry.details["issues"]) == ("published imported issues", "one, two")


def test_without_a_choice_the_page_says_what_to_do_and_what_is_published_already_is_left_alone(
    editor: Visitor, services: Services
) -> None:
    add_old(services, "one")
    assert "Choose some from the list" in editor.read(PUBLISH)
    form = hidden(editor.open(f"{PUBLISH}?issue=one").text)
    for _ in range(2):
        assert editor.client.post(PUBLISH, data=form | {"issue": "one"}).status_code == 303
    assert "In the archive 1" in editor.read(LIST)


def test_the_page_of_an_imported_issue_offers_the_archive_and_no_way_to_send_it(
    editor: Visitor, services: Services
) -> None:
    add_old(services, "one")
    page = editor.open("/desk/issues/one/")
    assert "imported from Substack, where readers got it on" in words(page)
    assert f"{PUBLISH}?issue=one" in page.text
    assert "Mark as ready" not in page.text
    publish(editor, "one")
    page = editor.open("/desk/issues/one/")
    assert "in the archive under its old date" in words(page)
    assert "missed" not in page.text


def test_what_needs_an_approval_is_named_and_not_published(editor: Visitor, services: Services) -> None:
    add_old(services, "one")
    with services.sessions.begin() as session:
        publications.find(session).requires_approval = True
    assert "nobody has approved this one yet" in editor.read(f"{PUBLISH}?issue=one")
    assert "second person" in words(
        editor.client.post(
            PUBLISH, data=hidden(editor.open("/desk/issues/new").text) | {"issue": "one"}, follow_redirects=True
        )
    )
    assert editor.open("/archive/one/").status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUTHOR])
def test_editors_publish_and_others_only_look(enter: Enter, services: Services, role: Role) -> None:
    add_old(services, "one")
    visitor = enter(role)
    assert 'type="checkbox"' not in visitor.open(LIST).text
    assert visitor.open(f"{PUBLISH}?issue=one").status_code == 403
    assert visitor.client.post(PUBLISH, data={"issue": "one"}).status_code == 403
