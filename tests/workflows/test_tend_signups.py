from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from newsletter import publications
from newsletter.audience import confirm_breaker, signup
from newsletter.audience.confirm_breaker import ConfirmTrip
from newsletter.audience.models import SignupCount
from newsletter.delivery import breaker
from newsletter.delivery.bounces.record import Origin
from newsletter.delivery.bounces.report import Hardness, Kind, Reason, Recipient, Report
from newsletter.delivery.breaker import Trip
from newsletter.delivery.models import Letter, OutboxMessage
from newsletter.delivery.transactional import outbox
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editors import Role, accounts
from newsletter.wiring import Services
from newsletter.workflows import record_bounce, tend_signups
from tests import sample_services

A_DAY = timedelta(days=1)


@pytest.fixture
def filled():
    return sample_services.stocked


@pytest.fixture
def asked(services: Services, now) -> Services:
    """Somebody who signed up a day ago."""
    with services.sessions.begin() as session:
        request = signup.SignupRequest("ada@example.org", "", None, "Yes")
        signup.subscribe(session, services.audience, publications.find(session), request, now - A_DAY)
        for letter in outbox.claim(session, "w", 9, now):
            outbox.sent(session, "w", letter.id, "250 OK", now - A_DAY)
    return services


def reminders(services: Services, now, *, wanted: bool = True) -> int:
    for act in tend_signups.acts(services.audience, 7 * A_DAY, reminds=wanted):
        with services.sessions.begin() as session:
            act(session, now)
    with services.sessions.reading() as session:
        return len(session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "reminder")).all())


def test_a_reminder_goes_only_where_it_is_wanted(asked: Services, now) -> None:
    assert reminders(asked, now, wanted=False) == 0
    assert reminders(asked, now) == 1


def test_no_reminder_goes_while_servers_refuse_our_mail(asked: Services, now) -> None:
    with asked.sessions.begin() as session:
        letter = session.scalar(select(Letter.id).limit(1))
        opened = {
            "letter_id": letter,
            "provider_group": "gmail",
            "opened_at": now,
            "code": 550,
            "reply": "no",
            "copies": 0,
        }
        session.add(Trip(**opened))
    assert reminders(asked, now) == 0
    with asked.sessions.begin() as session:
        breaker.close(session, letter, now)
    assert reminders(asked, now) == 1


def test_no_reminder_goes_within_a_day_after_sign_ups_were_stopped(asked: Services, now) -> None:
    hour = int(now.timestamp()) // 3600
    with asked.sessions.begin() as session:
        session.execute(insert(SignupCount).values(bucket="press:a", window=hour - 20, hits=2001))
    assert reminders(asked, now) == 0
    assert reminders(asked, now + timedelta(hours=6)) == 1


def test_no_reminder_goes_while_sign_ups_are_slowed(asked: Services, now) -> None:
    with asked.sessions.begin() as session:
        session.add(ConfirmTrip(hour=1, opened_at=now, sent=9, returned=9))
    assert reminders(asked, now) == 0
    with asked.sessions.begin() as session:
        assert confirm_breaker.close(session, now)
    assert reminders(asked, now) == 1


def test_too_many_confirmation_emails_that_come_back_slow_sign_ups_and_the_editors_are_told_once(
    services: Services, now
) -> None:
    with services.sessions.begin() as session:
        accounts.add(session, "ed@example.org", Role.EDITOR, now)
        for number in range(20):
            request = signup.SignupRequest(f"r{number}@site{number}.example", "", None, "Yes")
            signup.subscribe(session, services.audience, publications.find(session), request, now - A_DAY / 12)
        letters = outbox.claim(session, "w", 20, now)
        for letter in letters:
            outbox.sent(session, "w", letter.id, "250 OK", now - A_DAY / 12)
    for kind, letter in zip([Kind.BOUNCE] * 4 + [Kind.COMPLAINT], letters, strict=False):
        hear(services, kind, letter, now)
    for _ in range(2):
        tend_signups.watch(services.sessions, services.audience, WorkerContext("tested", lambda: now))
    with services.sessions.reading() as session:
        trip = confirm_breaker.open_trip(session)
        assert trip
        assert (trip.sent, trip.returned) == (20, 5)
        [told] = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "sending_warning"))
    assert "5 of 20 came back" in told.text
    assert f"at most {confirm_breaker.AN_HOUR} an hour" in told.text


def hear(services: Services, kind: Kind, letter: OutboxMessage, now) -> None:
    """Hear of a letter by the return path that it had."""
    token = services.links.seal.seal_local_part("post", letter.id)
    hardness, reason = (Hardness.HARD, Reason.USER_UNKNOWN) if kind is Kind.BOUNCE else (None, Reason.FEEDBACK)
    report = Report(kind, (Recipient(letter.address, hardness, reason),), f"bounce+{token}@bounces.example.org")
    with services.sessions.begin() as session:
        record_bounce.record_report(session, services.bounces, report, Origin(f"test:{letter.id}", "pipe"), now)
