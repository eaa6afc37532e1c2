"""Copies in doubt: a person decides, once, and nobody who has left is written to again."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.bounces import suppression
from newsletter.delivery.ledger import doubts
from newsletter.delivery.models import Cause, Copy, CopyState, Letter, LetterState
from newsletter.delivery.reports import stats
from newsletter.editorial.issues import issue_store
from newsletter.errors import Conflict, NotFound
from newsletter.wiring import Services
from newsletter.workflows import resolve_doubts
from newsletter.workflows.resolve_doubts import Decision, Resolution
from tests import sample_services
from tests.originals import Fill

SLUG = "plain"
READERS = ("ada@reader.example", "ben@reader.example", "cleo@reader.example")


def with_an_issue(sessions: Sessions, folder: Path) -> None:
    """A plain issue that has begun, to three readers."""
    services, now = sample_services.build(sessions, folder), sample_services.NOW
    sample_services.open_publication(services, now)
    with sessions.begin() as session:
        for email in READERS:
            person = Subscriber(email=email, key=email, name="", created_at=now)
            person.subscriptions.append(Subscription(publication_id=1, status=Status.ACTIVE, created_at=now))
            session.add(person)
    sample_services.send(services, "backpainhelp", SLUG, now)


@pytest.fixture
def filled() -> Fill:
    return with_an_issue


@pytest.fixture
def doubted(services: Services, now: datetime) -> list[int]:
    """Every copy in doubt, and the letter finished: what `IN_DOUBT=hold` leaves behind after a kill."""
    with services.sessions.begin() as session:
        claimed = ledger.claim(session, "w", 10, now)
        session.execute(update(Copy).values(begun_at=now))
    with services.sessions.begin() as session:
        ledger.recover(session, now + 2 * ledger.LEASE, "hold")
        ledger.finish(session, now + 2 * ledger.LEASE)
    return sorted(copy.id for copy in claimed)


def settle(services: Services, decision: Decision, now: datetime, *ids: int) -> Resolution:
    with services.sessions.begin() as session:
        return resolve_doubts.resolve(session, issue_store.find(session, SLUG).letter, decision, now, ids)


def open_doubts(services: Services) -> list[int]:
    with services.sessions.reading() as session:
        return [copy.id for copy in session.scalars(doubts.undecided(issue_store.find(session, SLUG).letter_id or 0))]


def rows(services: Services) -> dict[int, tuple[CopyState, str | None]]:
    with services.sessions.reading() as session:
        return {copy.id: (copy.state, copy.reason) for copy in session.scalars(select(Copy))}


def letter_state(services: Services) -> LetterState:
    with services.sessions.reading() as session:
        return session.scalars(select(Letter.state)).one()


def test_copies_that_are_sent_again_wait_and_their_finished_letter_runs_again(
    services: Services, doubted: list[int], now: datetime
) -> None:
    assert letter_state(services) is LetterState.FINISHED
    with services.sessions.reading() as session:
        before = doubts.message_ids(session, services.links, 1, doubted)
    assert settle(services, Decision.RESEND, now) == Resolution(doubted)
    assert letter_state(services) is LetterState.RUNNING
    with services.sessions.begin() as session:
        assert sorted(copy.id for copy in ledger.claim(session, "w2", 10, now)) == doubted
        assert doubts.message_ids(session, services.links, 1, doubted) == before
    assert open_doubts(services) == []


@pytest.mark.parametrize("decision", [Decision.SENT, Decision.LEAVE])
def test_a_doubt_that_is_closed_stays_in_the_counts_and_is_listed_no_more(
    services: Services, doubted: list[int], now: datetime, decision: Decision
) -> None:
    assert settle(services, decision, now, doubted[0]) == Resolution(doubted[:1])
    assert open_doubts(services) == doubted[1:]
    assert letter_state(services) is LetterState.FINISHED
    with services.sessions.reading() as session:
        assert stats.copy_counts(session, issue_store.find(session, SLUG).letter).in_doubt == len(READERS)
    state, reason = rows(services)[doubted[0]]
    assert (state, reason is not None and reason.startswith("settled: ")) == (CopyState.IN_DOUBT, True)


def test_a_doubt_is_decided_once(services: Services, doubted: list[int], now: datetime) -> None:
    settle(services, Decision.LEAVE, now, doubted[0])
    for decision in Decision:
        with pytest.raises(NotFound, match=f"not among the copies in doubt: copy {doubted[0]};"):
            settle(services, decision, now, *doubted)
    with services.sessions.begin() as session:
        assert doubts.send_again(session, 1, doubted, now) == doubted[1:]
    assert rows(services)[doubted[0]][0] is CopyState.IN_DOUBT


@pytest.mark.usefixtures("doubted")
def test_who_left_was_suppressed_or_erased_meanwhile_gets_nothing_again(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        people = session.scalars(select(Subscription).order_by(Subscription.id)).all()
        people[0].status = Status.UNSUBSCRIBED
        suppression.add(session, READERS[1], Cause.COMPLAINT, now)
        session.delete(people[2].subscriber)
    settled = settle(services, Decision.RESEND, now)
    assert settled.copies == []
    assert sorted(settled.spared.values()) == ["erased", "suppressed", "unsubscribed"]
    assert {state for state, _ in rows(services).values()} == {CopyState.IN_DOUBT}
    assert {reason for _, reason in rows(services).values()} == {
        f"settled: not sent again, {why}" for why in settled.spared.values()
    }
    assert open_doubts(services) == []
    assert letter_state(services) is LetterState.FINISHED


def test_nothing_of_a_cancelled_issue_is_sent_again(services: Services, doubted: list[int], now: datetime) -> None:
    with services.sessions.begin() as session:
        session.execute(update(Letter).values(state=LetterState.CANCELLED))
    with pytest.raises(Conflict, match="it is cancelled, so nothing of it is sent again"):
        settle(services, Decision.RESEND, now)
    assert open_doubts(services) == doubted
    assert settle(services, Decision.LEAVE, now).copies == doubted


@pytest.mark.usefixtures("doubted")
def test_copies_of_a_paused_issue_wait_until_it_goes_on(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        session.execute(update(Letter).values(state=LetterState.PAUSED))
    settle(services, Decision.RESEND, now)
    assert letter_state(services) is LetterState.PAUSED
    with services.sessions.begin() as session:
        assert ledger.claim(session, "w2", 10, now) == []


def test_a_letter_that_was_finished_while_a_copy_of_it_waits_runs_again(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        session.execute(update(Letter).values(state=LetterState.FINISHED, finished_at=now))
        assert doubts.reopen(session, now) == [1]
        assert doubts.reopen(session, now) == []
    assert letter_state(services) is LetterState.RUNNING


@pytest.mark.usefixtures("doubted")
def test_a_decision_is_logged_without_an_address(services: Services, now: datetime) -> None:
    with capture_logs() as logged:
        settle(services, Decision.SENT, now + timedelta(hours=1))
    assert [line["decision"] for line in logged] == ["found to be sent"] * len(READERS)
    assert not any("@" in str(line) for line in logged)
