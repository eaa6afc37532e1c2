from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from newsletter.audience import confirm_breaker, signup_limits
from newsletter.audience.address import Address
from newsletter.audience.confirm_breaker import ConfirmTrip
from newsletter.audience.models import SignupCount, hour_of
from newsletter.audience.refusals import Reason
from newsletter.audience.signup_limits import TooManyRequests
from newsletter.delivery.bounces.policy import Decision
from tests.confirmations import send_confirmations

AN_HOUR = timedelta(hours=1)


def due(press, *, now: datetime | None = None) -> tuple[int, int] | None:
    with press.sessions.reading() as session:
        trip = confirm_breaker.find_trip(session, now or press.now)
    return (trip.sent, trip.returned) if trip else None


def send(press, at: datetime, **how) -> None:
    with press.sessions.begin() as session:
        send_confirmations(session, at, **how)


@pytest.mark.parametrize(
    ("sent", "returned", "how", "is_due"),
    [
        (24, 5, {}, True),
        (5, 5, {"kind": "reminder"}, True),
        (25, 5, {}, False),
        (4, 4, {}, False),
        (20, 20, {"kind": "welcome"}, False),
        # What servers say of us, what is soft, and what an editor decides about.
        (20, 20, {"decision": Decision.AGAINST_US}, False),
        (20, 20, {"decision": Decision.COUNTED}, False),
        (20, 20, {"decision": Decision.HELD}, False),
    ],
)
def test_it_opens_where_at_least_five_and_more_than_a_fifth_came_back(press, sent, returned, how, is_due) -> None:
    send(press, press.now - AN_HOUR, sent=sent, returned=returned, **how)
    assert due(press) == ((sent, returned) if is_due else None)


def test_one_hour_of_a_day_is_looked_at_by_itself(press) -> None:
    send(press, press.now - 3 * AN_HOUR, sent=100, returned=2)
    send(press, press.now - 2 * AN_HOUR, sent=10, returned=6)
    assert due(press) == (10, 6)
    assert due(press, now=press.now + 23 * AN_HOUR) is None


def test_once_closed_only_what_is_sent_afterwards_counts(press) -> None:
    send(press, press.now - AN_HOUR, sent=10, returned=6)
    with press.sessions.begin() as session:
        trip = confirm_breaker.find_trip(session, press.now)
        assert trip
        assert confirm_breaker.record_trip(session, trip)
        assert not confirm_breaker.record_trip(session, trip)
    send(press, press.now, sent=10, returned=9)
    assert due(press) is None
    with press.sessions.begin() as session:
        assert confirm_breaker.close(session, press.now)
        assert not confirm_breaker.close(session, press.now)
    assert due(press) is None
    send(press, press.now + AN_HOUR, sent=7, returned=7)
    assert due(press, now=press.now + 2 * AN_HOUR) == (7, 7)


def test_it_opens_again_for_the_hour_in_which_it_was_closed_unless_an_editor_was_faster(press) -> None:
    begin = press.now.replace(minute=0)
    send(press, begin, sent=10, returned=6)
    with press.sessions.begin() as session:
        trip = confirm_breaker.find_trip(session, begin + timedelta(minutes=5))
        assert trip
        assert confirm_breaker.record_trip(session, trip)
        assert confirm_breaker.close(session, begin + timedelta(minutes=10))
        assert not confirm_breaker.record_trip(session, trip)
    send(press, begin + timedelta(minutes=20), sent=50, returned=40)
    with press.sessions.begin() as session:
        again = confirm_breaker.find_trip(session, begin + AN_HOUR)
        assert again
        assert (again.sent, again.returned) == (50, 40)
        assert confirm_breaker.record_trip(session, again)
        assert confirm_breaker.open_trip(session)


def test_while_it_is_open_thirty_sign_ups_an_hour_are_accepted(press) -> None:
    def count(session: Session) -> Reason | None:
        return signup_limits.count_and_check(session, press.audience, Address.parse("a@b.example"), None, press.now)

    with press.sessions.begin() as session:
        session.execute(insert(SignupCount).values(bucket="press:a", window=hour_of(press.now), hits=29))
        session.add(ConfirmTrip(hour=1, opened_at=press.now, sent=9, returned=9))
        session.flush()
        assert count(session) is None
        with pytest.raises(TooManyRequests) as refused:
            count(session)
        assert refused.value.reason is Reason.BREAKER
        confirm_breaker.close(session, press.now)
        assert count(session) is None
