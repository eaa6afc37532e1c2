"""The clock is put back by an hour in mid-issue: nothing waits until it has caught up."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from peers import Clock
from sqlalchemy import select, update

from newsletter.db import Sessions
from newsletter.delivery import breaker, ledger
from newsletter.delivery.models import Copy, CopyState, OutboxMessage, OutboxState
from newsletter.delivery.rate_limit.limits import GROUP_AHEAD
from newsletter.delivery.smtp import retry
from newsletter.delivery.smtp.outage import OutageBackoff, ServerStatus
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.delivery.workers import clock_setback, heartbeat
from newsletter.delivery.workers.heartbeat import LivenessMonitor
from newsletter.publications import Publication

HOUR = timedelta(hours=1)
READERS = [f"reader{number}@example.org" for number in range(4)]

Running = Callable[..., int]


def mend(sessions: Sessions, now: datetime, living: Sequence[str] = ()) -> None:
    with sessions.begin() as session:
        clock_setback.shorten_waits(session, now, living)


def claimed(sessions: Sessions, now: datetime) -> list[int]:
    with sessions.begin() as session:
        return [copy.subscription_id for copy in ledger.claim(session, "w", 100, now)]


def put_off(sessions: Sessions, number: int, attempts: int, until: datetime, reservation: int | None = None) -> None:
    with sessions.begin() as session:
        waiting = {"attempts": attempts, "not_before": until, "reservation": reservation}
        session.execute(update(Copy).where(Copy.subscription_id == number).values(waiting))


def test_an_issue_that_began_an_hour_ahead_goes_on(sessions: Sessions, running: Running, now: datetime) -> None:
    running(READERS, at=now + HOUR)
    assert claimed(sessions, now) == []
    mend(sessions, now)
    assert len(claimed(sessions, now)) == len(READERS)


def test_a_copy_that_was_put_off_waits_no_longer_than_it_would_have(
    sessions: Sessions, running: Running, now: datetime
) -> None:
    running(READERS)
    put_off(sessions, 1, 1, now + HOUR + timedelta(minutes=1))
    put_off(sessions, 2, 4, now + timedelta(minutes=50))  # as the table of waits has it
    put_off(sessions, 3, 0, breaker.HELD)
    put_off(sessions, 4, 0, now + GROUP_AHEAD, reservation=7)
    mend(sessions, now)
    assert claimed(sessions, now) == []
    assert claimed(sessions, now + retry.COPIES.longest(1)) == [1]
    assert claimed(sessions, now + timedelta(minutes=50)) == [2]
    assert claimed(sessions, now + GROUP_AHEAD) == [4]
    assert claimed(sessions, now + timedelta(days=300)) == []


def test_a_moment_that_a_group_cannot_have_reserved_is_given_up(
    sessions: Sessions, running: Running, now: datetime
) -> None:
    running(READERS[:1])
    put_off(sessions, 1, 0, now + HOUR + timedelta(minutes=1), reservation=7)
    mend(sessions, now)
    assert claimed(sessions, now) == [1]


def test_the_leases_of_the_dead_end_in_time_and_the_living_keep_theirs(
    sessions: Sessions, running: Running, now: datetime
) -> None:
    running(READERS)
    with sessions.begin() as session:
        ledger.claim(session, "dead", 2, now + HOUR)
        ledger.claim(session, "living", 2, now + HOUR)
    mend(sessions, now, ["living"])
    with sessions.begin() as session:
        ledger.recover(session, now + ledger.LEASE + timedelta(seconds=1), "resend", ["living"])
    with sessions.reading() as session:
        held = session.scalars(select(Copy.worker).where(Copy.state == CopyState.SENDING)).all()
    assert held == ["living"] * 2


def test_a_single_letter_goes_out_and_is_taken_from_a_worker_that_is_dead(
    sessions: Sessions, publication: Publication, now: datetime
) -> None:
    with sessions.begin() as session:
        outbox.post(
            session, publication, Addressee("ada@example.org", "Ada"), Composed("data", "Yours", "", ""), now + HOUR
        )
    mend(sessions, now)
    with sessions.begin() as session:
        assert outbox.claim(session, "w", 1, now)
        session.execute(update(OutboxMessage).values(lease_until=now + HOUR + outbox.LEASE))
    mend(sessions, now)
    with sessions.begin() as session:
        assert outbox.recover(session, now + outbox.LEASE + timedelta(seconds=1)) == 1
        assert session.scalars(select(OutboxMessage.state)).one() is OutboxState.PENDING


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_that_fell_silent_is_missed_by_the_new_time(sessions: Sessions, now: datetime) -> None:
    watch = LivenessMonitor()
    with sessions.begin() as session:
        heartbeat.beat(session, "other", now + HOUR)
        assert watch.fallen_silent(session, now + HOUR) == []
        assert watch.fallen_silent(session, now) == []
        assert watch.fallen_silent(session, now + heartbeat.FRESH) == ["other"]


def test_an_outage_is_not_sat_out_for_an_hour(clock: Clock) -> None:
    outage = OutageBackoff(ServerStatus("127.0.0.1:25", clock), clock)
    outage.record_failure("nobody answers", 1)
    assert outage.is_waiting
    clock.pass_by(hours=-1)
    assert not outage.is_waiting


def test_a_clock_that_is_set_back_before_the_first_look_is_noticed(now: datetime) -> None:
    watch = clock_setback.ClockWatch(now, 5.0)
    assert watch.was_set_back(now - timedelta(hours=1), 5.1)


def test_a_clock_that_is_set_back_is_noticed_once_and_a_drift_is_not(now: datetime) -> None:
    watch, seconds = clock_setback.ClockWatch(now, 0.0), timedelta(seconds=1)
    readings = [(10, 10.0), (19.5, 20.0), (-3580, 21.0), (-3579, 22.0), (5000, 23.0)]
    assert [watch.was_set_back(now + at * seconds, monotonic) for at, monotonic in readings] == [
        *(False, False),
        *(True, False, False),
    ]
