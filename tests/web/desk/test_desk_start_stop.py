"""An issue that servers refuse: its page says why in their words, and one button goes on; who missed it gets it."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.delivery import breaker
from newsletter.delivery.breaker import Trip
from newsletter.delivery.models import Copy, CopyState, Letter, LetterState
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.reports import progress
from newsletter.delivery.reports.eta import ProgressSample
from newsletter.delivery.reports.progress import NOBODY_WAITS
from newsletter.editorial.issues import issue_store
from newsletter.editors import Role
from newsletter.web.desk import progress_view
from newsletter.wiring import Services
from tests.sample_services import OUT
from tests.web.desk.visits import Visitor

SLUG = OUT[-1]
PAGE = f"/desk/issues/{SLUG}/"
WORDS = "5.7.1 <r…@a.example>: Relay <b>access</b> denied"

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def stop(services: Services, now: datetime, group: str, state: LetterState) -> None:
    with services.sessions.begin() as session:
        letter = session.get_one(Letter, issue_store.find(session, SLUG).letter_id)
        letter.state, letter.finished_at = state, None
        session.add(Trip(letter_id=letter.id, provider_group=group, opened_at=now, code=554, reply=WORDS, copies=5))


@pytest.mark.parametrize(
    ("group", "state", "button"),
    [(breaker.WHOLE, LetterState.PAUSED, "Resume sending"), ("gmail", LetterState.RUNNING, "Resume sending to Gmail")],
)
def test_the_page_says_what_the_server_said_and_one_button_goes_on(
    stocked: Services, editor: Visitor, now: datetime, group: str, state: LetterState, button: str
) -> None:
    stop(stocked, now, group, state)
    page = editor.open(PAGE)
    assert "554 5.7.1 &lt;r…@a.example&gt;: Relay &lt;b&gt;access&lt;/b&gt; denied" in page.text
    assert button in page.text
    editor.press(PAGE, f"{PAGE}resume")
    with stocked.sessions.reading() as session:
        assert issue_store.find(session, SLUG).letter.state is LetterState.RUNNING
        assert breaker.open_trips(session, issue_store.find(session, SLUG).letter_id) == []


def test_who_missed_an_issue_is_counted_and_sent_it_by_a_button(
    stocked: Services, editor: Visitor, now: datetime
) -> None:
    with stocked.sessions.begin() as session:
        reader = Subscriber(email="a@a.example", key="a@a.example", created_at=now)
        session.add(reader)
        session.flush()
        tie = {"subscriber_id": reader.id, "publication_id": 1, "created_at": now - timedelta(days=60)}
        session.add(Subscription(**tie, status=Status.ACTIVE))
        session.flush()
        fields = {"letter_id": issue_store.find(session, SLUG).letter_id, "address": "a@a.example", "not_before": now}
        session.add(Copy(subscription_id=session.scalars(select(Subscription.id)).one(), **fields))
    with stocked.sessions.begin() as session:
        letter = session.get_one(Letter, issue_store.find(session, SLUG).letter_id)
        session.execute(update(Copy).where(Copy.letter_id == letter.id).values(state=CopyState.FAILED))
        letter.state, letter.finished_at = LetterState.FINISHED, now
    assert f"{PAGE}missed" in editor.open(PAGE).text
    page = editor.open(f"{PAGE}missed")
    assert "Given up" in page.text
    assert page.status_code == 200
    assert editor.press(f"{PAGE}missed").status_code == 303
    with stocked.sessions.reading() as session:
        assert issue_store.find(session, SLUG).letter.state is LetterState.RUNNING


def test_a_viewer_is_not_offered_it(enter) -> None:
    assert enter(Role.VIEWER).open(f"{PAGE}missed").status_code == 403


def test_copies_that_a_breaker_holds_are_no_part_of_the_forecast(stocked: Services, now: datetime) -> None:
    with stocked.sessions.begin() as session:
        letter_id = issue_store.find(session, SLUG).letter_id
        session.execute(delete(Copy).where(Copy.letter_id == letter_id))
        for number, domain in enumerate(["gmail.com"] * 5 + ["a.example"] * 10):
            reader = {"subscription_id": number, "address": f"r{number}@{domain}", "name": ""}
            session.add(Copy(letter_id=letter_id, not_before=now, **reader))
    with stocked.sessions.reading() as session:
        cache = progress_view._LetterCache(letter_id)
        standing = progress.letter_progress(session, letter_id, 15)

        cache.beats = [ProgressSample(now - timedelta(minutes=1), 0), ProgressSample(now, 60)]  # a copy a second

        def out(*stopped: str) -> datetime | None:
            found = cache._forecast(session, standing, Limits(), now, stopped, NOBODY_WAITS)
            return found and found.finish

        assert [out(), out("gmail")] == [now + timedelta(seconds=15), now + timedelta(seconds=10)]
        assert out("gmail", "a.example") is None


def test_the_page_says_when_the_last_copy_leaves_for_the_hour_that_its_reader_chose(
    stocked: Services, editor: Visitor, now: datetime
) -> None:
    at = now + timedelta(hours=13)
    with stocked.sessions.begin() as session:
        letter = session.get_one(Letter, issue_store.find(session, SLUG).letter_id)
        letter.state, letter.finished_at = LetterState.RUNNING, None
        fields = {"letter_id": letter.id, "subscription_id": 99, "address": "a@a.example"}
        session.add(Copy(**fields, not_before=at, wished_at=at))
    page = editor.open(PAGE).text
    assert "1 copy waits for the hour that its reader chose. It leaves on " in page
    assert "Saturday 21 November 2026 at 02:00 (Europe/Warsaw)</time>." in page
    assert "Everything that is due is out" in page
    editor.press(PAGE, f"{PAGE}pause")
    assert "It leaves no earlier than " in editor.open(PAGE).text
