"""Tempo: a rate and the time that is left, as a person would say them."""

from datetime import timedelta

from newsletter.delivery.rate_limit.forecast import Forecast
from newsletter.delivery.rate_limit.limits import SERVER

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# The limits decide when all is out, if by the rate alone it would not take much less.
_DECIDES = 0.9


def rate(speed: float | None) -> str:
    """`85 copies a second`; for what is slower, a minute."""
    if speed is None:
        return "Measuring the rate"
    if speed == 0:
        return "No copies are getting through right now"
    each, span = (speed, "second") if speed >= 1 else (speed * _MINUTE, "minute")
    number = f"{each:,.1f}" if each < 10 and round(each, 1) != round(each) else f"{each:,.0f}"
    return f"{number} {'copy' if number == '1' else 'copies'} a {span}"


def left(time: timedelta) -> str:
    """`about 3 hours 20 minutes`: two units at most, and no more exact than anybody can know."""
    seconds = time.total_seconds()
    if seconds < _MINUTE:
        return "less than a minute"
    if seconds < _HOUR:
        return f"about {_counted(round(seconds / _MINUTE), 'minute')}"
    if seconds < 2 * _DAY:
        minutes = round(seconds / _MINUTE / 10) * 10
        return f"about {_joined(minutes // 60, 'hour', minutes % 60, 'minute')}"
    hours = round(seconds / _HOUR)
    return f"about {_joined(hours // 24, 'day', hours % 24, 'hour')}"


def slowest(forecast: Forecast, waiting: int, speed: float | None, time: timedelta) -> str:
    """What decides when all is out, if that is a limit: `the limits of MAIL_RATE …`, `gmail.com`; else empty."""
    by_rate = waiting / speed if speed else 0.0
    if forecast.slowest is None or by_rate > time.total_seconds() / _DECIDES or not time:
        return ""
    return "your mail server" if forecast.slowest == SERVER else forecast.slowest


def _joined(many: int, unit: str, few: int, smaller: str) -> str:
    return " ".join([_counted(many, unit), *([_counted(few, smaller)] if few else [])])


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"
