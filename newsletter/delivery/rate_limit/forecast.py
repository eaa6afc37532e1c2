"""Forecast: when an issue will be out under the limits, computed before any copy is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.addresses.provider_groups import Quota
from newsletter.delivery.rate_limit import limiter
from newsletter.delivery.rate_limit.limiter import LimiterState
from newsletter.delivery.rate_limit.limits import SERVER, Limits

FAR = timedelta(days=366)
"""The horizon of a forecast; beyond it, it only says "later"."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the last copy goes out if nothing goes wrong, and which limit decides that."""

    finish: datetime
    slowest: str | None
    """The provider group whose limit decides, or "" for the server as a whole; None if no limit does."""
    beyond: bool
    """Whether it takes longer than FAR; `finish` is then the end of FAR."""


def predict(
    copies: Mapping[str, int],
    limits: Limits,
    now: datetime,
    states: Mapping[str, LimiterState] | None = None,
    speed: float = 0,
) -> Forecast:
    """When all copies will be out, given how many there are for each provider group.

    `states` are the limiters' present states (`limiter_store.peek`); `speed` is how many copies a second the server
    takes, 0 if unknown. Groups are sent side by side, so the slowest one decides.
    """
    known = states or {}
    counts = {SERVER: sum(copies.values())} | {group: copies[group] for group in _fullest(copies, limits, known)}
    ends = {key: _end(known.get(key) or LimiterState(key, now), count, limits, now) for key, count in counts.items()}
    # The server wins a tie, because then the groups do not hold the copies up.
    slowest = max(ends, key=lambda key: (ends[key], key == SERVER))
    finish = max(ends[slowest], now + timedelta(seconds=counts[SERVER] / speed if speed else 0))
    return Forecast(min(finish, now + FAR), slowest if ends[slowest] > now else None, finish > now + FAR)


def _fullest(copies: Mapping[str, int], limits: Limits, known: Mapping[str, LimiterState]) -> Iterable[str]:
    """The groups that can be the slowest: of those with the same limit and no state, only the one with most copies."""
    fullest: dict[str | Quota | None, str] = {}
    for group, count in copies.items():
        alike = group if group in known else limits.groups.quota(group)
        if count > copies.get(fullest.get(alike, ""), 0):
            fullest[alike] = group
    return fullest.values()


def _end(own: LimiterState, count: int, limits: Limits, now: datetime) -> datetime:
    """When the last of `count` copies goes out; a time beyond FAR if not all do by then."""
    rule = limits.rule(own.key)
    taken, after = limiter.reserve(
        limiter.corrected(own, rule, now, limits.ahead(own.key)), rule, count, now, now + FAR
    )
    if sum(stretch.count for stretch in taken) < count:
        return after.opening(rule, now + FAR) + timedelta(microseconds=1)
    return taken[-1].last if taken else now
