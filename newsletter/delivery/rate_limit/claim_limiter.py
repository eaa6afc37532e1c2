"""Claims copies within the rate limits that all workers share.

A claim first asks the server's limiter how many copies may go out. Of those that it gets, it keeps the ones
whose provider group has room now; the others go back at once, each with a reserved send time, and no attempt
is charged. Their `reservation` is the series of the limiter in which that time was reserved: claimed again
then, they pass. So a claim never has to look past a busy group, and costs a few statements whatever the
number of groups. Where nothing is limited it costs none, except for a look every two seconds at the groups
that were slowed by a rate-limit reply.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

import structlog
from sqlalchemy.orm import Session

from newsletter.delivery import ledger
from newsletter.delivery.breaker import Breaker
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.rate_limit import limiter, limiter_store, reservations
from newsletter.delivery.rate_limit.limiter import DAY, LimiterState
from newsletter.delivery.rate_limit.limits import SERVER, Limits, Throttle
from newsletter.delivery.rate_limit.reservations import Reservation

LATE = timedelta(seconds=5)
"""How much later than its time a reservation may still be used, which is a few claims."""

_REFRESH_EVERY = timedelta(seconds=2)
_WORTH_LOGGING = timedelta(minutes=10)
# How often one claim goes on to the next copies if those it got must wait; then other writers get their turn.
_ROUNDS = 20

log = structlog.get_logger(__name__)

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Claimed copies that may go out: the first in `wait` seconds, then one every `gap` seconds."""

    copies: list[T]
    wait: float = 0.0
    gap: float = 0.0
    more: bool = False
    """Whether to claim again at once, because other copies may not have to wait."""

    def with_copies(self, copies: list[U]) -> "Batch[U]":
        """The same send times, for these copies."""
        return Batch(copies, self.wait, self.gap, self.more)


class _Allowance(NamedTuple):
    copies: int
    limiter: LimiterState | None
    """The state of the server's limiter, locked; None if the server is not limited."""


class ClaimLimiter:
    """One worker's side of the shared limits."""

    def __init__(self, limits: Limits, worker: str) -> None:
        self._limits = limits
        self.worker = worker
        self.breaker = Breaker(limits.groups)
        self.unsent = 0
        """Copies that were counted as sent and given back unsent; callers that give copies back add to it."""
        self._slowed: Mapping[str, datetime] = {}
        self._refreshed_at: datetime | None = None

    def claim(self, session: Session, wanted: int, now: datetime) -> Batch[ClaimedCopy]:
        """Lease up to `wanted` due copies that may go out now."""
        self._refresh(session, now)
        self.refund(session, now)
        allowed = self._allowance(session, wanted, now)
        copies: list[ClaimedCopy] = []
        claimed = True
        rounds = 0
        while len(copies) < allowed.copies and claimed and rounds < _ROUNDS:
            found = ledger.claim(session, self.worker, allowed.copies - len(copies), now)
            copies += self.hold_back(session, found, now)
            claimed = bool(found)
            rounds += 1
        wait, gap = self._spend(session, allowed.limiter, len(copies), now)
        return Batch(copies, wait, gap, more=claimed and rounds == _ROUNDS)

    def hold_back(self, session: Session, copies: Sequence[ClaimedCopy], now: datetime) -> list[ClaimedCopy]:
        """Of these claimed copies, those that may go out now; the others are put back with a reserved send time."""
        copies = self.put_aside(session, copies, now)
        by_group: dict[str, list[ClaimedCopy]] = defaultdict(list)
        for copy in copies if self._is_any_group_limited else ():
            by_group[self.group_of(copy)].append(copy)
        limited = {group: theirs for group, theirs in by_group.items() if self._is_limited(group)}
        back = self._to_put_back(session, limited, now) if limited else {}
        if back:
            waiting = [copy for copy in copies if copy.id in back]
            reservations.put_back(session.connection(), self.worker, waiting, back, now)
        return [copy for copy in copies if copy.id not in back]

    def put_aside(self, session: Session, copies: Sequence[ClaimedCopy], now: datetime) -> Sequence[ClaimedCopy]:
        """Of these claimed copies, those that no breaker holds; the others wait until a person resumes them."""
        aside = {
            copy.id: Reservation(until, None) for copy in copies if (until := self.breaker.held_until(copy)) is not None
        }
        if aside:
            stopped = [copy for copy in copies if copy.id in aside]
            reservations.put_back(session.connection(), self.worker, stopped, aside, now)
        return [copy for copy in copies if copy.id not in aside] if aside else copies

    def slow_down(self, session: Session, key: str, now: datetime) -> None:
        """After a rate-limit reply: pause the limiter of `key`, then go on over one connection, then more."""
        known = self._slowed.get(key)
        slowed = limiter.after_rate_reply(self._locked(session, [key], now)[key], now)
        limiter_store.save(session, [slowed])
        self._slowed = {**self._slowed, key: now + limiter.PAUSE}
        if known is None or known <= now:
            until = (now + limiter.PAUSE).isoformat(timespec="seconds")
            log.warning("the mail server asked for less; paused, then over one connection", group=key, until=until)

    def refund(self, session: Session, now: datetime) -> None:
        """Take copies given back unsent off the server's daily count, as each claim does; groups keep theirs."""
        unsent, self.unsent = self.unsent, 0
        if unsent and DAY in self._limits.rule(SERVER).windows:
            own = self._locked(session, [SERVER], now)[SERVER]
            limiter_store.save(session, [limiter.after_refund(own, unsent, now)])

    @property
    def most_connections(self) -> int:
        """The most connections that all workers together may ever hold."""
        return self._limits.connections

    def connections(self, now: datetime) -> int:
        """The most connections that all workers together may hold now, as far as this worker knows."""
        return limiter.allowed_connections(self._slowed.get(SERVER), now, self._limits.connections)

    def group_of(self, copy: ClaimedCopy) -> str:
        """The provider group of a copy."""
        return self._limits.groups.of_address(copy.address)

    def _allowance(self, session: Session, wanted: int, now: datetime) -> _Allowance:
        if not (self._is_limited(SERVER) or self._is_any_group_limited):
            return _Allowance(wanted, None)
        # The server's row is always locked first, so that two claims never deadlock over groups.
        own = self._locked(session, [SERVER], now)[SERVER]
        if not self._is_limited(SERVER):
            return _Allowance(wanted, None)
        horizon = now + self._limits.ahead(SERVER)
        stretches, _ = limiter.reserve(own, self._limits.rule(SERVER), wanted, now, horizon)
        # One run of send times, because a batch is evenly spaced: the next run may begin after a longer wait.
        return _Allowance(stretches[0].count if stretches else 0, own)

    def _spend(self, session: Session, own: LimiterState | None, count: int, now: datetime) -> tuple[float, float]:
        """Count `count` copies as sent; returns the seconds until the first one, and between two."""
        if own is None or not count:
            return 0.0, 0.0
        rule = self._limits.rule(SERVER)
        stretches, own = limiter.reserve(own, rule, count, now, now + self._limits.ahead(SERVER))
        limiter_store.save(session, [own])
        throttle = self._limits.throttle(own, now)
        if throttle and throttle.until > now + _WORTH_LOGGING:
            log.warning("sending is held", until=throttle.until.isoformat(timespec="seconds"), why=throttle.why)
        return (stretches[0].first - now).total_seconds(), rule.gap.total_seconds()

    def _refresh(self, session: Session, now: datetime) -> None:
        if self._refreshed_at is None or not timedelta(0) <= now - self._refreshed_at < _REFRESH_EVERY:
            self._slowed = limiter_store.current_pauses(session, now, self._limits.connections)
            self.breaker.refresh(session.connection())
            self._refreshed_at = now

    @property
    def _is_any_group_limited(self) -> bool:
        return bool(self._limits.groups.quotas or self._slowed)

    def _is_limited(self, key: str) -> bool:
        return key in self._slowed or self._limits.is_limited(key)

    def _locked(self, session: Session, keys: Sequence[str], now: datetime) -> dict[str, LimiterState]:
        found = limiter_store.lock(session, keys, now)
        limits = self._limits
        return {key: limiter.corrected(own, limits.rule(key), now, limits.ahead(key)) for key, own in found.items()}

    def _to_put_back(
        self, session: Session, by_group: Mapping[str, Sequence[ClaimedCopy]], now: datetime
    ) -> dict[int, Reservation]:
        """The copies that cannot go out now, by id, each with its reservation."""
        locked = self._locked(session, list(by_group), now)
        reserved = reservations.reservations_of(
            session.connection(), [copy for theirs in by_group.values() for copy in theirs]
        )
        back: dict[int, Reservation] = {}
        for group, theirs in by_group.items():
            series = locked[group].series
            unpaid = [copy.id for copy in theirs if not _is_due(reserved[copy.id], series, now)]
            moments, locked[group] = self._reserve(locked[group], len(unpaid), now)
            back |= {
                copy_id: moment for copy_id, moment in zip(unpaid, moments, strict=True) if moment.not_before > now
            }
        limiter_store.save(session, locked.values())
        return back

    def _reserve(self, own: LimiterState, count: int, now: datetime) -> tuple[list[Reservation], LimiterState]:
        """A reservation for each of `count` copies; where that would be too far ahead, only a time to ask again."""
        horizon = now + self._limits.ahead(own.key)
        stretches, after = limiter.reserve(own, self._limits.rule(own.key), count, now, horizon)
        moments = chain.from_iterable(stretch.moments() for stretch in stretches)
        taken = [Reservation(moment, own.series) for moment in moments]
        return taken + [Reservation(horizon, None)] * (count - len(taken)), after


def held_until(session: Session, limits: Limits, now: datetime) -> Throttle | None:
    """Until when nothing goes out, and why; None while something does. Changes nothing."""
    own = limiter_store.peek(session, [SERVER], now)[SERVER]
    rule = limits.rule(SERVER)
    return limits.throttle(limiter.corrected(own, rule, now, limits.ahead(SERVER)), now)


def _is_due(reserved: Reservation, series: int, now: datetime) -> bool:
    return reserved.series == series and now - reserved.not_before <= LATE
