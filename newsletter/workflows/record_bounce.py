"""Carry out what bounces, complaints and unsubscribe mails mean: for the reader, for the copy, for the provider.

`record_report` is the one door for whoever has read a report: pipe, mailbox, LMTP and webhooks. What needs the
DNS, and what servers said in the SMTP dialogue, waits for the worker (`decide_waiting`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.audience import unsubscribe
from newsletter.audience.models import Channel, Status, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.db import Sessions
from newsletter.delivery import provider_stops
from newsletter.delivery.bounces import events, policy, record, suppression
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.policy import Decision, Facts, Verdict
from newsletter.delivery.bounces.record import Origin
from newsletter.delivery.bounces.report import Kind, Report
from newsletter.delivery.models import Cause
from newsletter.delivery.rate_limit import limiter_store

DomainExists = Callable[[str], bool | None]
"""Whether the DNS knows a domain; None when it does not say."""

_AT_ONCE = 100
_ENDS = {Cause.BOUNCE: Status.BOUNCED, Cause.COMPLAINT: Status.COMPLAINED}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BounceServices:
    """What the decisions need beside the database."""

    audience: AudienceServices
    groups: ProviderGroups = field(default_factory=ProviderGroups)
    domain_exists: DomainExists | None = None
    """How the worker asks the DNS about hosts that are called unknown; then such an event waits for it."""


def record_report(
    session: Session, services: BounceServices, report: Report, origin: Origin, now: datetime
) -> list[BounceEvent]:
    """Keep a report and do what follows from it; the events, empty if this report came before. The caller commits."""
    kept = record.record(session, services.audience.links.seal, services.groups, report, origin, now)
    for event in kept:
        if not (services.domain_exists and policy.asks_the_dns(event)):
            carry_out(session, services, event, now)
    return kept


def decide_waiting(
    sessions: Sessions, services: BounceServices, clock: Callable[[], datetime], stopping: Callable[[], bool]
) -> None:
    """Decide about the events that wait. Commits by itself, one by one."""
    last = 0
    while waiting := _waiting(sessions, last):
        for event_id, host in waiting:
            if stopping():
                return
            # Outside of any transaction, for an answer may take seconds.
            exists = services.domain_exists(host) if host and services.domain_exists else None
            with sessions.in_turn() as session:
                if event := events.claim_undecided(session, event_id):
                    event.host_is_gone = None if exists is None else not exists
                    carry_out(session, services, event, clock())
            last = event_id


def _waiting(sessions: Sessions, after: int) -> list[tuple[int, str]]:
    """Some events that wait, each with the host to ask the DNS about; empty for those that need no DNS."""
    with sessions.reading() as session:
        found = events.undecided(session, after, _AT_ONCE)
        return [(one.id, one.key.rpartition("@")[2] if policy.asks_the_dns(one) else "") for one in found]


def carry_out(session: Session, services: BounceServices, event: BounceEvent, now: datetime) -> Verdict:
    """Decide about one event, and do what follows."""
    verdict = policy.decide(event, _facts(session, event, now), now)
    event.decision = verdict.decision
    session.flush()
    _ACTS.get(verdict.decision, _nothing)(session, services, event, verdict, now)
    log.info("bounce decided", bounce=event.id, kind=event.kind.value, decision=verdict.decision.value)
    return verdict


def _facts(session: Session, event: BounceEvent, now: datetime) -> Facts:
    history = events.history_of(session, event.key, now)
    is_about_us = policy.is_about_us(event)
    return Facts(
        history=history,
        sent=events.sent_to(session, history, now),
        against_us=events.count_against_us(session, event, now) if is_about_us else 0,
    )


def _nothing(*_: object) -> None:
    """Nothing follows."""


def _suppress(session: Session, _services: BounceServices, event: BounceEvent, verdict: Verdict, now: datetime) -> None:
    cause = verdict.cause or Cause.BOUNCE
    suppression.add(session, event.key, cause, now, " ".join(filter(None, (event.said, event.diagnostic))))
    unsubscribe.end_all_of_address(session, event.key, _ENDS[cause], now, note=event.said)


def _revive(session: Session, _services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime) -> None:
    """A delivery that is heard of late can mean that the address was never dead."""
    history = events.history_of(session, event.key, now)
    was = [one for one in history if one.decision is Decision.SUPPRESSED and one.kind is Kind.BOUNCE]
    if was and not policy.is_dead(history, events.sent_to(session, history, now), now):
        for one in was:
            one.decision = Decision.COUNTED
        revive(session, event.key, now)


def revive(session: Session, key: str, now: datetime) -> None:
    """Take back that an address bounced: its readers stand as they stood before."""
    if suppression.lift(session, key, {Cause.BOUNCE}) and not suppression.list_causes(session, key):
        unsubscribe.revive_all_of_address(session, key, now)


def _unsubscribe(
    session: Session, services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime
) -> None:
    subscription = session.get(Subscription, event.subscription_id) if event.subscription_id else None
    if subscription:
        unsubscribe.unsubscribe(session, services.audience, subscription, Channel.MAIL, None, now, event.letter_id)
    else:
        unsubscribe.end_all_of_address(session, event.key, Status.UNSUBSCRIBED, now)


def _slow(session: Session, _services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime) -> None:
    limiter_store.slow_down(session, event.provider_group, now)


def _stop(session: Session, _services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime) -> None:
    said = provider_stops.Said(int(event.code or 0), event.diagnostic or event.said)
    provider_stops.stop_group(session, event.letter_id, event.provider_group, said, now)


def _alarm(session: Session, _services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime) -> None:
    said = provider_stops.Said(int(event.code or 0), event.diagnostic or event.said)
    provider_stops.alarm(session, event.letter_id, event.provider_group, said, now)


_Act = Callable[[Session, BounceServices, BounceEvent, Verdict, datetime], None]
_ACTS: Mapping[Decision, _Act] = {
    Decision.SUPPRESSED: _suppress,
    Decision.DELIVERED: _revive,
    Decision.UNSUBSCRIBED: _unsubscribe,
    Decision.SLOWED: _slow,
    Decision.STOPPED: _stop,
    Decision.ALARMED: _alarm,
}
