"""An issue goes after all to those whom it did not reach, and to nobody twice."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter import editors
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Session, Sessions
from newsletter.delivery import breaker
from newsletter.delivery.bounces import suppression
from newsletter.delivery.breaker import Trip
from newsletter.delivery.ledger import resent
from newsletter.delivery.ledger.outcomes import ABOUT_US
from newsletter.delivery.models import Cause, Copy, CopyState, Letter, LetterState
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import IssueState
from newsletter.editors import Role
from newsletter.errors import Conflict
from newsletter.wiring import Services
from newsletter.workflows import alert_editors, halt_issue, resend_missed
from tests import sample_services
from tests.originals import Fill
from tests.sample_services import NOW, letters

SLUG = sample_services.OUT[-1]
FATES = {
    "policy@a.example": {"state": CopyState.REFUSED, "code": 550, "reply": "5.7.1 policy", "reason": ABOUT_US},
    "before@a.example": {"state": CopyState.REFUSED, "code": 554, "reply": "5.7.1 Relay access denied"},
    "came-back@a.example": {"state": CopyState.REFUSED, "code": 550, "reply": "Not now", "reason": "unsubscribed"},
    "unknown@a.example": {"state": CopyState.REFUSED, "code": 550, "reply": "5.1.1 No such user"},
    "gave-up@a.example": {"state": CopyState.FAILED, "reason": "gave up"},
    "stopped@a.example": {"state": CopyState.SKIPPED, "reason": "cancelled"},
    "left@a.example": {"state": CopyState.SKIPPED, "reason": "unsubscribed"},
    "in-a-break@a.example": {"state": CopyState.SKIPPED, "reason": "paused"},
    "stopped-and-left@a.example": {"state": CopyState.SKIPPED, "reason": "cancelled"},
    "stopped-and-suppressed@a.example": {"state": CopyState.SKIPPED, "reason": "cancelled"},
    "sent@a.example": {"state": CopyState.SENT},
    "doubt@a.example": {"state": CopyState.IN_DOUBT},
}
MISSED = ["before@a.example", "came-back@a.example", "gave-up@a.example", "policy@a.example", "stopped@a.example"]


@pytest.fixture
def filled() -> Fill:
    """An issue that was stopped half-way, with a copy for each fate."""
    return _stopped


def _stopped(sessions: Sessions, folder: Path) -> None:
    services = sample_services.build(sessions, folder)
    sample_services.open_publication(services, NOW)
    with sessions.begin() as session:
        for email in FATES:
            subscribe(session, email, NOW - timedelta(days=20))
    sample_services.stock(services, NOW)
    with sessions.begin() as session:
        letter = issue_store.find(session, SLUG).letter
        for email, fate in FATES.items():
            mine = update(Copy).where(Copy.letter_id == letter.id, Copy.address == email)
            session.execute(mine.values(**fate))
        letter.state, letter.finished_at = LetterState.CANCELLED, NOW
        of(session, "stopped-and-left@a.example").status = Status.UNSUBSCRIBED
        suppression.add(session, "stopped-and-suppressed@a.example", Cause.COMPLAINT, NOW)


def subscribe(session: Session, email: str, at: datetime) -> None:
    reader = Subscriber(email=email, key=email, name="", created_at=at)
    session.add(reader)
    session.flush()
    session.add(
        Subscription(subscriber_id=reader.id, publication_id=1, status=Status.ACTIVE, created_at=at, confirmed_at=at)
    )


def of(session: Session, email: str) -> Subscription:
    return session.scalars(select(Subscription).join(Subscription.subscriber).where(Subscriber.email == email)).one()


def waiting(services: Services) -> dict[str, int]:
    with services.sessions.reading() as session:
        mine = Copy.letter_id == issue_store.find(session, SLUG).letter_id
        return dict(session.execute(select(Copy.address, Copy.id).where(mine, Copy.state == CopyState.PENDING)).all())


def test_those_who_missed_it_and_read_now_wait_again_on_their_own_rows(services: Services, now: datetime) -> None:
    with services.sessions.reading() as session:
        mine = Copy.letter_id == issue_store.find(session, SLUG).letter_id
        before = dict(session.execute(select(Copy.address, Copy.id).where(mine)).all())
        found = resend_missed.find_missed(session, issue_store.find(session, SLUG), now)
    assert (found.refused, found.failed, found.stopped, found.joined, found.spared) == (3, 1, 1, 0, 2)
    assert waiting(services) == {}
    with services.sessions.begin() as session:
        assert resend_missed.resend(session, issue_store.find(session, SLUG), now) == found.copies
    assert waiting(services) == {email: before[email] for email in MISSED}
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        assert issue_store.state(issue) is IssueState.SENDING
        assert issue.letter.finished_at is None
        with pytest.raises(Conflict, match="nobody to send it to"):
            resend_missed.resend(session, issue, now)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_may_have_got_it_before_it_was_tried_again_and_stopped_has_not_missed_it(
    services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        letter_id = issue_store.find(session, SLUG).letter_id
        tried_again = Copy.address.in_(["stopped@a.example", "gave-up@a.example", "policy@a.example"])
        ids = session.scalars(select(Copy.id).where(Copy.letter_id == letter_id, tried_again))
        resent.record_resent(session.connection(), dict.fromkeys(ids, "the server hung up"), now)
        found = resend_missed.find_missed(session, issue_store.find(session, SLUG), now)
        assert (found.refused, found.failed, found.stopped) == (2, 0, 0)
        assert resend_missed.resend(session, issue_store.find(session, SLUG), now) == found.copies
    assert sorted(waiting(services)) == ["before@a.example", "came-back@a.example"]


def test_who_joined_since_gets_it_only_if_that_is_said_and_once(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        subscribe(session, "new@a.example", now)
        assert resend_missed.find_missed(session, issue_store.find(session, SLUG), now).joined == 1
        resend_missed.resend(session, issue_store.find(session, SLUG), now)
    assert "new@a.example" not in waiting(services)
    with services.sessions.begin() as session:
        assert resend_missed.resend(session, issue_store.find(session, SLUG), now, joined=True) == 1
    assert sorted(waiting(services)) == sorted([*MISSED, "new@a.example"])
    with services.sessions.begin() as session, pytest.raises(Conflict, match="nobody"):
        resend_missed.resend(session, issue_store.find(session, SLUG), now, joined=True)
    with services.sessions.begin() as session, pytest.raises(Conflict, match="more than 30 days"):
        resend_missed.resend(session, issue_store.find(session, SLUG), now + timedelta(days=31), joined=True)


# All of them are looked at, else the fewer: these, or those who have a copy.
@pytest.mark.parametrize(("most", "joined"), [(100, 4), (0, 4), (0, 40)])
def test_who_joined_since_is_counted_the_same_however_many_they_are(
    services: Services, now: datetime, monkeypatch: pytest.MonkeyPatch, most: int, joined: int
) -> None:
    monkeypatch.setattr(resend_missed, "_MANY", most)
    with services.sessions.begin() as session:
        for number in range(joined):
            subscribe(session, f"new{number}@a.example", now)
        suppression.add(session, "new1@a.example", Cause.COMPLAINT, now)
        of(session, "new2@a.example").status = Status.PENDING
        of(session, "new3@a.example").confirmed_at = None
        of(session, "sent@a.example").confirmed_at = now
        session.flush()
        assert resend_missed.find_missed(session, issue_store.find(session, SLUG), now).joined == joined - 2


def test_what_never_went_out_from_here_was_missed_by_nobody(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session, pytest.raises(Conflict, match="never went out from here"):
        resend_missed.resend(session, issue_store.find(session, sample_services.WAITING), now, joined=True)


def test_it_goes_to_the_address_where_a_reader_reads_now(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        of(session, "stopped@a.example").subscriber.email = "moved@a.example"
    with services.sessions.begin() as session:
        resend_missed.resend(session, issue_store.find(session, SLUG), now)
    assert "moved@a.example" in waiting(services)
    assert "stopped@a.example" not in waiting(services)


def test_editors_hear_once_of_a_breaker_in_the_servers_words(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        editors.add(session, "ann@press.example", Role.EDITOR, now)
        editors.add(session, "viewer@press.example", Role.VIEWER, now)
        letter_id = issue_store.find(session, SLUG).letter_id
        said = {"code": 554, "reply": "5.7.1 Relay access denied", "copies": 5}
        session.add(Trip(letter_id=letter_id, provider_group=breaker.WHOLE, opened_at=now, **said))
    for _ in range(2):
        with services.sessions.reading() as session:
            untold = breaker.unreported(session)
        for trip_id in untold:
            with services.sessions.begin() as session:
                assert alert_editors.send_alert(session, services.audience, trip_id, now)
    [mail] = [mail for mail in letters(services) if mail["kind"] == alert_editors.KIND]
    assert mail["address"] == "ann@press.example"
    assert mail["said"] == "The server said: 554 5.7.1 Relay access denied"
    assert mail["issue_url"].endswith(f"/desk/issues/{SLUG}/")


def test_going_on_closes_the_breaker_and_lets_the_held_ones_wait_as_before(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        letter = session.get_one(Letter, issue_store.find(session, SLUG).letter_id)
        letter.state, letter.finished_at = LetterState.RUNNING, None
        session.add(
            Trip(letter_id=letter.id, provider_group="gmail", opened_at=now, code=550, reply="5.7.26 No", copies=5)
        )
        held = update(Copy).where(Copy.letter_id == letter.id, Copy.address == "stopped@a.example")
        session.execute(held.values(state=CopyState.PENDING, reason=None, not_before=breaker.HELD))
    with services.sessions.begin() as session:
        halt_issue.resume(session, issue_store.find(session, SLUG), now)
        assert breaker.open_trips(session, issue_store.find(session, SLUG).letter_id) == []
        copy = session.scalars(select(Copy).where(Copy.address == "stopped@a.example").order_by(Copy.id.desc())).first()
        assert copy.not_before == now
        with pytest.raises(Conflict, match="only a paused issue"):
            halt_issue.resume(session, issue_store.find(session, SLUG), now)
