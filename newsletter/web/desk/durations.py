"""Tempo: a rate and the time that is left, as a person would say them."""

from datetime import timedelta

from newsletter.delivery.rate_limit.forecast import Forecast
from newsletter.delivery.rate_limit.limits import SERVER
from newsletter.i18n import formats

# The limits decide when all is out, if by the rate alone it would not take much less.
_DECIDES = 0.9


def send_rate(speed: float | None) -> str:
    """`85 copies a second`; for what is slower, a minute."""
    if speed is None:
        return "Measuring the rate"
    if speed == 0:
        return "No copies are getting through right now"
    return formats.rate(speed)


def limiting_factor(forecast: Forecast, waiting: int, speed: float | None, time: timedelta) -> str:
    """What decides when all is out, if that is a limit: `the limits of MAIL_RATE …`, `gmail.com`; else empty."""
    by_rate = waiting / speed if speed else 0.0
    if forecast.slowest is None or by_rate > time.total_seconds() / _DECIDES or not time:
        return ""
    return "your mail server" if forecast.slowest == SERVER else forecast.slowest
