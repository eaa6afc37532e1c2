"""The rate limiter: pure arithmetic of a limit that many workers share, without a clock or a database.

It keeps three limits at once: even spacing (GCRA: all that is kept is the next free moment), so
many within any hour, and so many within any day. The windows slide: no span of that length, wherever
it begins, holds more than its limit. What went out is kept in runs of a 24th of the window at most,
each counted until its last one is a window old; so a window errs on the slow side, by a 24th at most.

After a rate-limit reply it pauses for ten minutes, then goes on as over one connection, and grows
by one connection every five minutes, until it has all of them: what Google's guidelines ask of senders.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil

from newsletter.addresses.provider_groups import Quota
from newsletter.delivery.rate_limit.warmup import Warmup

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PAUSE = timedelta(minutes=10)
"""How long nothing goes out after a rate-limit reply."""
GROWS_EVERY = timedelta(minutes=5)

_CELLS = 24
_NO_GAP = timedelta(0)
# What one connection carries of a slowed provider group: about one message without pipelining.
_ONE_CONNECTION = timedelta(seconds=0.5)
# Clocks of several hosts may differ by so much before it counts as one that has jumped.
_SKEW = timedelta(minutes=1)
_A_MOMENT = timedelta(microseconds=1)
_NO_END = 10**12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SentRun:
    """Copies sent one after another: when the last of them was, and how many there are."""

    last: datetime
    count: int


@dataclass(frozen=True, slots=True)
class SendTimes:
    """Evenly sstated moments."""

    first: datetime
    gap: timedelta
    count: int

    @property
    def last(self) -> datetime:
        return self.first + self.gap * (self.count - 1)

    def moments(self) -> Iterator[datetime]:
        return (self.first + self.gap * place for place in range(self.count))


@dataclass(frozen=True, slots=True)
class LimitRule:
    """The limits of one key: the server, or a provider group."""

    quota: Quota = field(default_factory=Quota)
    warmup: Warmup | None = None
    connections: int = 0
    """With how many a slowed group is back to normal; 0 where connections are counted themselves, and not imitated."""

    @property
    def gap(self) -> timedelta:
        """The least time between two."""
        rate = self.quota.per_second
        return timedelta(microseconds=ceil(1_000_000 / rate)) if rate else _NO_GAP

    @property
    def windows(self) -> list[timedelta]:
        """The spans that it counts in."""
        daily = self.quota.per_day or self.warmup
        return [HOUR] * bool(self.quota.per_hour) + [DAY] * bool(daily)

    def limit(self, window: timedelta, since: datetime) -> int:
        """The most within a window that begins then."""
        if window == HOUR:
            return self.quota.per_hour or _NO_END
        plan = self.warmup.limit(since) if self.warmup else None
        return min(self.quota.per_day or _NO_END, plan or _NO_END)


@dataclass(frozen=True, slots=True)
class LimiterState:
    """What one limiter has counted and reserved."""

    key: str
    next_at: datetime
    spent: Mapping[timedelta, tuple[SentRun, ...]] = field(default_factory=dict)
    paused_until: datetime | None = None
    series: int = 0

    def opening(self, rule: LimitRule, at: datetime) -> datetime:
        """The first moment from `at` on at which one more may go out."""
        at = max(at, self.next_at, self.paused_until or at)
        while (opens := max((self._opening(rule, window, at) for window in rule.windows), default=at)) > at:
            at = opens
        return at

    def full(self, rule: LimitRule, at: datetime) -> timedelta | None:
        """The window that is used up at that moment, if one is: the longest."""
        return max((window for window in rule.windows if not self._room(rule, window, at)), default=None)

    def counted(self, window: timedelta, at: datetime) -> tuple[SentRun, ...]:
        """What still counts in a window that ends at that moment."""
        return tuple(run for run in self.spent.get(window, ()) if run.last > at - window)

    def room(self, rule: LimitRule, at: datetime) -> int:
        """How many may go out from that moment on, as far as the windows go."""
        return min((self._room(rule, window, at) for window in rule.windows), default=_NO_END)

    def after(self, rule: LimitRule, times: SendTimes) -> "LimiterState":
        """The state once these are sent, too."""
        run = SentRun(times.last, times.count)
        spent = {window: _joined(self.counted(window, run.last), run, window) for window in rule.windows}
        return replace(self, next_at=run.last + times.gap, spent=spent)

    def _opening(self, rule: LimitRule, window: timedelta, at: datetime) -> datetime:
        while not self._room(rule, window, at):
            at = self.counted(window, at)[0].last + window
        return at

    def _room(self, rule: LimitRule, window: timedelta, at: datetime) -> int:
        runs = self.counted(window, at)
        # A plan that rises at midnight must not let some go in the night: a window keeps to what held at its beginning.
        limit = rule.limit(window, runs[0].last if runs else at)
        return max(0, limit - sum(run.count for run in runs))


def reserve(
    state: LimiterState, rule: LimitRule, wanted: int, now: datetime, until: datetime
) -> tuple[list[SendTimes], LimiterState]:
    """The first free moments, up to `wanted` of them and none later than `until`; and the state after them."""
    taken = []
    while wanted > 0 and (at := state.opening(rule, now)) <= until:
        gap, change = _gap(state, rule, at)
        end = min([until, change - _A_MOMENT, *(_cell_end(window, at) - _A_MOMENT for window in rule.windows)])
        fitting = (end - at) // gap + 1 if gap else _NO_END
        taken.append(SendTimes(at, gap, min(wanted, fitting, state.room(rule, at))))
        state = state.after(rule, taken[-1])
        wanted -= taken[-1].count
    return taken, state


def after_rate_reply(state: LimiterState, now: datetime) -> LimiterState:
    """The state after a rate-limit reply: it pauses, and what was reserved counts no longer."""
    until = now + PAUSE
    return replace(_without_future(state, now), next_at=until, paused_until=until, series=state.series + 1)


def after_refund(state: LimiterState, count: int, now: datetime) -> LimiterState:
    """The state if so many of those that were counted of late did not go out after all.

    Only a day gets them back, for within an hour that is not worth the trouble. They are taken from its oldest
    runs: at worst too few are let out later, never too many.
    """
    runs = []
    for run in state.counted(DAY, now):
        off = min(count, run.count)
        count -= off
        runs += [SentRun(run.last, run.count - off)] if off < run.count else []
    return replace(state, spent={**state.spent, DAY: tuple(runs)})


def corrected(state: LimiterState, rule: LimitRule, now: datetime, ahead: timedelta) -> LimiterState:
    """The state without what cannot be; `ahead` is how far send times are ever reserved.

    Where more is reserved, a clock has jumped back. Then it goes on from now; what was counted stays counted,
    and what was reserved counts no longer.
    """
    if state.paused_until and state.paused_until > now + PAUSE + _SKEW:
        state = replace(state, paused_until=now + PAUSE)
    gap, _ = _gap(state, rule, now)
    if state.next_at <= max(now, state.paused_until or now) + ahead + gap + _SKEW:
        return state
    return replace(_without_future(state, now), next_at=now, series=state.series + 1)


def allowed_connections(paused_until: datetime | None, at: datetime, most: int) -> int:
    """How many connections there may be: none in the pause, then one, then one more at a time."""
    if paused_until is None:
        return most
    return 0 if at < paused_until else min(most, 1 + (at - paused_until) // GROWS_EVERY)


def _gap(state: LimiterState, rule: LimitRule, at: datetime) -> tuple[timedelta, datetime]:
    """The time between two from that moment on, and until when that holds."""
    grown = allowed_connections(state.paused_until, at, rule.connections)
    if state.paused_until is None or grown >= rule.connections:
        return rule.gap, datetime.max.replace(tzinfo=UTC)
    return max(rule.gap, _ONE_CONNECTION / max(1, grown)), state.paused_until + GROWS_EVERY * grown


def _joined(runs: tuple[SentRun, ...], run: SentRun, window: timedelta) -> tuple[SentRun, ...]:
    if runs and run.last < _cell_end(window, runs[-1].last):
        return (*runs[:-1], SentRun(run.last, runs[-1].count + run.count))
    return (*runs, run)


def _cell_end(window: timedelta, at: datetime) -> datetime:
    """When the cell of a window ends that the moment is in: a run never reaches beyond it."""
    length = window / _CELLS
    return at + length - (at - _EPOCH) % length


def _without_future(state: LimiterState, now: datetime) -> LimiterState:
    """Without what is still to come; as if all that was reserved had gone out by now."""
    spent = {
        window: tuple(SentRun(min(run.last, now), run.count) for run in runs) for window, runs in state.spent.items()
    }
    return replace(state, spent=spent)
