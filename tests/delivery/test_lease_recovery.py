"""What a worker held that ended, or fell silent: nothing is lost, and nothing leaves twice."""

from datetime import datetime, timedelta

import pytest
from peers import readers
from sqlalchemy import select, update

from newsletter.db import Sessions
from newsletter.delivery import ledger
from newsletter.delivery.models import Copy, CopyState, OutboxMessage, OutboxState
from newsletter.delivery.transactional import outbox
from newsletter.delivery.transactional.outbox import Addressee, Composed
from newsletter.delivery.workers import heartbeat, lease_recovery
from newsletter.delivery.workers.heartbeat import Heartbeat, LivenessMonitor
from newsletter.publications import Publication

HALF_A_MINUTE = heartbeat.FRESH


@pytest.fixture
def held(sessions: Sessions, running, publication: Publication, now: datetime) -> list[int]:
    """Four copies and a single letter, which the worker "w" has claimed; of the copies it has begun the first."""
    running(readers(4))
    with sessions.begin() as session:
        ids = sorted(copy.id for copy in ledger.claim(session, "w", 10, now))
        session.execute(update(Copy).where(Copy.id == ids[0]).values(begun_at=now))
        outbox.post(session, publication, Addressee("ada@reader.example"), Composed("confirm", "Confirm", "", ""), now)
        session.flush()
        outbox.claim(session, "w", 10, now)
        heartbeat.beat(session, "w", now)
    return ids


def states(sessions: Sessions) -> list[CopyState]:
    with sessions.begin() as session:
        return list(session.scalars(select(Copy.state).order_by(Copy.id)))


def post_state(sessions: Sessions) -> OutboxState:
    with sessions.begin() as session:
        return session.scalars(select(OutboxMessage.state)).one()


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize(("policy", "begun"), [("resend", CopyState.PENDING), ("hold", CopyState.IN_DOUBT)])
def test_all_that_a_worker_held_is_free_at_once_when_its_process_is_gone(
    sessions: Sessions, now: datetime, policy, begun: CopyState
) -> None:
    with sessions.begin() as session:
        lease_recovery.recover_ended(session, "w", policy, now)
    assert states(sessions) == [begun, *[CopyState.PENDING] * 3]
    assert post_state(sessions) is OutboxState.PENDING
    with sessions.begin() as session:
        assert session.scalars(select(Heartbeat.worker)).all() == []


@pytest.mark.usefixtures("held")
def test_what_another_worker_holds_is_left_alone(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        lease_recovery.recover_ended(session, "v", "resend", now)
        lease_recovery.recover_silent(session, "v", now)
    assert states(sessions) == [CopyState.SENDING] * 4
    assert post_state(sessions) is OutboxState.SENDING


def test_of_a_silent_worker_only_what_it_has_not_begun_is_taken(
    sessions: Sessions, held: list[int], now: datetime
) -> None:
    with sessions.begin() as session:
        lease_recovery.recover_silent(session, "w", now)
    assert states(sessions) == [CopyState.SENDING, *[CopyState.PENDING] * 3]
    assert post_state(sessions) is OutboxState.PENDING
    with sessions.begin() as session:
        lease = session.get_one(Copy, held[0]).lease_until
    assert lease == now + ledger.LEASE


def test_a_silent_worker_that_lives_can_begin_nothing_that_was_taken_from_it(
    sessions: Sessions, held: list[int], now: datetime
) -> None:
    with sessions.begin() as session:
        lease_recovery.recover_silent(session, "w", now)
        taken = ledger.claim(session, "v", 10, now)
    assert sorted(copy.id for copy in taken) == held[1:]
    with sessions.begin() as session:
        assert ledger.begin(session.connection(), "w", taken, now) == set()
        assert ledger.begin(session.connection(), "v", taken, now) == set(held[1:])


def beat(sessions: Sessions, worker: str, now: datetime) -> None:
    with sessions.begin() as session:
        heartbeat.beat(session, worker, now)


def silent(sessions: Sessions, watch: LivenessMonitor, now: datetime) -> list[str]:
    with sessions.begin() as session:
        found = watch.fallen_silent(session, now)
    watch.settled(found)
    return found


def test_a_silence_is_told_until_somebody_has_dealt_with_it(sessions: Sessions, now: datetime) -> None:
    watch = LivenessMonitor()
    beat(sessions, "w", now)
    assert silent(sessions, watch, now) == []
    with sessions.begin() as session:
        for seconds in (30, 40, 50):
            assert watch.fallen_silent(session, now + timedelta(seconds=seconds)) == ["w"]
    assert silent(sessions, watch, now + timedelta(seconds=60)) == ["w"]
    assert silent(sessions, watch, now + timedelta(seconds=70)) == []


def test_a_silence_is_told_once_and_a_new_one_again(sessions: Sessions, now: datetime) -> None:
    watch = LivenessMonitor()
    beat(sessions, "w", now)
    told = []
    for seconds in range(0, 200, 10):
        if seconds == 90:
            beat(sessions, "w", now + timedelta(seconds=seconds))
        if silent(sessions, watch, now + timedelta(seconds=seconds)):
            told.append(seconds)
    assert told == [30, 120]


@pytest.mark.parametrize("skew", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_worker_whose_clock_is_wrong_is_not_silent_while_it_gives_signs(
    sessions: Sessions, now: datetime, skew: timedelta
) -> None:
    watch = LivenessMonitor()
    for seconds in range(0, 200, 10):
        moment = now + timedelta(seconds=seconds)
        beat(sessions, "w", moment + skew)
        assert silent(sessions, watch, moment) == []


def test_a_watcher_that_has_just_come_waits_half_a_minute_before_it_calls_anybody_silent(
    sessions: Sessions, now: datetime
) -> None:
    beat(sessions, "w", now - timedelta(hours=1))
    watch = LivenessMonitor()
    assert silent(sessions, watch, now) == []
    assert silent(sessions, watch, now + HALF_A_MINUTE - timedelta(seconds=1)) == []
    assert silent(sessions, watch, now + HALF_A_MINUTE) == ["w"]


def test_who_signed_off_is_missed_by_nobody(sessions: Sessions, now: datetime) -> None:
    watch = LivenessMonitor()
    beat(sessions, "w", now)
    silent(sessions, watch, now)
    with sessions.begin() as session:
        heartbeat.sign_off(session, "w")
    assert silent(sessions, watch, now + HALF_A_MINUTE) == []
