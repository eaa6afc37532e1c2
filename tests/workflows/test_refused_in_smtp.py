"""An issue through real SMTP to servers of every mood: what becomes of each reader, copy and provider."""

from datetime import datetime

import pytest
from sqlalchemy import select

from newsletter import publications
from newsletter.audience import privacy
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.delivery.bounces import suppression
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.breaker import Trip
from newsletter.delivery.bulk.sender import BulkSender
from newsletter.delivery.bulk.settings import BulkSettings
from newsletter.delivery.models import Cause, Copy, CopyState
from newsletter.delivery.rate_limit.limits import Limits
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.mailer import MailerSettings, TransactionalMailer
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.delivery.workers.context import WorkerContext
from newsletter.wiring import Services
from newsletter.workflows import tend_bounces
from tests import sample_services
from tests.delivery.peers import Mailbox, honest, send_all
from tests.originals import Fill

ANSWERS = {
    "gone@reader1.example": "550 5.1.1 No such user here",
    "unknown@reader2.example": "550 No such user",
    "moved@reader3.example": "551 5.1.6 The recipient has moved to elsewhere",
    "full@reader4.example": "552 5.2.2 Mailbox full",
    "disabled@reader5.example": "550 5.2.1 The account is disabled",
    "later@reader6.example": "451 4.3.0 Try again later",
    "policy@reader7.example": "554 5.7.1 [CS01] Message rejected due to local policy",
    "blocks@reader8.example": "550 5.7.1 You are not allowed to send to this recipient",
    "ada@gmail.com": "550 5.7.26 Your email has been blocked because the sender is unauthenticated",
    "bo@gmail.com": "550 5.7.26 Your email has been blocked because the sender is unauthenticated",
}
REFUSED, PENDING = CopyState.REFUSED, CopyState.PENDING
OUTCOMES = {
    "gone@reader1.example": (REFUSED, Status.BOUNCED, "suppressed"),
    "unknown@reader2.example": (REFUSED, Status.BOUNCED, "suppressed"),
    "moved@reader3.example": (REFUSED, Status.BOUNCED, "suppressed"),
    "full@reader4.example": (REFUSED, Status.ACTIVE, "counted"),
    "disabled@reader5.example": (REFUSED, Status.ACTIVE, "counted"),
    "later@reader6.example": (PENDING, Status.ACTIVE, None),
    "policy@reader7.example": (REFUSED, Status.ACTIVE, None),
    "blocks@reader8.example": (REFUSED, Status.ACTIVE, "counted"),
    "ada@gmail.com": (PENDING, Status.ACTIVE, None),
    "bo@gmail.com": (PENDING, Status.ACTIVE, None),
    "eve@reader9.example": (CopyState.SENT, Status.ACTIVE, None),
}


@pytest.fixture
def filled() -> Fill:
    return sample_services.opened


def send(services: Services, now: datetime) -> None:
    """Let an issue go out to all of them, and the worker decide about what was said."""
    with services.sessions.begin() as session:
        home = publications.find(session)
        for address in OUTCOMES:
            person = Subscriber(email=address, key=address, name="", created_at=now)
            session.add(Subscription(subscriber=person, publication=home, status=Status.ACTIVE, created_at=now))
    sample_services.send(services, "backpainhelp", "plain", now)
    with honest(Mailbox(ANSWERS)) as peer:
        settings = BulkSettings(peer.server, services.links, Limits(connections=1))
        send_all(BulkSender(services.sessions, settings, worker="w", clock=lambda: now))
    decide(services, now)


def decide(services: Services, now: datetime) -> None:
    tend_bounces.decide_waiting(services.sessions, services.bounces, WorkerContext("w", lambda: now))


def test_what_becomes_of_each_reader_copy_and_provider(services: Services, now: datetime) -> None:
    send(services, now)
    with services.sessions.reading() as session:
        states = {copy.address: copy.state for copy in session.scalars(select(Copy))}
        statuses = dict(session.execute(select(Subscriber.email, Subscription.status).join(Subscription)).all())
        decisions = dict(session.execute(select(BounceEvent.key, BounceEvent.decision)).all())
        assert {each: (states[each], statuses[each], decisions.get(each)) for each in OUTCOMES} == OUTCOMES
        suppressed = suppression.suppressed_keys(session, list(OUTCOMES))
        assert suppressed == {each for each, (_, status, _) in OUTCOMES.items() if status is Status.BOUNCED}
        tried = dict(session.execute(select(Copy.address, Copy.attempts).where(Copy.state == PENDING)).all())
        assert tried == {"later@reader6.example": 1, "ada@gmail.com": 0, "bo@gmail.com": 0}
        [trip] = session.scalars(select(Trip))
        assert (trip.provider_group, trip.closed_at) == ("gmail", None)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_was_erased_while_the_copy_was_on_its_way_leaves_nothing_of_what_the_server_said(
    services: Services, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(tend_bounces, "decide_waiting", lambda *_: None)
        send(services, now)
    with services.sessions.begin() as session:
        copy = session.scalars(select(Copy).where(Copy.address == "gone@reader1.example")).one()
        kept = session.scalars(select(BounceEvent).where(BounceEvent.copy_id == copy.id)).one()
        session.expunge(kept)
        privacy.erase(session, services.audience, copy.address, now)
    with services.sessions.begin() as session:
        told = {column.name: getattr(kept, column.name) for column in BounceEvent.__table__.columns}
        session.add(BounceEvent(**told))
    decide(services, now)
    with services.sessions.reading() as session:
        assert "gone@reader1.example" not in session.scalars(select(BounceEvent.key)).all()
        assert suppression.list_causes(session, "gone@reader1.example") == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("answer", "causes"),
    [
        ("550 5.1.1 No such user here", [Cause.BOUNCE]),
        ("550 5.2.1 The account is disabled", []),
        ("554 5.7.1 Relay access denied", []),
    ],
)
def test_a_single_letter_that_is_refused_follows_the_same_policy(
    services: Services, now: datetime, answer: str, causes: list[Cause]
) -> None:
    with services.sessions.begin() as session:
        home = publications.find(session)
        for address in ("gone@reader1.example", "not an address"):
            outbox.post(
                session, home, Addressee(address), Composed("confirm", "Please confirm", "<p>Yes</p>", "Yes"), now
            )
    with honest(Mailbox({"gone@reader1.example": answer})) as peer:
        settings = MailerSettings(peer.server, timeout=60)
        mailer = TransactionalMailer(services.sessions, settings, worker="w", clock=lambda: now)
        mailer.deliver_due()
        mailer.close()
    decide(services, now)
    with services.sessions.reading() as session:
        assert [one.key for one in session.scalars(select(BounceEvent))] == ["gone@reader1.example"]
        assert [one.cause for one in suppression.list_causes(session, "gone@reader1.example")] == causes
