"""Estimated time of arrival: how fast a letter is sent, and when its last copy will be out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from newsletter.delivery.rate_limit import forecast, limiter_store
from newsletter.delivery.rate_limit.forecast import Forecast
from newsletter.delivery.rate_limit.limits import SERVER, Limits
from newsletter.delivery.reports.progress import LetterProgress, WaitingForHour

WINDOW = timedelta(seconds=10)
"""The time span over which the rate is measured."""
_LEAST = timedelta(seconds=1)
_LARGEST = 100


class ProgressSample(NamedTuple):
    """How many copies had an outcome at a point in time."""

    at: datetime
    settled: int


def take_sample(at: datetime, current: LetterProgress) -> ProgressSample:
    """A sample of the current progress."""
    counts = current.counts
    return ProgressSample(at, counts.audience - counts.pending - counts.sending)


def recent_samples(beats: Sequence[ProgressSample], now: datetime) -> list[ProgressSample]:
    """The samples within the window, and the last one before it."""
    first = sum(each.at <= now - WINDOW for each in beats)
    return list(beats[max(0, first - 1) :])


def sending_rate(beats: Sequence[ProgressSample]) -> float | None:
    """Copies a second; None until two samples are far enough apart."""
    if len(beats) < 2 or beats[-1].at - beats[0].at < _LEAST:
        return None
    return max(0, beats[-1].settled - beats[0].settled) / (beats[-1].at - beats[0].at).total_seconds()


def estimate(
    session: Session,
    current: LetterProgress,
    for_hour: WaitingForHour,
    waiting: Mapping[str, int],
    limits: Limits,
    now: datetime,
    rate: float | None,
) -> Forecast | None:
    """When all copies will be out, given how many wait for each group, the rate and the limits; None if unknown.

    `waiting` leaves out the copies that wait `for_hour`, a reader's delivery hour.
    """
    if for_hour.last_at is not None and not any(waiting.values()):
        return Forecast(for_hour.last_at, None, beyond=False)
    keys = [SERVER, *sorted(waiting, key=lambda group: -waiting[group])[:_LARGEST]]
    paced = any(map(limits.is_limited, keys)) or bool(limiter_store.current_pauses(session, now, limits.connections))
    if not (rate or paced):
        return None
    found = forecast.predict(waiting, limits, now, limiter_store.peek(session, keys, now), rate or 0)
    if current.next_try is not None and current.next_try > found.finish:
        found = replace(found, finish=current.next_try)
    if for_hour.last_at is not None and for_hour.last_at > found.finish:
        return Forecast(for_hour.last_at, None, beyond=False)
    return found
