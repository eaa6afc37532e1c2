from datetime import timedelta

import pytest
from sqlalchemy import insert

from newsletter.addresses import typos
from newsletter.audience import refusals, signup_limits
from newsletter.audience.models import SignupCount
from newsletter.audience.refusals import Reason


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ada@gmial.com", "ada@gmail.com"),
        ("ada@gmail.co", "ada@gmail.com"),
        ("ada@gmaill.com", "ada@gmail.com"),
        ("ada@gamil.com", "ada@gmail.com"),
        ("Ada.B@GMAIL.CON", "Ada.B@gmail.com"),
        ("ada@hotmial.com", "ada@hotmail.com"),
        ("ada@yaho.com", "ada@yahoo.com"),
        ("ada@outlok.com", "ada@outlook.com"),
        ("ada@gmail.com", ""),
        ("ada@mail.com", ""),
        ("ada@ymail.com", ""),
        ("ada@gmx.at", ""),
        ("ada@web.at", ""),
        ("ada@example.org", ""),
        ("ada@gmmiil.com", ""),
        ("ada@hotmail.fi", ""),
        ("ada@yahoo.gr", ""),
        ("ada@yahoo.co.in", ""),
        ("ada@line.com", ""),
        ("ada@cloud.com", ""),
    ],
)
def test_a_domain_one_slip_away_from_a_large_provider_is_a_typing_error(typed: str, meant: str) -> None:
    assert typos.suggestion(typed) == meant


def test_refusals_are_counted_by_reason_for_a_week(press) -> None:
    with press.sessions.begin() as session:
        refusals.add(session, {Reason.TRAP: 2}, press.now - timedelta(days=8))
        refusals.add(session, {Reason.TRAP: 1, Reason.CLIENT_CAP: 5}, press.now - timedelta(days=6))
        refusals.add(session, {Reason.TRAP: 3}, press.now)
        assert refusals.of_last_week(session, press.now) == {Reason.CLIENT_CAP: 5, Reason.TRAP: 4}
        assert signup_limits.prune(session, press.now) == 1
        assert refusals.of_last_week(session, press.now) == {Reason.CLIENT_CAP: 5, Reason.TRAP: 4}


@pytest.mark.parametrize(
    ("before", "current", "odd"),
    [([], 29, False), ([], 30, True), ([20] * 24, 99, False), ([20] * 24, 100, True), ([1] * 24, 29, False)],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_rate_is_odd_at_five_times_the_mean_of_the_day_before(press, before, current: int, odd: bool) -> None:
    hour = int(press.now.timestamp()) // 3600
    counts = {hour: current} | {hour - ago: hits for ago, hits in enumerate(before, 1)} | {hour - 25: 9_999}
    with press.sessions.begin() as session:
        rows = [{"bucket": "press:a", "window": window, "hits": hits} for window, hits in counts.items()]
        session.execute(insert(SignupCount), rows)
        assert signup_limits.needs_guard(session, press.now) is odd


def test_a_capped_sign_up_says_why_to_the_program_alone(press) -> None:
    capped = press.with_caps(address=1)
    capped.subscribe("ada@example.org")
    with press.sessions.begin() as session:
        for reason in (Reason.ADDRESS_CAP, None):
            email = "ada@example.org" if reason else "ben@example.org"
            address = signup_limits.Address.parse(email)
            assert signup_limits.count_and_check(session, capped.audience, address, None, press.now) is reason
