"""What a restored or copied database sends before a person armed it: nothing; and afterwards the rest."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.models import Copy, CopyState, Letter, OutboxMessage, OutboxState
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.delivery.workers import send_permission
from newsletter.editorial.issues import issue_store
from newsletter.publications import Publication, first
from newsletter.wiring import Services
from newsletter.worker import Worker
from newsletter.workflows import allow_sending, issue_readiness, publish
from newsletter.workflows.build_letter import LetterSettings
from tests import sample_services
from tests.originals import Fill, upon
from tests.sample_services import NOW

GRACE = timedelta(hours=2)
READERS = 4


@pytest.fixture
def filled() -> Fill:
    """A press in the middle of an issue, with another that is due and a letter that somebody waits for."""
    return _begun


@pytest.fixture
def services(sessions: Sessions, tmp_path: Path, now: datetime) -> Services:
    """That press, restored."""
    with sessions.begin() as session:
        send_permission.disarm(session, now)
    return sample_services.build(sessions, tmp_path, mail_server="127.0.0.1", mail_port=9)


@upon(sample_services.stocked)
def _begun(sessions: Sessions, folder: Path) -> None:
    links = sample_services.build(sessions, folder).links
    with sessions.begin() as session:
        session.add_all(_reader(number, first(session), NOW) for number in range(READERS))
        issue = issue_store.find(session, sample_services.WAITING)
        publish.send_now(session, LetterSettings(links), issue, NOW)
        due = issue_store.find(session, "break-the-circle")
        issue_readiness.mark_ready(session, due, links)
        publish.schedule(session, LetterSettings(links), due, NOW + timedelta(seconds=1), NOW)
        outbox.post(
            session, first(session), Addressee("zoe@reader.example", "Zoe"), Composed("confirm", "Hello", "", ""), NOW
        )
        begun, *_ = ledger.claim(session, "old", 2, NOW)
        ledger.begin(session.connection(), "old", [begun], NOW)


def test_a_worker_starts_no_issue_claims_no_copy_and_sends_no_letter_before(services: Services) -> None:
    before = _stand(services)
    jobs = Worker(services).jobs
    for job in (jobs.start_due_issues, jobs.empty_the_outbox, jobs.send_copies):
        job()
    assert _stand(services) == before


def test_what_waits_is_told_with_what_becomes_of_it(services: Services, now: datetime) -> None:
    def told(at: datetime) -> dict[str, tuple[int, str]]:
        with services.sessions.reading() as session:
            return {each.issue: (each.readers, each.then) for each in allow_sending.waiting_issues(session, GRACE, at)}

    assert told(now)[sample_services.WAITING] == (READERS, "goes on at once")
    assert told(now)["break-the-circle"][1].startswith("goes out on Friday 20 November 2026 at 13:00")
    assert told(now + timedelta(hours=1))["break-the-circle"] == (READERS, "goes out at once")
    assert told(now + timedelta(hours=3))["break-the-circle"][1] == "held: waits for a person"
    with services.sessions.begin() as session:
        letter_id = issue_store.find(session, sample_services.WAITING).letter_id
        hour = {"not_before": now + timedelta(hours=13), "wished_at": now + timedelta(hours=13)}
        session.execute(update(Copy).where(Copy.letter_id == letter_id, Copy.state == CopyState.PENDING).values(hour))
    assert told(now)[sample_services.WAITING][1] == (
        "goes on, its last copy on Saturday 21 November 2026 at 02:00 (Europe/Warsaw)"
    )
    with services.sessions.reading() as session:
        assert allow_sending.outbox_backlog(session) == allow_sending.OutboxBacklog(1, now)


def test_a_correction_that_is_going_out_is_told_beside_the_issues(services: Services, now: datetime) -> None:
    sample_services.correct(services.sessions, services.links, sample_services.WAITING, now)
    with services.sessions.reading() as session:
        (running,) = [each for each in allow_sending.waiting_issues(session, GRACE, now) if each.correction]
    assert running == allow_sending.WaitingIssue(sample_services.WAITING, 1, "sending", now, READERS, "goes on at once")


@pytest.mark.parametrize(("policy", "doubtful"), [("resend", CopyState.PENDING), ("hold", CopyState.IN_DOUBT)])
def test_what_workers_of_the_other_place_held_is_given_back_or_in_doubt(
    services: Services, now: datetime, policy, doubtful: CopyState
) -> None:
    with services.sessions.begin() as session:
        allow_sending.allow(session, policy, now)
        assert send_permission.may_send(session)
        states = session.scalars(select(Copy.state).order_by(Copy.id)).all()
    assert states == [doubtful, *[CopyState.PENDING] * (READERS - 1)]


def test_whoever_arms_it_a_second_time_takes_nothing_from_those_who_send(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        allow_sending.allow(session, "resend", now)
        held = ledger.claim(session, "new", 2, now)
    with services.sessions.begin() as session:
        allow_sending.allow(session, "resend", now)
        sending = session.scalars(select(Copy.id).where(Copy.worker == "new")).all()
    assert sorted(sending) == sorted(copy.id for copy in held)


def _reader(number: int, publication: Publication, now: datetime) -> Subscriber:
    email = f"reader{number}@reader.example"
    tie = Subscription(publication=publication, status=Status.ACTIVE, created_at=now)
    return Subscriber(email=email, key=email, created_at=now, subscriptions=[tie])


def _stand(services: Services) -> tuple[object, ...]:
    with services.sessions.reading() as session:
        letters = session.execute(select(Letter.id, Letter.state).order_by(Letter.id)).all()
        copies = session.execute(select(Copy.id, Copy.state, Copy.worker).order_by(Copy.id)).all()
        waiting = session.scalar(
            select(func.count()).where(OutboxMessage.state == OutboxState.PENDING, OutboxMessage.attempts == 0)
        )
    return letters, copies, waiting
