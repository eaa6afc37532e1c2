"""Forecast: when an issue will be out under the limits, told by arithmetic before a single copy is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.addresses.provider_groups import Quota
from newsletter.delivery.rate_limit import limiter
from newsletter.delivery.rate_limit.limiter import LimiterState
from newsletter.delivery.rate_limit.limits import SERVER, Limits

FAR = timedelta(days=366)
"""Beyond that nobody plans, and the forecast says no more than "later"."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the last copy goes out if nothing goes wrong, and which pace is the slowest."""

    finish: datetime
    slowest: str | None
    """A lane, or "" for the server as a whole; None when nothing holds the copies up."""
    beyond: bool
    """Whether it takes longer than FAR, which is then `finish`."""


def predict(
    copies: Mapping[str, int],
    limits: Limits,
    now: datetime,
    paces: Mapping[str, LimiterState] | None = None,
    speed: float = 0,
) -> Forecast:
    """When so many copies a lane will be out.

    `paces` are those that stand already (`paces.standing`); `speed` is how many a second the server takes,
    0 if that is not what counts. Lanes go side by side, so the slowest one tells.
    """
    known = paces or {}
    counts = {SERVER: sum(copies.values())} | {lane: copies[lane] for lane in _fullest(copies, limits, known)}
    ends = {key: _end(known.get(key) or LimiterState(key, now), count, limits, now) for key, count in counts.items()}
    # The server wins a tie, for then the lanes are not what holds the copies up.
    slowest = max(ends, key=lambda key: (ends[key], key == SERVER))
    finish = max(ends[slowest], now + timedelta(seconds=counts[SERVER] / speed if speed else 0))
    return Forecast(min(finish, now + FAR), slowest if ends[slowest] > now else None, finish > now + FAR)


def _fullest(copies: Mapping[str, int], limits: Limits, known: Mapping[str, LimiterState]) -> Iterable[str]:
    """The lanes that can be the slowest: of all that are alike, so of most domains, only the one with most copies."""
    fullest: dict[str | Quota | None, str] = {}
    for lane, count in copies.items():
        alike = lane if lane in known else limits.lanes.quota(lane)
        if count > copies.get(fullest.get(alike, ""), 0):
            fullest[alike] = lane
    return fullest.values()


def _end(own: LimiterState, count: int, limits: Limits, now: datetime) -> datetime:
    """When the last of so many goes out; later than FAR if not all do by then."""
    rule = limits.rule(own.key)
    taken, after = limiter.reserve(
        limiter.corrected(own, rule, now, limits.ahead(own.key)), rule, count, now, now + FAR
    )
    if sum(stretch.count for stretch in taken) < count:
        return after.opening(rule, now + FAR) + timedelta(microseconds=1)
    return taken[-1].last if taken else now
