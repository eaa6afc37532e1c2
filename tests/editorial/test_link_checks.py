from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from newsletter.db import Sessions
from newsletter.editorial.external_checks import link_checks
from newsletter.editorial.models import LinkCheck
from newsletter.outbound import Answer
from tests.databases import MOSTLY_SQLITE

pytestmark = MOSTLY_SQLITE

A, B = "https://a.example/", "https://b.example/"


def test_an_address_is_asked_once_and_its_answer_is_kept(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        link_checks.request_checks(session, [A, B, A], now)
        assert link_checks.count_pending(session, [A, B]) == 2
        assert sorted(link_checks.claim(session, 10, now)) == [A, B]
    with sessions.begin() as session:
        link_checks.record(session, Answer(A, 200, A), now)
        link_checks.record(session, Answer(B, None, B, "does not answer"), now)
    with sessions.reading() as session:
        assert link_checks.answers(session, [A, B]) == {A: Answer(A, 200, A), B: Answer(B, None, B, "does not answer")}
        assert (link_checks.count_pending(session, [A, B]), link_checks.are_due(session, now)) == (0, False)


def test_two_workers_never_ask_the_same_address(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        link_checks.request_checks(session, [A, B], now)
    with sessions.begin() as session:
        first = link_checks.claim(session, 1, now)
    with sessions.begin() as session:
        second = link_checks.claim(session, 9, now)
    assert sorted([*first, *second]) == [A, B]


def test_an_address_whose_worker_was_killed_is_asked_again(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        link_checks.request_checks(session, [A], now)
        link_checks.claim(session, 9, now)
        assert link_checks.claim(session, 9, now + timedelta(minutes=1)) == []
        assert link_checks.claim(session, 9, now + timedelta(minutes=3)) == [A]


def test_a_worker_that_stalled_does_not_put_its_old_answer_over_a_newer_one(sessions: Sessions, now: datetime) -> None:
    later = now + timedelta(minutes=3)
    with sessions.begin() as session:
        link_checks.request_checks(session, [A], now)
        link_checks.claim(session, 9, now)
        assert link_checks.claim(session, 9, later) == [A]
        link_checks.record(session, Answer(A, 200, A), later, later)
        link_checks.record(session, Answer(A, 503, A), later, now)
        assert link_checks.answers(session, [A]) == {A: Answer(A, 200, A)}


@pytest.mark.parametrize(("age", "older", "due"), [(1, 24, False), (25, 24, True), (1, 0, True)])
def test_an_answer_is_asked_for_again_when_it_is_stale(
    sessions: Sessions, now: datetime, age: int, older: int, due: bool
) -> None:
    later = now + timedelta(hours=age)
    with sessions.begin() as session:
        link_checks.request_checks(session, [A], now)
        link_checks.record(session, Answer(A, 200, A), now)
        link_checks.request_checks(session, [A], later, older=timedelta(hours=older))
        assert link_checks.are_due(session, later) is due
        assert link_checks.answers(session, [A]) == {A: Answer(A, 200, A)}


def test_what_nobody_has_asked_for_in_a_long_time_is_forgotten(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        link_checks.request_checks(session, [A], now - timedelta(days=91))
        link_checks.request_checks(session, [B, "https://c.example/" + "x" * 3_000], now)
        link_checks.prune(session, now)
        assert session.scalar(select(func.count()).select_from(LinkCheck)) == 1


def test_more_addresses_than_a_statement_takes_are_looked_up(sessions: Sessions, now: datetime) -> None:
    urls = [f"https://a.example/{number}" for number in range(1_200)]
    with sessions.begin() as session:
        link_checks.request_checks(session, urls[:300], now)
        assert link_checks.count_pending(session, urls) == 300
