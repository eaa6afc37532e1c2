"""Bounce policy: what an event means for the address it is about, and for the provider that reported it.

Pure, and a function of the set of an address's events: in whatever order they arrive, the last word is the same.

    hard (unknown user, has moved, does not accept mail)   suppressed at once
    unknown host                                           once the DNS confirms it, or at the second issue
    soft                                                   at the fifth issue within 60 days without a delivery between
    …of a provider of which too many are called unknown    held: an editor decides
    …of a long-time reader, with BOUNCE_PROBE              probed: a letter is sent, and its own bounce decides
    complaint                                              suppressed; only the desk lifts it
    about us (policy, reputation, content, rate, …)        never held against a reader; the provider's group is
                                                           slowed or stopped, and the editors are told
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from newsletter.delivery.bounces.report import ABOUT_US, Hardness, Kind, Reason
from newsletter.delivery.models import Cause
from newsletter.delivery.smtp import refusals

WINDOW = timedelta(days=60)
SOFT_ISSUES = 5
"""After soft bounces of so many different issues within the window, without a delivery between, one counts as hard."""
UNKNOWN_HOST_ISSUES = 2
SILENCE = timedelta(days=5)
"""A sent copy without any report for so long was delivered: no server tries for longer (RFC 5321, 4.5.4.1)."""
STRIKES = 5
"""So many answers about us from one provider, to one letter within an hour, stop its group."""
FAILING_AT_LEAST = 20
FAILING_SHARE = 0.03
NO_SUCH = frozenset({Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.NOT_ACCEPT})
"""What is said of many at once only by a provider, or a name server, that is mistaken."""
LONG_TIME = timedelta(days=365)
"""Readers of so long are probed first, if BOUNCE_PROBE says so."""

_NOTHING_FOLLOWS = frozenset({Kind.NOT_A_BOUNCE, Kind.AUTO_REPLY, Kind.CHALLENGE})
_MEND_NOW = frozenset(
    {
        *(Reason.BAD_REPUTATION, Reason.BLOCKED, Reason.FAILED_STARTTLS, Reason.REQUIRE_PTR),
        *(Reason.SYNTAX, Reason.VIRUS),
    }
)


class Decision(StrEnum):
    """What is done about one event."""

    IGNORED = "ignored"
    UNMATCHED = "unmatched"
    """It names no copy of ours, and its origin is not proven: nothing follows from it."""
    DELIVERED = "delivered"
    COUNTED = "counted"
    """A soft bounce, held against the address until a delivery."""
    SUPPRESSED = "suppressed"
    HELD = "held"
    """It would suppress, but its provider calls so many unknown that an editor decides."""
    PROBED = "probed"
    """It would suppress, but a letter is sent first, and the outcome of that letter decides."""
    UNSUBSCRIBED = "unsubscribed"
    AGAINST_US = "against_us"
    """About us: counted for the provider's group, never against the reader."""
    ALARMED = "alarmed"
    """The same, and the editors are told."""
    SLOWED = "slowed"
    STOPPED = "stopped"


class Event(Protocol):
    """One report about one address."""

    @property
    def kind(self) -> Kind: ...
    @property
    def hardness(self) -> Hardness | None: ...
    @property
    def reason(self) -> Reason: ...
    @property
    def status(self) -> str: ...
    @property
    def diagnostic(self) -> str: ...
    @property
    def copy_id(self) -> int | None: ...
    @property
    def letter_id(self) -> int | None: ...
    @property
    def subscription_id(self) -> int | None: ...
    @property
    def at(self) -> datetime: ...
    @property
    def host_is_gone(self) -> bool | None: ...
    @property
    def key(self) -> str: ...
    @property
    def is_forgiven(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Facts:
    """The other facts that a decision depends on."""

    history: Sequence[Event] = ()
    """All events of the address that still count, this one included, in any order."""
    sent: Mapping[int, datetime] = field(default_factory=dict)
    """When each recent copy to the address was sent, by the copy's id."""
    provider_is_failing: bool = False
    """Whether its provider calls so many unknown that an editor has to decide (`is_failing`)."""
    against_us: int = 0
    """How many answers about us this provider gave to this letter within the hour, this one included."""
    reader_since: datetime | None = None
    """Since when its owner has been a reader; None if unknown, or if probes are off."""
    is_probe: bool = False
    """Whether it is about a probe."""
    is_probing: bool = False
    """Whether a probe is on its way."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done about an event; `cause` is set where its address is suppressed."""

    decision: Decision
    cause: Cause | None = None


def decide(event: Event, facts: Facts, now: datetime) -> Verdict:
    """The verdict on one event; `facts.history` must include it. No side effects."""
    if event.kind in _NOTHING_FOLLOWS:
        return Verdict(Decision.IGNORED)
    if event.kind is Kind.UNSUBSCRIBE and (event.key or event.subscription_id):
        return Verdict(Decision.UNSUBSCRIBED)
    if not event.key:
        return Verdict(Decision.UNMATCHED)
    if event.kind is Kind.COMPLAINT:
        return Verdict(Decision.IGNORED) if event.is_forgiven else Verdict(Decision.SUPPRESSED, Cause.COMPLAINT)
    if event.kind is Kind.DELIVERED:
        return Verdict(Decision.DELIVERED)
    if is_about_us(event):
        return Verdict(_about_us(event, facts))
    if event.kind is Kind.DELAY:
        return Verdict(Decision.IGNORED)
    return _bounced(event, facts, now)


def is_dead(history: Sequence[Event], sent: Mapping[int, datetime], now: datetime) -> bool:
    """Whether the reports about an address, and their absence for some copies, show that it no longer takes mail."""
    bounces = [one for one in history if one.kind is Kind.BOUNCE and not is_about_us(one)]
    if any(_is_final(one) for one in bounces):
        return True
    delivered, moments = _deliveries(history, sent, now)
    soft = [one for one in bounces if one.copy_id is None or one.copy_id not in delivered]
    hosts = [one for one in soft if one.reason is Reason.HOST_UNKNOWN]
    return _has_run(soft, sent, moments, SOFT_ISSUES) or _has_run(hosts, sent, moments, UNKNOWN_HOST_ISSUES)


def asks_the_dns(event: Event) -> bool:
    """Whether the decision depends on the DNS, which has not been asked yet."""
    is_of_host = event.kind is Kind.BOUNCE and event.reason is Reason.HOST_UNKNOWN
    return is_of_host and bool(event.key) and event.host_is_gone is None


def is_failing(unknown: int, copies: int) -> bool:
    """Whether a provider called so many of an hour's copies unknown that it must be mistaken."""
    return unknown >= FAILING_AT_LEAST and unknown > FAILING_SHARE * copies


def is_about_us(event: Event) -> bool:
    """Whether it is about us, and says nothing about the reader."""
    return event.reason in ABOUT_US or refusals.applies_to_all(event.status, event.diagnostic)


def _about_us(event: Event, facts: Facts) -> Decision:
    is_said_to_all = event.reason is Reason.AUTHENTICATION or refusals.applies_to_all(event.status, event.diagnostic)
    if is_said_to_all or facts.against_us >= STRIKES:
        return Decision.STOPPED
    if event.reason is Reason.RATE_LIMITED:
        return Decision.SLOWED
    return Decision.ALARMED if event.reason in _MEND_NOW else Decision.AGAINST_US


def _bounced(event: Event, facts: Facts, now: datetime) -> Verdict:
    if event.is_forgiven or not (facts.is_probe or is_dead(facts.history, facts.sent, now)):
        return Verdict(Decision.COUNTED)
    if facts.provider_is_failing and event.reason in NO_SUCH:
        return Verdict(Decision.HELD)
    if facts.is_probing and not facts.is_probe:
        return Verdict(Decision.COUNTED)
    is_long_time = facts.reader_since is not None and now - facts.reader_since >= LONG_TIME
    if is_long_time and not facts.is_probe:
        return Verdict(Decision.PROBED)
    return Verdict(Decision.SUPPRESSED, Cause.BOUNCE)


def _is_final(event: Event) -> bool:
    if event.reason is Reason.HOST_UNKNOWN:
        return event.host_is_gone is True
    return event.hardness is Hardness.HARD


def _deliveries(
    history: Iterable[Event], sent: Mapping[int, datetime], now: datetime
) -> tuple[set[int], list[datetime]]:
    """The copies that a provider reports as delivered, and all moments of a delivery."""
    bounced = {one.copy_id for one in history if one.kind is Kind.BOUNCE}
    confirmed = [one for one in history if one.kind is Kind.DELIVERED]
    silent = [at for copy_id, at in sent.items() if copy_id not in bounced and at + SILENCE <= now]
    return {one.copy_id for one in confirmed if one.copy_id}, sorted([_moment(one, sent) for one in confirmed] + silent)


def _has_run(
    events: Iterable[Event], sent: Mapping[int, datetime], deliveries: Sequence[datetime], needed: int
) -> bool:
    """Whether `needed` different issues bounced within the window, without a delivery between."""
    issues: dict[int, datetime] = {}
    for one in events:
        if one.letter_id is not None:
            issues[one.letter_id] = min(_moment(one, sent), issues.get(one.letter_id, one.at))
    moments = sorted(issues.values())
    return any(
        last - first <= WINDOW and not any(first < at < last for at in deliveries)
        for first, last in zip(moments, moments[needed - 1 :], strict=False)
    )


def _moment(event: Event, sent: Mapping[int, datetime]) -> datetime:
    # A report may take days: what counts is when its copy was sent.
    return sent.get(event.copy_id, event.at) if event.copy_id else event.at
