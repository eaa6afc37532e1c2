"""The rate limiter: pure arithmetic of a limit that many workers share, without a clock or a database.

It keeps three limits at once: even spacing (GCRA, whose whole state is the next free moment), a limit for any
hour, and a limit for any day. The windows slide: no span of that length, wherever it begins, holds more than
its limit. What went out is stored as runs of at most a 24th of the window, each counted until its last copy
is a window old; so a window errs on the slow side, by at most a 24th.

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
# How far the clocks of several hosts may differ before it counts as a jump.
_SKEW = timedelta(minutes=1)
_A_MOMENT = timedelta(microseconds=1)
_NO_END = 10**12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SentRun:
    """A run of copies sent one after another: when the last one was, and how many there are."""

    last: datetime
    count: int


@dataclass(frozen=True, slots=True)
class SendTimes:
    """Evenly spaced send times."""

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
    """The number of connections at which a slowed group is back to normal; 0 for the server, whose own are counted."""

    @property
    def gap(self) -> timedelta:
        """The least time between two copies."""
        rate = self.quota.per_second
        return timedelta(microseconds=ceil(1_000_000 / rate)) if rate else _NO_GAP

    @property
    def windows(self) -> list[timedelta]:
        """The windows that have a limit."""
        daily = self.quota.per_day or self.warmup
        return [HOUR] * bool(self.quota.per_hour) + [DAY] * bool(daily)

    def limit(self, window: timedelta, since: datetime) -> int:
        """The most copies within a window that begins at `since`."""
        if window == HOUR:
            return self.quota.per_hour or _NO_END
        plan = self.warmup.limit(since) if self.warmup else None
        return min(self.quota.per_day or _NO_END, plan or _NO_END)


@dataclass(frozen=True, slots=True)
class LimiterState:
    """What one limiter has counted and reserved; never changed, but replaced."""

    key: str
    next_at: datetime
    spent: Mapping[timedelta, tuple[SentRun, ...]] = field(default_factory=dict)
    paused_until: datetime | None = None
    series: int = 0

    def opening(self, rule: LimitRule, at: datetime) -> datetime:
        """The first moment from `at` on at which one more copy may go out."""
        at = max(at, self.next_at, self.paused_until or at)
        while (opens := max((self._opening(rule, window, at) for window in rule.windows), default=at)) > at:
            at = opens
        return at

    def full(self, rule: LimitRule, at: datetime) -> timedelta | None:
        """The longest window that is used up at that moment; None if none is."""
        return max((window for window in rule.windows if not self._room(rule, window, at)), default=None)

    def counted(self, window: timedelta, at: datetime) -> tuple[SentRun, ...]:
        """The runs that still count in a window that ends at that moment."""
        return tuple(run for run in self.spent.get(window, ()) if run.last > at - window)

    def room(self, rule: LimitRule, at: datetime) -> int:
        """How many copies the windows allow from that moment on."""
        return min((self._room(rule, window, at) for window in rule.windows), default=_NO_END)

    def after(self, rule: LimitRule, times: SendTimes) -> "LimiterState":
        """The state after copies at these times, too."""
        run = SentRun(times.last, times.count)
        spent = {window: _joined(self.counted(window, run.last), run, window) for window in rule.windows}
        return replace(self, next_at=run.last + times.gap, spent=spent)

    def _opening(self, rule: LimitRule, window: timedelta, at: datetime) -> datetime:
        while not self._room(rule, window, at):
            at = self.counted(window, at)[0].last + window
        return at

    def _room(self, rule: LimitRule, window: timedelta, at: datetime) -> int:
        runs = self.counted(window, at)
        # A warm-up limit that rises at midnight must not let copies go in the night: a window keeps its first limit.
        limit = rule.limit(window, runs[0].last if runs else at)
        return max(0, limit - sum(run.count for run in runs))


def reserve(
    state: LimiterState, rule: LimitRule, wanted: int, now: datetime, until: datetime
) -> tuple[list[SendTimes], LimiterState]:
    """Reserve the first free moments, at most `wanted` and none later than `until`; returns them and the new state."""
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
    """The state after a rate-limit reply: paused, and without what was reserved."""
    until = now + PAUSE
    return replace(_without_future(state, now), next_at=until, paused_until=until, series=state.series + 1)


def after_refund(state: LimiterState, count: int, now: datetime) -> LimiterState:
    """The state after `count` of the copies counted last were given back unsent.

    Only the daily window is corrected; within an hour it is not worth the trouble. The copies are taken off its
    oldest runs, so that at worst too few are let out later, never too many.
    """
    runs = []
    for run in state.counted(DAY, now):
        off = min(count, run.count)
        count -= off
        runs += [SentRun(run.last, run.count - off)] if off < run.count else []
    return replace(state, spent={**state.spent, DAY: tuple(runs)})


def corrected(state: LimiterState, rule: LimitRule, now: datetime, ahead: timedelta) -> LimiterState:
    """The state without impossible times; `ahead` is how far ahead send times are reserved at most.

    A later reservation means that a clock was set back. Then the limiter goes on from now: it keeps what it has
    counted, and drops what it has reserved.
    """
    if state.paused_until and state.paused_until > now + PAUSE + _SKEW:
        state = replace(state, paused_until=now + PAUSE)
    gap, _ = _gap(state, rule, now)
    if state.next_at <= max(now, state.paused_until or now) + ahead + gap + _SKEW:
        return state
    return replace(_without_future(state, now), next_at=now, series=state.series + 1)


def allowed_connections(paused_until: datetime | None, at: datetime, most: int) -> int:
    """The most connections at that moment: none during the pause, then one, then one more every `GROWS_EVERY`."""
    if paused_until is None:
        return most
    return 0 if at < paused_until else min(most, 1 + (at - paused_until) // GROWS_EVERY)


def _gap(state: LimiterState, rule: LimitRule, at: datetime) -> tuple[timedelta, datetime]:
    """The time between two copies from that moment on, and until when that holds."""
    grown = allowed_connections(state.paused_until, at, rule.connections)
    if state.paused_until is None or grown >= rule.connections:
        return rule.gap, datetime.max.replace(tzinfo=UTC)
    return max(rule.gap, _ONE_CONNECTION / max(1, grown)), state.paused_until + GROWS_EVERY * grown


def _joined(runs: tuple[SentRun, ...], run: SentRun, window: timedelta) -> tuple[SentRun, ...]:
    if runs and run.last < _cell_end(window, runs[-1].last):
        return (*runs[:-1], SentRun(run.last, runs[-1].count + run.count))
    return (*runs, run)


def _cell_end(window: timedelta, at: datetime) -> datetime:
    """The end of the 24th of a window that the moment is in; a run never reaches beyond it."""
    length = window / _CELLS
    return at + length - (at - _EPOCH) % length


def _without_future(state: LimiterState, now: datetime) -> LimiterState:
    """The state without future times, as if all that was reserved had gone out by now."""
    spent = {
        window: tuple(SentRun(min(run.last, now), run.count) for run in runs) for window, runs in state.spent.items()
    }
    return replace(state, spent=spent)
