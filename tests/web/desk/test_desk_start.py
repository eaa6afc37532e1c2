"""The start page: the next slot, what waits for a person, the last issue and the readers of a year."""

import re
from dataclasses import asdict
from datetime import datetime, timedelta

import pytest

from newsletter import publications
from newsletter.audience.importing.uploads import models as imports
from newsletter.audience.importing.uploads.models import UploadState
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.delivery.breaker import WHOLE, Trip
from newsletter.delivery.models import Copy, CopyState, Counts, LetterState, OutboxMessage, OutboxState
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.doctor import report
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import ApprovalAct, ApprovalStep
from newsletter.editors import Role
from newsletter.web.desk import timed_cache
from newsletter.wiring import Services
from tests import sample_doctor, sample_services
from tests.originals import Fill
from tests.sample_services import OUT, WAITING
from tests.web.desk.conftest import Enter
from tests.web.desk.test_desk_comments import write_comment

START, ADA = "/desk/", "ada@example.org"


class TestFreshPress:
    @pytest.fixture
    def filled(self) -> Fill:
        return sample_services.opened

    def test_first_steps_lead_to_what_is_still_to_do(self, enter: Enter) -> None:
        owner = enter(Role.OWNER)
        page = owner.open(START).text
        for path in ("/desk/issues/new", "/desk/readers/import/", "/desk/settings/forms", "/desk/settings/"):
            assert f'href="{path}"' in page
            assert owner.open(path).status_code == 200
        assert "Nothing has gone out yet" in page
        assert "Needs attention" not in page

    def test_people_are_offered_only_what_their_role_may_open(self, enter: Enter) -> None:
        page = enter(Role.VIEWER).open(START).text
        assert "/desk/issues/new" not in page
        assert "/desk/readers/import/" not in page
        assert "See what is missing" in page


def test_the_next_slot_is_described_as_on_the_calendar(enter: Enter) -> None:
    page = enter(Role.EDITOR).read(START)
    assert "No issue for Tuesday yet. Pick one from the queue or start writing" in page


def test_the_last_issue_and_the_readers_are_told_in_numbers_and_drawn(
    enter: Enter, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        letters = [issue_store.find(session, slug).letter for slug in OUT]
        for letter in filter(None, letters):
            letter.final_counts = asdict(Counts(9, 0, 0, 7, 1, 1, 0, 0, 3, 0))
        reader = Subscription(publication=publications.find(session), status=Status.ACTIVE, created_at=now)
        session.add(Subscriber(email=ADA, key=ADA, created_at=now, subscriptions=[reader]))
    viewer = enter(Role.VIEWER)
    page = viewer.open(START).text
    assert page.count("<rect") == len(OUT)
    assert "<polyline" in page
    assert "style=" not in page
    assert "Sent 7 Refused or bounced 5 Unsubscribed 0" in viewer.read(START)
    assert "Readers at the end of each month" in page
    assert "Nothing needs you now." in page
    assert ADA not in page


def test_the_numbers_of_few_readers_are_never_old_however_long_it_took_to_count_them(
    enter: Enter, services: Services, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timed_cache, "_QUICK", 0.0)
    monkeypatch.setattr(timed_cache, "_SHARE", 1_000_000)
    viewer = enter(Role.VIEWER)
    for count in (1, 2):
        with services.sessions.begin() as session:
            letter = issue_store.find(session, OUT[-1]).letter
            assert letter
            letter.final_counts = asdict(Counts(count, 0, 0, count, 0, 0, 0, 0, 0, 0))
            reader = Subscription(publication=publications.find(session), status=Status.ACTIVE, created_at=now)
            email = f"reader{count}@example.org"
            session.add(Subscriber(email=email, key=email, created_at=now, subscriptions=[reader]))
        page = viewer.read(START)
        assert f"to now ({count})" in page
        assert f"Sent {count} " in page


def test_what_waits_for_a_person_leads_to_where_it_is_dealt_with(
    enter: Enter, services: Services, now: datetime
) -> None:
    _let_things_wait(services, now)
    report.keep_report(services.settings.data_dir, sample_doctor.findings(now), now)
    editor = enter(Role.EDITOR)
    page, words = editor.open(START).text, editor.read(START)
    for sentence, path in (
        ("1 comment waits for approval.", "/desk/comments/"),
        ("The import of “<b>list.csv” failed. See why, and upload it again.", "/desk/readers/import/1/"),
        ("“Looser by degrees” waits for approval.", f"/desk/issues/{WAITING}/approval"),
        ("arrived. Decide what to do.", f"/desk/issues/{OUT[0]}/doubts"),
        ("The doctor last found", "/desk/settings/doctor/"),
    ):
        assert sentence in words
        assert f'href="{path}"' in page
        assert editor.open(path).status_code == 200
    assert "<b>list" not in page


def test_who_may_not_moderate_or_import_is_not_sent_there(enter: Enter, services: Services, now: datetime) -> None:
    _let_things_wait(services, now)
    viewer = enter(Role.VIEWER)
    words = viewer.read(START)
    assert "arrived. Decide what to do." in words
    assert "comment waits" not in words
    assert "import of" not in words
    assert "@" not in words.replace("viewer@desk.example", "")


def test_single_emails_that_failed_and_a_series_that_is_stopped_wait_for_a_person(
    enter: Enter, services: Services, now: datetime
) -> None:
    _fail_mails(services, now)
    editor = enter(Role.EDITOR)
    assert "2 single emails did not arrive. See which, and why." in editor.read(START)
    assert "The welcome series" not in editor.read(START)
    (leads_to,) = re.findall(r'href="(/desk/readers/\d+/)"', editor.open("/desk/readers/failed-mails/").text)
    assert "Send the confirmation email again" in editor.read(leads_to)
    page = editor.read("/desk/readers/failed-mails/")
    assert f"<b>Confirm</b> To {ADA} The reason: 554 5.7.1 no from {ADA}" in page
    assert "To dan@example.org The reason: 554 5.7.1 Relay access denied Next try" in page
    assert "bob@" not in page
    assert "cat@" not in page
    assert "old@" not in page
    assert enter(Role.AUTHOR).open("/desk/readers/failed-mails/").status_code == 403
    assert "did not arrive" not in enter(Role.VIEWER).read(START)
    with services.sessions.begin() as session:
        first, second = (issue_store.find(session, slug).letter for slug in OUT)
        assert first
        assert second
        # As good as the letter of a series: one that repeats another, and whose breaker is open.
        second.repeats_id, second.state = first.id, LetterState.PAUSED
        trip = Trip(letter_id=second.id, provider_group=WHOLE, opened_at=now, code=554, reply="no", copies=1)
        session.add(trip)
    assert "The welcome series is paused, because mail servers refuse it." in editor.read(START)
    assert 'href="/desk/settings/series/"' in editor.open(START).text
    with services.sessions.begin() as session:
        session.get_one(Trip, trip.id).resumes_at = now + timedelta(hours=1)
    assert "The welcome series" not in editor.read(START)


def _fail_mails(services: Services, now: datetime) -> None:
    """Of four that failed, one is followed by another, one asked for an address that is not there, and one is old.

    A fifth is refused because of us.
    """
    with services.sessions.begin() as session:
        home = publications.find(session)
        reader = Subscription(publication=home, status=Status.PENDING, created_at=now)
        session.add(Subscriber(email=ADA, key=ADA, created_at=now, subscriptions=[reader]))
        for address, reply, ended in (
            (ADA, f"554 5.7.1 no from {ADA}", now),
            ("bob@example.org", "554 5.7.1 no", now),
            ("cat@example.org", "550 5.1.1 unknown", now),
            ("old@example.org", "554 5.7.1 no", now - timedelta(days=8)),
        ):
            post = outbox.post(session, home, Addressee(address), Composed("confirm", "<b>Confirm</b>", "", ""), now)
            failed = session.get_one(OutboxMessage, post)
            failed.state, failed.reply, failed.ended_at = OutboxState.FAILED, reply, ended
        outbox.post(session, home, Addressee("bob@example.org"), Composed("confirm", "Again", "", ""), now)
        refused = outbox.post(session, home, Addressee("dan@example.org"), Composed("confirm", "Dan", "", ""), now)
        session.get_one(OutboxMessage, refused).reply = "554 5.7.1 Relay access denied"


def _let_things_wait(services: Services, now: datetime) -> None:
    write_comment(services, "Ada")
    with services.sessions.begin() as session:
        home = publications.find(session)
        home.requires_approval = True
        asked = {"act": ApprovalAct.ASKED, "revision_number": 1, "content_hash": "0" * 64}
        waiting = issue_store.find(session, WAITING).id
        session.add(ApprovalStep(issue_id=waiting, person="author@desk.example", at=now, **asked))
        upload = imports.add_upload(session, home, "<b>list.csv", ("stored", "0" * 64, 1), "ed@desk.example", now)
        upload.state = UploadState.FAILED
        reader = Subscription(publication_id=home.id, status=Status.ACTIVE, created_at=now)
        session.add(Subscriber(email=ADA, key=ADA, created_at=now, subscriptions=[reader]))
        session.flush()
        letter = issue_store.find(session, OUT[0]).letter_id
        doubt = {"state": CopyState.IN_DOUBT, "attempts": 1, "not_before": now, "ended_at": now}
        session.add(Copy(letter_id=letter, subscription_id=reader.id, address=ADA, name="", **doubt))
