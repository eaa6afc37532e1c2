"""How fast, and how long yet: said as a person would, and never more exactly than anybody knows."""

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.delivery.models import Counts
from newsletter.delivery.rate_limit.forecast import Forecast
from newsletter.delivery.rate_limit.limits import Throttle
from newsletter.delivery.reports.eta import ProgressSample, recent_samples, sending_rate
from newsletter.delivery.reports.progress import WaitingForHour
from newsletter.i18n import formats
from newsletter.web.desk.progress_view import ProgressView

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HALF = Counts(100, 50, 0, 50, 0, 0, 0, 0, 0, 0)


def after(**time: float) -> datetime:
    return NOW + timedelta(**time)


def view(until: datetime | None, rate: float | None, slowest: str | None = None, **more: object) -> ProgressView:
    forecast = Forecast(until, slowest, False) if until else None
    return ProgressView(NOW, HALF, speed=rate, forecast=forecast, **more)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (None, "Measuring the rate"),
        (0.0, "No copies are getting through right now"),
        (1.0, "1 copy a second"),
        (2.5, "2.5 copies a second"),
        (1234.6, "1,235 copies a second"),
        (0.5, "30 copies a minute"),
    ],
)
def test_a_rate_in_words(rate: float | None, words: str) -> None:
    assert view(None, rate).rate == words


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(seconds=-5), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(seconds=61), "about 1 minute"),
        (timedelta(minutes=4, seconds=40), "about 5 minutes"),
        (timedelta(hours=3, minutes=18), "about 3 hours 20 minutes"),
        (timedelta(hours=1), "about 1 hour"),
        (timedelta(days=2, hours=4), "about 2 days 4 hours"),
    ],
)
def test_time_left_in_words(time: timedelta, words: str) -> None:
    assert formats.duration(time) == words


def test_copies_that_wait_for_their_readers_hours_are_not_stuck() -> None:
    waiting = WaitingForHour(50, after(hours=13))
    found = view(after(hours=13), 0.0, for_hour=waiting)
    assert (found.rate, found.left) == ("Everything that is due is out", "about 13 hours left")
    stuck = view(after(hours=13), 0.0, for_hour=WaitingForHour(49, after(hours=13)))
    assert (stuck.rate, stuck.left) == ("No copies are getting through right now", "")


def test_what_decides_is_named_only_if_it_does() -> None:
    assert view(after(minutes=10), 0.1, "").left == "about 10 minutes left, limited by your mail server"
    assert view(after(minutes=10), 50 / 600, "gmail").left == "about 10 minutes left, limited by gmail"
    assert view(after(minutes=10), 50 / 700, "gmail").left == "about 10 minutes left"
    assert view(after(minutes=10), 50 / 600).left == "about 10 minutes left"


def test_nothing_is_promised_while_nothing_goes() -> None:
    assert view(None, None).left == ""
    assert view(after(minutes=1), 0.0, "").left == ""
    assert view(after(minutes=1), 5.0, is_worked=False).left == ""
    assert view(after(hours=1), 0.0, "", hold=Throttle(after(hours=1), "MAIL_HOURLY")).left.startswith(
        "about 1 hour left"
    )


def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    beats = [
        ProgressSample(after(seconds=second), 100 * second if second < 20 else 2_000 + 10 * (second - 20))
        for second in range(41)
    ]
    assert sending_rate(beats[:1]) is None
    assert sending_rate(recent_samples(beats[:21], after(seconds=20))) == pytest.approx(100)
    kept = recent_samples(beats, after(seconds=40))
    assert sending_rate(kept) == pytest.approx(10)
    assert len(kept) == 11


def test_all_is_said_to_be_out_only_when_it_is() -> None:
    almost = Counts(1_000, 1, 0, 999, 0, 0, 0, 0, 0, 0)
    assert ProgressView(NOW, almost).percent == 99
    assert ProgressView(NOW, Counts(0, *[0] * 9)).percent == 100
