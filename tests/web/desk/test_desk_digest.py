"""The digest at the desk: foretold in the calendar, looked at, checked and sent like an issue, never scheduled."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from newsletter import publications
from newsletter.audience.models import Pace, Subscriber, Subscription
from newsletter.delivery.models import Copy
from newsletter.editorial.issues import digests, issue_store
from newsletter.wiring import Services
from newsletter.workflows import monthly_digest, prepare_issue, publish
from tests import sample_services
from tests.goldens import is_golden
from tests.web.desk.visits import Visitor

CALENDAR = "/desk/calendar/"
HIDDEN_FROM_LISTS = ("/archive/", "/feed.xml", "/sitemap.xml", "/archive/search?q=digest", "/")


@pytest.fixture
def digest(services: Services, now: datetime) -> str:
    """The slug of the digest of one issue, for one of two readers."""
    with services.sessions.begin() as session:
        publications.find(session).offers_digest = True
        for name, pace in (("ada", Pace.EACH), ("bob", Pace.MONTHLY)):
            person = Subscriber(email=f"{name}@a.example", key=f"{name}@a.example", name="", created_at=now)
            session.add(person)
            session.flush()
            tie = {"subscriber_id": person.id, "publication_id": 1, "status": "active", "pace": pace}
            session.add(Subscription(**tie, created_at=now, confirmed_at=now))
    sample_services.send(services, "backpainhelp", "one-more", now)
    with services.sessions.begin() as session:
        monthly_digest.write_waiting(session, services.links, 1, now)
        found = digests.open_digest(session, 1)
        assert found
        return found.slug


def test_the_calendar_tells_of_both_that_go_out_in_the_months_first_slot(editor: Visitor, digest: str) -> None:
    page = editor.read(CALENDAR)
    assert "The digest BackPainHelp: November 2026 goes out then, too, to 1 reader." in page
    assert "A digest of what has come out by that time goes out then, too." in page
    editor.press(f"/desk/issues/{digest}/", f"/desk/issues/{digest}/readiness", readiness="draft")
    assert "would go out then, too, but it is a draft." in editor.read(CALENDAR)


def test_its_page_shows_the_mail_and_offers_what_can_be_done_with_it(editor: Visitor, digest: str) -> None:
    page = f"/desk/issues/{digest}/"
    words, html = editor.read(page), editor.open(page).text
    assert "On Tuesday 1 December 2026 at 09:00 (Europe/Warsaw) this goes to 1 reader." in words
    assert "Issues that come out before then join it." in words
    for act in ("/schedule", "/queue", "/delete"):
        assert f"{page.rstrip('/')}{act}" not in html
    for act in ("/send", "/write", "/test", "/preview-link"):
        assert f"{page.rstrip('/')}{act}" in html


def test_sent_by_hand_it_has_a_report_and_a_page_and_stands_in_no_list(
    editor: Visitor, services: Services, digest: str
) -> None:
    assert editor.press(f"/desk/issues/{digest}/send").status_code == 303
    assert "On its way to 1 reader." in editor.read(f"/desk/issues/{digest}/")
    with services.sessions.begin() as session:
        session.execute(update(Copy).values(state="sent"))
    assert "BackPainHelp: November 2026" in editor.read("/desk/reports/")
    assert editor.open(f"/desk/reports/{digest}/").status_code == 200
    shown = editor.client.get(f"/archive/{digest}/").text
    assert "One-More" in shown
    for path in HIDDEN_FROM_LISTS:
        assert digest not in editor.client.get(path).text, path
    bob = sample_services.path_of(services.links.manage(2, datetime(2026, 11, 20, 12, tzinfo=UTC)))
    assert "November 2026: One-More" in editor.client.get(f"{bob}/sent").text


def test_its_text_is_what_it_was_when_it_was_last_looked_at(services: Services, digest: str, now: datetime) -> None:
    with services.sessions.begin() as session:
        publish.send_now(session, services.letters, issue_store.find(session, "five-reasons-weighed"), now)
        monthly_digest.write_waiting(session, services.links, 1, now)
        found = issue_store.find(session, digest)
        assert prepare_issue.prepare(found, services.links).blocking == ()
    # tests/editorial/test_render.py has the mail that is made of it.
    assert is_golden("digest.md", found.revision.source)
