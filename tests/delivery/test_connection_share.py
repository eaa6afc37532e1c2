"""MAIL_CONNECTIONS is for all workers together."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.workers import heartbeat


@given(whole=st.integers(0, 500), workers=st.integers(1, 40))
def test_the_shares_add_up_and_differ_by_one_at_most(whole: int, workers: int) -> None:
    parts = [heartbeat.share(whole, place, workers) for place in range(workers)]
    assert sum(parts) == whole
    assert max(parts) - min(parts) <= 1


def test_one_connection_goes_to_one_worker() -> None:
    assert [heartbeat.share(1, place, 3) for place in range(3)] == [1, 0, 0]


def test_each_living_worker_has_its_place(sessions, now) -> None:
    with sessions.begin() as session:
        for worker in ("c", "a", "b"):
            heartbeat.beat(session, worker, now)
    with sessions.reading() as session:
        assert [heartbeat.position_of(session, worker, now) for worker in "abc"] == [(0, 3), (1, 3), (2, 3)]


def test_a_new_worker_counts_before_its_first_sign_of_life(sessions, now) -> None:
    with sessions.begin() as session:
        heartbeat.beat(session, "b", now)
        assert heartbeat.position_of(session, "a", now) == (0, 2)


def test_a_worker_that_fell_silent_leaves_its_share_to_the_others(sessions, now) -> None:
    with sessions.begin() as session:
        heartbeat.beat(session, "a", now)
        heartbeat.beat(session, "b", now + timedelta(seconds=20))
        assert heartbeat.position_of(session, "b", now + timedelta(seconds=20)) == (0, 1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_dead_worker_takes_no_share_and_keeps_no_watch_once_the_clock_was_put_back(sessions, now) -> None:
    with sessions.begin() as session:
        heartbeat.beat(session, "dead", now + timedelta(hours=1))
        assert heartbeat.position_of(session, "a", now) == (0, 1)
        assert not heartbeat.any_alive(session, now)
        heartbeat.beat(session, "a", now)
        assert heartbeat.any_alive(session, now)
