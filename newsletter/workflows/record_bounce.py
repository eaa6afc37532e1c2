"""Carry out what bounces, complaints and unsubscribe mails mean: for the reader, for the copy, for the provider.

Every source (pipe, mailbox, LMTP, webhooks) hands its reports to `record_report`. Events that need the DNS, and
refusals within the SMTP dialogue, wait for the worker (`tend_bounces`).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from newsletter.addresses.masking import mask_all_in_text
from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.audience import emails, subscribers, unsubscribe
from newsletter.audience.consent import Proof
from newsletter.audience.models import Channel, Status, Subscription
from newsletter.audience.services import AudienceServices
from newsletter.delivery import provider_stops
from newsletter.delivery.bounces import events, holds, policy, record, suppression
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.policy import Decision, Facts, Verdict
from newsletter.delivery.bounces.record import Origin
from newsletter.delivery.bounces.report import Kind, Report
from newsletter.delivery.message.content import PURPOSES, Purpose
from newsletter.delivery.models import Cause, Letter, OutboxMessage
from newsletter.delivery.provider_stops import ServerAnswer
from newsletter.delivery.rate_limit import limiter_store
from newsletter.delivery.transactional import outbox

DomainExists = Callable[[str], bool | None]
"""Whether the DNS knows a domain; None when it does not say."""

_ENDS = {Cause.BOUNCE: Status.BOUNCED, Cause.COMPLAINT: Status.COMPLAINED}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BounceServices:
    """What the decisions need beside the database."""

    audience: AudienceServices
    groups: ProviderGroups = field(default_factory=ProviderGroups)
    probes: bool = False
    """Whether long-time readers get a letter before they are suppressed, whose own bounce then decides."""
    domain_exists: DomainExists | None = None
    """How the worker asks the DNS about hosts that are called unknown; then such an event waits for it."""
    return_path_domain: str = ""
    """The domain of signed return addresses; empty if mail has none."""
    own_addresses: Collection[str] = frozenset()
    """Other addresses whose mail is read here, in small letters."""


def record_report(
    session: Session, services: BounceServices, report: Report, origin: Origin, now: datetime
) -> list[BounceEvent]:
    """Keep a report and do what follows from it; the events, empty if this report came before. The caller commits."""
    readers_of = partial(subscribers.subscription_ids, session)
    known = record.Lookups(services.audience.links.seal, services.groups, readers_of)
    new_events = record.store_events(session, known, report, origin, now)
    for event in new_events:
        if not (services.domain_exists and policy.asks_the_dns(event)):
            decide_and_act(session, services, event, now)
    return new_events


def decide_and_act(session: Session, services: BounceServices, event: BounceEvent, now: datetime) -> Verdict:
    """Decide about one event, note the decision, and do what follows from it. The caller commits."""
    event.is_forgiven = _is_to_team(session, event) or _is_outdated(session, event)
    verdict = policy.decide(event, _facts(session, services, event, now), now)
    event.decision = verdict.decision
    session.flush()
    if event.kind is Kind.BOUNCE and event.outbox_id:
        outbox.came_back(session, event.outbox_id, event.account)
    _ACTS.get(verdict.decision, _nothing)(session, services, event, verdict, now)
    tell = log.debug if event.kind is Kind.DELIVERED else log.info
    tell("bounce decided", bounce=event.id, kind=event.kind.value, decision=verdict.decision.value)
    return verdict


def _is_to_team(session: Session, event: BounceEvent) -> bool:
    """Whether it is about a mail to an editor: that says nothing of a reader, nor of what readers are sent."""
    post = _post_of(session, event)
    return post is not None and PURPOSES.get(post.kind) is Purpose.TEAM


def _is_outdated(session: Session, event: BounceEvent) -> bool:
    """Whether a bounce is of a mail from before its address proved to be right, or that a person forgave already."""
    if event.kind is not Kind.BOUNCE or not event.key:
        return False
    sent_at, confirmed_at = events.sent_at(session, event), subscribers.last_confirmed(session, event.key)
    is_older = sent_at is not None and confirmed_at is not None and sent_at < confirmed_at
    return is_older or events.was_forgiven(session, event)


def _facts(session: Session, services: BounceServices, event: BounceEvent, now: datetime) -> Facts:
    if event.kind not in {Kind.BOUNCE, Kind.DELAY}:
        return Facts()
    history = events.history_of(session, event.key, now)
    # Of single letters anybody may cause some, by what they type into a form or send us to be forwarded.
    is_of_issue = policy.is_about_us(event) and event.letter_id is not None
    is_unknown = event.kind is Kind.BOUNCE and event.reason in policy.NO_SUCH
    reader = subscribers.longest_reading(session, event.key) if services.probes and event.key else None
    return Facts(
        history=history,
        sent=events.sent_to(session, history, now),
        provider_is_failing=is_unknown and holds.is_held(session, event.provider_group),
        reader_since=(reader.confirmed_at or reader.created_at) if reader else None,
        is_probe=_is_of_probe(session, event),
        is_probing=services.probes and events.is_probing(session, event.key, now),
        against_us=events.count_against_us(session, event, now) if is_of_issue else 0,
    )


def _is_of_probe(session: Session, event: BounceEvent) -> bool:
    post = _post_of(session, event)
    return post is not None and post.kind == emails.PROBE


def _post_of(session: Session, event: BounceEvent) -> OutboxMessage | None:
    return session.get(OutboxMessage, event.outbox_id) if event.outbox_id else None


def _nothing(*_: object) -> None:
    """Do nothing."""


def suppress(session: Session, _services: BounceServices, event: BounceEvent, verdict: Verdict, now: datetime) -> None:
    """Suppress the address of an event for the verdict's cause, and end its subscriptions."""
    cause = verdict.cause or Cause.BOUNCE
    suppression.add(session, event.key, cause, now, event.account)
    unsubscribe.end_all_of_address(session, event.key, _ENDS[cause], now, note=event.summary)


def _probe(session: Session, services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime) -> None:
    if subscription := subscribers.longest_reading(session, event.key):
        emails.probe(session, services.audience, subscription, now)
        # The probe's outcome replaces all earlier events.
        events.forgive(session, event.key)


def _revive_if_alive(
    session: Session, _services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime
) -> None:
    """Withdraw the bounce of an address that the policy, with this late delivery, does not call dead any more."""
    if not suppression.list_causes(session, event.key):
        return
    history = events.history_of(session, event.key, now)
    was = [one for one in history if one.decision is Decision.SUPPRESSED and one.kind is Kind.BOUNCE]
    if was and not policy.is_dead(history, events.sent_to(session, history, now), now):
        for one in was:
            one.decision = Decision.COUNTED
        withdraw_bounce(session, event.key, now)


def withdraw_bounce(session: Session, key: str, now: datetime) -> None:
    """Lift the suppression for a bounce, and set the address's subscriptions back unless another cause remains."""
    if suppression.withdraw(session, key, {Cause.BOUNCE}) and not suppression.list_causes(session, key):
        arrives = Proof(note="mail to it does arrive")
        unsubscribe.revive_all_of_address(session, key, now, Channel.MAIL, arrives)


def _unsubscribe(
    session: Session, services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime
) -> None:
    subscription = session.get(Subscription, event.subscription_id) if event.subscription_id else None
    if subscription:
        proof = Proof(letter_id=event.letter_id)
        unsubscribe.unsubscribe(session, services.audience, subscription, Channel.MAIL, proof, now)
    elif event.key:
        unsubscribe.end_all_of_address(session, event.key, Status.UNSUBSCRIBED, now)


def _slow(session: Session, _services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime) -> None:
    limiter_store.slow_down(session, event.provider_group, now)


def _stop(session: Session, _services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime) -> None:
    sender = _sender_of(session, event)
    provider_stops.stop_group(session, event.letter_id, sender, event.provider_group, _server_answer(event), now)


def _alarm(session: Session, _services: BounceServices, event: BounceEvent, _verdict: Verdict, now: datetime) -> None:
    provider_stops.alarm(session, event.letter_id, event.provider_group, _server_answer(event), now)


def _sender_of(session: Session, event: BounceEvent) -> str:
    """The address in From of the mail that an event is about; empty if that mail is not known."""
    letter = session.get(Letter, event.letter_id) if event.letter_id else None
    post = _post_of(session, event)
    return letter.sender_address if letter else post.sender_address if post else ""


def _server_answer(event: BounceEvent) -> ServerAnswer:
    code = int(event.code) if event.code.isdecimal() and event.code.isascii() else 0
    return ServerAnswer(code, mask_all_in_text(event.diagnostic or event.summary))


_Act = Callable[[Session, BounceServices, BounceEvent, Verdict, datetime], None]
_ACTS: Mapping[Decision, _Act] = {
    Decision.SUPPRESSED: suppress,
    Decision.PROBED: _probe,
    Decision.DELIVERED: _revive_if_alive,
    Decision.UNSUBSCRIBED: _unsubscribe,
    Decision.SLOWED: _slow,
    Decision.STOPPED: _stop,
    Decision.ALARMED: _alarm,
}
