"""Limits: what the operator allows all workers together, and what that means for one pace."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Self

from newsletter.addresses.provider_groups import ProviderGroups, Quota
from newsletter.config import Settings
from newsletter.delivery.rate_limit.limiter import DAY, PAUSE, LimiterState, LimitRule
from newsletter.delivery.rate_limit.warmup import DAYS, Warmup

SERVER = ""
"""The key of the pace of the mail server as a whole."""
SERVER_AHEAD = timedelta(seconds=2)
"""How far a worker reserves at once: enough to be busy, and little for others to wait for."""
LANE_AHEAD = timedelta(hours=1)
"""How far moments are reserved in a lane: what changes meanwhile is heeded within the hour."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing goes out now, and until when."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Limits:
    """For all workers together; without any, nothing is limited but the connections."""

    server: Quota = field(default_factory=Quota)
    warmup: Warmup | None = None
    lanes: ProviderGroups = field(default_factory=ProviderGroups)
    connections: int = 10

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the MAIL_* settings say."""
        server = Quota(settings.mail_rate or None, settings.mail_hourly or None, settings.mail_daily or None)
        lanes = ProviderGroups(settings.lane_quotas, settings.lane_domains)
        return cls(server, _warmup(settings.mail_warmup_start), lanes, settings.mail_connections)

    def limited(self, key: str) -> bool:
        """Whether there is any limit to this pace as long as nobody has told us off."""
        if key == SERVER:
            return self.server != Quota() or self.warmup is not None
        return self.lanes.quota(key) is not None

    def rule(self, key: str) -> LimitRule:
        """What limits this pace."""
        if key == SERVER:
            return LimitRule(self.server, self.warmup)
        return LimitRule(self.lanes.quota(key) or Quota(), connections=self.connections)

    def ahead(self, key: str) -> timedelta:
        """How far this pace is ever reserved."""
        return SERVER_AHEAD if key == SERVER else LANE_AHEAD

    def hold(self, pace: LimiterState, now: datetime) -> Hold | None:
        """Why the server gets nothing more now; None while it does."""
        rule = self.rule(pace.key)
        opening = pace.opening(rule, now)
        if opening <= now + SERVER_AHEAD + rule.gap:
            return None
        if pace.paused_until and now < pace.paused_until:
            return Hold(opening, f"the mail server asked for less; nothing is sent for {PAUSE.seconds // 60} minutes")
        return Hold(opening, self._used_up(pace, rule, max(now, pace.next_at)))

    def _used_up(self, pace: LimiterState, rule: LimitRule, at: datetime) -> str:
        window = pace.full(rule, at)
        if window != DAY:
            return f"MAIL_HOURLY: {self.server.per_hour:,} within an hour are out"
        runs = pace.counted(DAY, at)
        began = runs[0].last if runs else at
        limit = f"{rule.limit(DAY, began):,} within a day are out"
        if rule.limit(DAY, began) == self.server.per_day or self.warmup is None:
            return f"MAIL_DAILY: {limit}"
        return f"warm-up, day {self.warmup.day(began)} of {DAYS}: {limit}"


def _warmup(start: date | None) -> Warmup | None:
    return Warmup(start) if start else None
