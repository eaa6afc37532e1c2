"""Progress of a letter: one query serves everybody who caches, and queries take at most a twentieth of the time.

The larger the letter, the longer a query takes and the rarer it is; viewers never cause queries of their own.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import current_app

from newsletter.db import Session
from newsletter.delivery import breaker
from newsletter.delivery.breaker import Trip
from newsletter.delivery.ledger import doubts
from newsletter.delivery.models import UNDER_WAY, Counts, Letter, LetterState, Note
from newsletter.delivery.rate_limit import limiter_store
from newsletter.delivery.rate_limit.forecast import Forecast
from newsletter.delivery.rate_limit.limits import SERVER, Limits, Throttle
from newsletter.delivery.reports import eta, failures, progress, stats
from newsletter.delivery.reports.eta import ProgressSample
from newsletter.delivery.reports.failures import Failure
from newsletter.delivery.reports.progress import NOBODY_WAITS, CopyRange, LetterProgress, WaitingForHour
from newsletter.delivery.reports.stats import LetterStats
from newsletter.delivery.smtp.outage import UnreachableServer
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.heartbeat import MailKind
from newsletter.editorial.models import Issue
from newsletter.i18n import formats
from newsletter.web.context import now, services
from newsletter.web.desk.timed_cache import TimedCache
from newsletter.workflows import halt_issue

_KEY = "newsletter.watching"
_EACH_SECOND, _NOW_AND_THEN, _SELDOM = 0.9, 3.0, 30.0
_QUICK = 0.25
_KEPT = 50
# A limit is named as the reason only if the rate alone would not take nearly as long.
_DECIDES = 0.9


@dataclass(frozen=True, slots=True)
class ProgressView:
    """The progress of a letter that has begun."""

    at: datetime
    counts: Counts
    is_going: bool = False
    """Whether it is being sent: neither paused nor over."""
    deferred: int = 0
    next_try: datetime | None = None
    speed: float | None = None
    """The current rate in copies a second; None until it is known."""
    forecast: Forecast | None = None
    """When all copies will be sent; None if that cannot be estimated."""
    hold: Throttle | None = None
    is_worked: bool = True
    """Whether any worker is alive."""
    failures: Sequence[Failure] = ()
    open_doubts: int = 0
    away: Sequence[UnreachableServer] = ()
    """The unreachable mail servers that copies wait for."""
    stops: Sequence[Trip] = ()
    """The open breakers."""
    behind_breakers: int = 0
    """How many copies wait because the breaker of their provider group is open."""
    for_hour: WaitingForHour = NOBODY_WAITS
    """The copies that wait for their readers' delivery hours."""

    @property
    def waiting(self) -> int:
        """How many copies are still to be sent."""
        return self.counts.pending + self.counts.sending

    @property
    def percent(self) -> int:
        """The percentage of copies that have an outcome; 100 only if all have."""
        audience = self.counts.audience
        return (audience - self.waiting) * 100 // audience if audience else 100

    @property
    def rate(self) -> str:
        """The rate in words: `85 copies a second`; lower rates per minute."""
        if self.for_hour.count and self.waiting == self.for_hour.count:
            return "Everything that is due is out"
        if self.speed is None:
            return "Measuring the rate"
        if self.speed == 0:
            return "No copies are getting through right now"
        return formats.rate(self.speed)

    @property
    def left(self) -> str:
        """The remaining time, and what limits it; empty if it cannot be estimated, or nothing is being sent."""
        due = self.waiting - self.behind_breakers - self.for_hour.count
        stands_still = not self.is_worked or (self.speed == 0 and self.hold is None and due > 0)
        if self.forecast is None or stands_still:
            return ""
        time = self.forecast.finish - self.at
        why = _limiting_factor(self.forecast, due, self.speed, time)
        so_long = "more than a year" if self.forecast.beyond else formats.duration(time)
        return f"{so_long} left, limited by {why}" if why else f"{so_long} left"


def _limiting_factor(forecast: Forecast, waiting: int, speed: float | None, time: timedelta) -> str:
    """The limit that decides when sending ends: `the limits of MAIL_RATE …`, `gmail.com`; empty if none does."""
    by_rate = waiting / speed if speed else 0.0
    if forecast.slowest is None or by_rate > time.total_seconds() / _DECIDES or not time:
        return ""
    return "your mail server" if forecast.slowest == SERVER else forecast.slowest


def progress_of(store: Session, letter: Letter | None, *, fresh: bool = False) -> ProgressView | None:
    """The progress of a letter as of a moment ago, or now if `fresh`; None before it has begun."""
    if letter is None or letter.started_at is None:
        return None
    if letter.state not in UNDER_WAY:
        return _past(store, letter)
    return _cache_of(letter.id).current(store, letter, fresh=fresh)


def _past(store: Session, letter: Letter) -> ProgressView:
    if letter.final_counts is not None:
        return ProgressView(now(), stats.copy_counts(store, letter))
    return ProgressView(
        now(),
        stats.copy_counts(store, letter),
        failures=failures.list_failures(store, letter.id),
        open_doubts=doubts.count_open(store, letter.id),
    )


def stats_of(store: Session, issue: Issue) -> LetterStats | None:
    """The statistics of an issue that is being sent, slightly old for a large one; None for any other issue."""
    letter = issue.letter
    if letter is None or letter.started_at is None or letter.state not in UNDER_WAY:
        return None
    cache = _cache_of(letter.id)
    with cache.lock:
        return cache.stats.get(lambda: stats.letter_stats(store, letter))


@dataclass
class _LetterCache:
    letter_id: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    beats: list[ProgressSample] = field(default_factory=list)
    view: TimedCache[ProgressView] = field(default_factory=lambda: TimedCache(_EACH_SECOND))
    extent: TimedCache[CopyRange] = field(default_factory=lambda: TimedCache(_SELDOM))
    notes: TimedCache[Mapping[Note, int]] = field(default_factory=lambda: TimedCache(_NOW_AND_THEN))
    failures: TimedCache[Sequence[Failure]] = field(default_factory=lambda: TimedCache(_NOW_AND_THEN))
    stats: TimedCache[LetterStats] = field(default_factory=lambda: TimedCache(quick=_QUICK))
    waiting: TimedCache[Mapping[str, int]] = field(default_factory=lambda: TimedCache(_SELDOM))

    def current(self, store: Session, letter: Letter, *, fresh: bool) -> ProgressView:
        """The cached view, or a new one if that has expired."""
        with self.lock:
            return self.view.get(lambda: self._computed(store, letter, fresh), fresh=fresh)

    def _computed(self, store: Session, letter: Letter, fresh: bool) -> ProgressView:
        at, limits = now(), Limits.from_settings(services().settings)
        is_going = letter.state is LetterState.RUNNING
        found = self._letter_progress(store, fresh)
        for_hour = progress.waiting_for_hour(store, self.letter_id, at)
        self.beats = eta.recent_samples([*self.beats, eta.take_sample(at, found)], at) if is_going else []
        stops = breaker.open_trips(store, self.letter_id)
        stopped = {stop.provider_group for stop in stops}
        return ProgressView(
            at=at,
            counts=found.counts,
            is_going=is_going,
            deferred=found.deferred,
            next_try=found.next_try,
            speed=eta.sending_rate(self.beats),
            forecast=self._forecast(store, found, limits, at, stopped, for_hour) if is_going else None,
            hold=halt_issue.current_throttle(store, letter, services().settings, at),
            is_worked=heartbeat.any_alive(store, at),
            failures=self.failures.get(lambda: failures.list_failures(store, self.letter_id), fresh=fresh),
            open_doubts=doubts.count_open(store, self.letter_id),
            away=heartbeat.unreachable_servers(store, MailKind.ISSUES, at),
            stops=stops,
            behind_breakers=self._behind_breakers(store, limits, stopped),
            for_hour=for_hour,
        )

    def _letter_progress(self, store: Session, fresh: bool) -> LetterProgress:
        whole = self.extent.get(lambda: progress.copy_range(store, self.letter_id))
        notes = self.notes.get(lambda: progress.later_notes(store, self.letter_id, whole), fresh=fresh)
        return progress.letter_progress(store, self.letter_id, whole.audience, notes)

    def _forecast(
        self,
        store: Session,
        found: LetterProgress,
        limits: Limits,
        at: datetime,
        stopped: Collection[str],
        for_hour: WaitingForHour,
    ) -> Forecast | None:
        """When all copies will be sent but those of the groups that are `stopped`; None if no others wait."""
        held = self._behind_breakers(store, limits, stopped)
        waiting = found.counts.pending + found.counts.sending - held - for_hour.count
        if waiting <= 0 and not for_hour.count:
            return None
        groups: Mapping[str, int] = {"": max(0, waiting)}
        if stopped or limits.groups.quotas or limiter_store.current_pauses(store, at, limits.connections):
            counted = self._waiting_by_group(store, limits)
            groups = _scaled({name: count for name, count in counted.items() if name not in stopped}, waiting) or groups
        return eta.estimate(store, found, for_hour, groups, limits, at, eta.sending_rate(self.beats))

    def _behind_breakers(self, store: Session, limits: Limits, stopped: Collection[str]) -> int:
        return sum(self._waiting_by_group(store, limits).get(group, 0) for group in stopped)

    def _waiting_by_group(self, store: Session, limits: Limits) -> Mapping[str, int]:
        return self.waiting.get(lambda: progress.waiting_by_group(store, self.letter_id, limits.groups))


def _scaled(counted: Mapping[str, int], waiting: int) -> dict[str, int]:
    """An earlier count, scaled as if all groups had been sent at the same rate since."""
    total = sum(counted.values())
    return {group: round(count * waiting / total) for group, count in counted.items()} if total else {}


def _cache_of(letter_id: int) -> _LetterCache:
    caches: dict[int, _LetterCache] = current_app.extensions.setdefault(_KEY, {})
    while len(caches) > _KEPT:
        caches.pop(next(iter(caches)), None)
    return caches.setdefault(letter_id, _LetterCache(letter_id))
