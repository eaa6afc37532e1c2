"""The clock and the sender: what several of them share, and what a stop leaves behind."""

import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from newsletter import publications
from newsletter.audience import attribute_changes, consent_chain
from newsletter.audience.attributes import DeletedAttribute
from newsletter.audience.models import Act, Channel, ConsentEvent, Pace, Status, Subscriber, Subscription
from newsletter.config import Settings
from newsletter.db import DatabaseDown, Sessions
from newsletter.delivery import breaker, ledger
from newsletter.delivery.models import Copy, CopyState, Letter
from newsletter.delivery.transactional import outbox
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import Heartbeat
from newsletter.editorial.issues import digests
from newsletter.wiring import open_services
from newsletter.worker import Worker
from newsletter.workflows import alert_editors, monthly_digest, publish
from tests.databases import MOSTLY_POSTGRESQL
from tests.sample_services import Clock
from tests.waiting import PATIENCE, wait_for

from .conftest import BOTH_DATABASES, Sink, Start, addresses, is_finished

READERS = 150
_WAITERS = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'letters'::regclass")


@pytest.fixture
def _due(print_issue) -> None:
    """An issue whose hour is about to come."""
    print_issue(READERS, within=1)


@pytest.mark.slow
@MOSTLY_POSTGRESQL
@pytest.mark.usefixtures("_due")
def test_two_workers_start_an_issue_once_and_send_each_copy_once(sessions: Sessions, sink: Sink, start: Start) -> None:
    workers = [start(), start()]
    wait_for(lambda: is_finished(sessions))
    assert Counter(sink.recipients) == Counter(addresses(READERS))
    with sessions.reading() as session:
        assert session.execute(select(Copy.state, func.count()).group_by(Copy.state)).all() == [
            (CopyState.SENT, READERS)
        ]
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(PATIENCE) for worker in workers] == [0, 0]


@pytest.mark.usefixtures("_due")
def test_a_worker_that_is_stopped_in_mid_issue_leaves_nothing_in_doubt(
    sessions: Sessions, sink: Sink, start: Start
) -> None:
    sink.delay = 0.4
    first = start()
    wait_for(lambda: sink.recipients)
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE) == 0
    sink.delay = 0.0
    with sessions.reading() as session:
        left = Counter(session.scalars(select(Copy.state)))
    assert set(left) == {CopyState.SENT, CopyState.PENDING}
    assert left[CopyState.SENT] == len(sink.recipients)
    start()
    wait_for(lambda: is_finished(sessions))
    assert Counter(sink.recipients) == Counter(addresses(READERS))


@pytest.mark.slow
@BOTH_DATABASES
def test_a_stop_does_not_wait_for_a_database_that_does_not_answer(sessions: Sessions, start: Start, log: Path) -> None:
    worker = start()
    wait_for(lambda: _is_alive(sessions))
    with sessions.begin() as session:
        # SQLite lets nobody else write while any session does.
        session.execute(text("SELECT 1" if sessions.embedded else "LOCK TABLE letters"))
        # A job waits for it: PostgreSQL tells so, and of SQLite the job that has waited in vain.
        in_vain = "the database did not answer"
        wait_for(lambda: in_vain in log.read_text() if sessions.embedded else session.scalar(_WAITERS))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 1
    assert "worker could not stop in time" in log.read_text()


@pytest.mark.slow
def test_the_workers_sign_of_life_is_seen_while_it_runs_and_no_longer(sessions: Sessions, start: Start) -> None:
    assert not _is_alive(sessions)
    worker = start()
    wait_for(lambda: _is_alive(sessions))
    worker.send_signal(signal.SIGTERM)
    worker.wait(PATIENCE)
    with sessions.reading() as session:
        assert session.scalars(select(Heartbeat.worker)).all() == []


@BOTH_DATABASES
@pytest.mark.usefixtures("_due")
def test_each_job_does_its_part_when_called_by_hand(
    sessions: Sessions, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    services = open_services(Settings())
    worker = Worker(services)
    with sessions.reading() as session:
        hour = session.scalars(select(Letter.due_at)).one()
    with sessions.begin() as session:
        session.add(ConsentEvent(act=Act.EXPLAINED, channel=Channel.LINK, at=hour))
        session.add(DeletedAttribute(publication_id=publications.find(session).id, position=0))
    wait_for(lambda: datetime.now(UTC) > hour)
    for job in worker.jobs.table():
        job.run()
    worker.jobs.finish_letters()
    services.close()
    assert is_finished(sessions)
    with sessions.reading() as session:
        assert not attribute_changes.has_deleted(session, hour)
        found = consent_chain.verify(session)
    assert (found.chained, found.unchained, found.broken) == (1, 0, None)


@BOTH_DATABASES
def test_a_take_over_that_the_database_did_not_take_is_made_at_the_next_look(
    sessions: Sessions, environment: dict[str, str], print_issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    print_issue(3)
    services = open_services(Settings())
    worker = Worker(services)
    with sessions.begin() as session:
        heartbeat.beat(session, "another", datetime.now(UTC))
        ledger.claim(session, "another", 3, datetime.now(UTC))
    worker.jobs.recover_lost_copies()
    monkeypatch.setattr(heartbeat, "FRESH", timedelta(0))
    with monkeypatch.context() as away:
        away.setattr(outbox, "recover", _away)
        with pytest.raises(DatabaseDown):
            worker.jobs.recover_lost_copies()
    worker.jobs.recover_lost_copies()
    services.close()
    with sessions.reading() as session:
        assert set(session.scalars(select(Copy.state))) == {CopyState.PENDING}


def test_of_several_things_that_a_job_does_one_that_fails_does_not_hold_up_the_others(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    told: list[int] = []

    def fail_at_first(_session: object, _audience: object, trip_id: int, _now: datetime) -> None:
        told.append(trip_id)
        if trip_id == 1:
            raise RuntimeError("of a kind that nobody foresaw")

    monkeypatch.setattr(breaker, "unreported", lambda _session: [1, 2])
    monkeypatch.setattr(alert_editors, "send_alert", fail_at_first)
    services = open_services(Settings())
    Worker(services).jobs.report_refusals()
    services.close()
    assert told == [1, 2]


def test_a_digest_goes_before_the_issue_of_its_slot_and_one_that_fails_holds_nothing_up(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done: list[str] = []

    def fail(*_arguments: object) -> None:
        done.append("digest")
        raise RuntimeError("of a kind that nobody foresaw")

    monkeypatch.setattr(monthly_digest, "due_digests", lambda *_: [None])
    monkeypatch.setattr(monthly_digest, "send_due", fail)
    monkeypatch.setattr(publish, "publish_due", lambda *_: done.append("issue"))
    monkeypatch.setattr(publish, "is_any_due", lambda *_: True)
    services = open_services(Settings())
    Worker(services).jobs.start_due_issues()
    services.close()
    assert done == ["digest", "issue"]


def test_whoever_chose_one_email_a_month_gets_it_in_the_months_first_slot(
    sessions: Sessions, environment: dict[str, str], print_issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    services, clock = open_services(Settings()), Clock(datetime.now(UTC))
    print_issue(1)
    with sessions.begin() as session:
        home = publications.find(session)
        home.offers_digest = True
        reader = Subscriber(email="bob@reader.example", key="bob@reader.example", created_at=clock())
        session.add(reader)
        session.flush()
        tie = Subscription(subscriber_id=reader.id, publication_id=home.id, status=Status.ACTIVE, pace=Pace.MONTHLY)
        tie.created_at = tie.confirmed_at = clock()
        session.add(tie)
        digests.note_issue(session, session.scalars(select(Letter)).one())
        slot = monthly_digest.next_time(session, home, clock())
    worker = Worker(services, clock=clock)
    worker.jobs.write_digests()
    assert slot
    theirs = select(Copy.letter_id).where(Copy.address == "bob@reader.example")
    for moment, copies in ((slot - timedelta(seconds=1), 0), (slot, 1), (slot + timedelta(seconds=1), 1)):
        clock.moment = moment
        worker.jobs.start_due_issues()
        with sessions.reading() as session:
            assert len(session.scalars(theirs).all()) == copies
    services.close()


def _away(*_arguments: object) -> int:
    raise DatabaseDown("statement", {}, Exception("the database is away"))


def _is_alive(sessions: Sessions) -> bool:
    with sessions.reading() as session:
        return heartbeat.any_alive(session, datetime.now(UTC))
