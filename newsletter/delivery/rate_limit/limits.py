"""Rate limits: what the operator allows all workers together, for the server and for each provider group."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Self

from newsletter.addresses.provider_groups import ProviderGroups, Quota
from newsletter.config import Settings
from newsletter.delivery.rate_limit.limiter import DAY, PAUSE, LimiterState, LimitRule
from newsletter.delivery.rate_limit.warmup import DAYS, Warmup
from newsletter.i18n import formats

SERVER = ""
"""The key of the limiter for the mail server as a whole."""
SERVER_AHEAD = timedelta(seconds=2)
"""How far ahead a worker reserves at once: enough to be busy, and little for others to wait for."""
GROUP_AHEAD = timedelta(hours=1)
"""How far ahead send times are reserved for a provider group: a change of its limits takes effect within the hour."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """Why nothing goes out now, and until when."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits for all workers together; by default, only the connections are limited."""

    server: Quota = field(default_factory=Quota)
    warmup: Warmup | None = None
    groups: ProviderGroups = field(default_factory=ProviderGroups)
    connections: int = 10

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The limits in the MAIL_* settings."""
        server = Quota(settings.mail_rate or None, settings.mail_hourly or None, settings.mail_daily or None)
        groups = ProviderGroups(settings.provider_quotas, settings.hosted_domains)
        return cls(server, _warmup(settings.mail_warmup_start), groups, settings.mail_connections)

    def is_limited(self, key: str) -> bool:
        """Whether this key is limited even without a rate-limit reply."""
        if key == SERVER:
            return self.server != Quota() or self.warmup is not None
        return self.groups.quota(key) is not None

    def rule(self, key: str) -> LimitRule:
        """The rule for this key."""
        if key == SERVER:
            return LimitRule(self.server, self.warmup)
        return LimitRule(self.groups.quota(key) or Quota(), connections=self.connections)

    def ahead(self, key: str) -> timedelta:
        """The furthest that send times of this key are reserved ahead."""
        return SERVER_AHEAD if key == SERVER else GROUP_AHEAD

    def throttle(self, state: LimiterState, now: datetime) -> Throttle | None:
        """Why nothing may go out to the server now, and until when; None if something may."""
        rule = self.rule(state.key)
        opening = state.opening(rule, now)
        if opening <= now + SERVER_AHEAD + rule.gap:
            return None
        if state.paused_until and now < state.paused_until:
            minutes = PAUSE.seconds // 60
            return Throttle(opening, f"the mail server asked for less; nothing is sent for {minutes} minutes")
        return Throttle(opening, self._used_up(state, rule, max(now, state.next_at)))

    def _used_up(self, state: LimiterState, rule: LimitRule, at: datetime) -> str:
        window = state.full(rule, at)
        if window != DAY:
            return f"MAIL_HOURLY: {formats.number(self.server.per_hour or 0)} within an hour are out"
        runs = state.counted(DAY, at)
        began = runs[0].last if runs else at
        limit = f"{formats.number(rule.limit(DAY, began))} within a day are out"
        if rule.limit(DAY, began) == self.server.per_day or self.warmup is None:
            return f"MAIL_DAILY: {limit}"
        return f"warm-up, day {self.warmup.day(began)} of {DAYS}: {limit}"


def _warmup(start: date | None) -> Warmup | None:
    return Warmup(start) if start else None
