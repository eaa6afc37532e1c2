"""What the worker does about bounces and complaints.

It decides about those that wait, holds those of a provider that is probably wrong, and stops what readers complain of.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.addresses import provider_groups
from newsletter.audience.services import AudienceServices
from newsletter.clock import Clock
from newsletter.db import Sessions
from newsletter.delivery import provider_stops
from newsletter.delivery.bounces import events, holds, policy
from newsletter.delivery.bounces.events import BounceEvent
from newsletter.delivery.bounces.holds import Suspect
from newsletter.delivery.bounces.policy import Decision, Verdict
from newsletter.delivery.models import Cause, Letter
from newsletter.delivery.rate_limit import limiter_store
from newsletter.delivery.reports import progress, provider_results
from newsletter.delivery.reports.provider_results import Concern, ProviderResult
from newsletter.delivery.workers.context import WorkerContext, run_in_groups, set_aside
from newsletter.errors import NotFound
from newsletter.i18n import formats
from newsletter.publications import Publication
from newsletter.workflows import alert_editors, record_bounce
from newsletter.workflows.record_bounce import BounceServices

_AT_ONCE = 100

_REMEDY = (
    "See whether the provider has trouble, then decide with `newsletter subscribers held {group}`: "
    "--suppress if these addresses are gone, --keep if they are not."
)


def decide_waiting(sessions: Sessions, services: BounceServices, worker: WorkerContext) -> None:
    """Decide about the events that wait. Commits by itself, one by one."""
    last = 0
    # Of thousands of events that name one host, each would wait for the same answer.
    domain_exists = cache(services.domain_exists) if services.domain_exists else None
    while waiting := _waiting(sessions, last):
        for event_id, host in waiting:
            if worker.is_stopping():
                return
            last = event_id
            # Outside of any transaction, for an answer may take seconds.
            exists = domain_exists(host) if host and domain_exists else None
            # One that fails is tried again next time.
            with set_aside("the decision about a bounce", event_id), sessions.in_turn() as session:
                event = events.claim_undecided(session, event_id)
                if event and not events.forget_erased(session, event):
                    event.host_is_gone = None if exists is None else not exists
                    record_bounce.decide_and_act(session, services, event, worker.clock())


def _waiting(sessions: Sessions, after: int) -> list[tuple[int, str]]:
    """Some events that wait, each with the host to ask the DNS about; empty for those that need no DNS."""
    with sessions.reading() as session:
        found = events.undecided(session, after, _AT_ONCE)
        return [(one.id, one.key.rpartition("@")[2] if policy.asks_the_dns(one) else "") for one in found]


def watch_providers(sessions: Sessions, services: BounceServices, worker: WorkerContext) -> None:
    """Hold the reports of each provider that is probably wrong, and tell the editors. Commits by itself."""
    with sessions.reading() as session:
        found = [(one, _handed_over(session, services, one)) for one in holds.suspects(session, worker.clock())]
    for suspect, copies in found:
        if policy.is_failing(suspect.unknown, copies):
            with sessions.begin() as session:
                if holds.open_hold(session, suspect, copies, worker.clock()):
                    _warn(session, services.audience, suspect, copies, worker.clock())
    _take_back(sessions, worker)


def watch_complaints(sessions: Sessions, services: BounceServices, worker: WorkerContext) -> None:
    """Count what came of recent letters at each provider; warn of complaints, and stop where they are too many.

    Commits by itself, letter by letter.
    """
    with sessions.reading() as session:
        letters = provider_results.recent_letters(session, worker.clock())
    for letter_id in letters:
        if worker.is_stopping():
            return
        with sessions.reading() as session:
            counted = provider_results.count_results(session, letter_id, services.groups)
        if counted:
            with sessions.begin() as session:
                provider_results.store(session, counted)
    with sessions.reading() as session:
        concerns = _concerns(session, letters)
    with sessions.begin() as session:
        provider_results.drop_others(session, letters)
        for letter_id, result in concerns:
            _answer_complaints(session, letter_id, result, worker.clock())


def _concerns(session: Session, letters: Sequence[int]) -> list[tuple[int, ProviderResult]]:
    """The providers whose readers complain: of a letter, and of all recent ones, for which the last one is stopped."""
    by_letter = [(letter_id, provider_results.of_letters(session, [letter_id])) for letter_id in letters]
    by_letter += [(letter_id, provider_results.of_letters(session, letters)) for letter_id in letters[-1:]]
    return [(letter_id, one) for letter_id, results in by_letter for one in results if one.concern]


def _answer_complaints(session: Session, letter_id: int, result: ProviderResult, now: datetime) -> None:
    rate = (
        f"{formats.number(result.complained)} of {formats.number(result.delivered)} copies delivered "
        f"({100 * (result.rate or 0):.2f}%)"
    )
    if result.concern is Concern.WARN:
        provider_stops.warn_of_complaints(session, letter_id, result.group, rate, now)
    elif provider_stops.stop_for_complaints(session, letter_id, result.group, rate, now):
        limiter_store.slow_down(session, result.group, now)


def _take_back(sessions: Sessions, worker: WorkerContext) -> None:
    """Lift the suppressions of the hour before their provider was held."""
    run_in_groups(sessions, worker, _take_some_back, lambda session, _now: holds.suppressed_before(session, 1))


def _take_some_back(session: Session, now: datetime) -> int:
    found = holds.suppressed_before(session, _AT_ONCE)
    for event in found:
        event.decision = Decision.HELD
        record_bounce.withdraw_bounce(session, event.key, now)
    return len(found)


def settle(sessions: Sessions, services: BounceServices, provider_group: str, clock: Clock, *, suppress: bool) -> int:
    """Suppress those whom a provider called unknown, or keep them all; how many. NotFound if none is held.

    Commits by itself, group by group; cut short, it can be asked again.
    """
    by_hand = WorkerContext("by hand", clock)
    _take_back(sessions, by_hand)
    with sessions.begin() as session:
        if not (holds.close_hold(session, provider_group, clock()) or holds.held_events(session, provider_group, 1)):
            raise NotFound(f"nothing of {provider_group} is held; `newsletter subscribers held` lists what is")
    keys: set[str] = set()

    def settle_some(session: Session, now: datetime) -> int:
        found = holds.held_events(session, provider_group, _AT_ONCE)
        for event in found:
            _settle(session, services, event, now, suppress=suppress)
        keys.update(event.key for event in found)
        return len(found)

    run_in_groups(sessions, by_hand, settle_some)
    return len(keys)


def _settle(session: Session, services: BounceServices, event: BounceEvent, now: datetime, *, suppress: bool) -> None:
    event.is_forgiven = not suppress
    event.decision = Decision.SUPPRESSED if suppress else Decision.COUNTED
    if suppress:
        record_bounce.suppress(session, services, event, Verdict(event.decision, Cause.BOUNCE), now)


def _handed_over(session: Session, services: BounceServices, suspect: Suspect) -> int:
    """How many copies went to the provider's servers, of the letters that these readers had."""
    counts = (progress.handed_over_by_group(session, one, services.groups) for one in suspect.letter_ids)
    return sum(by_group.get(suspect.provider_group, 0) for by_group in counts)


def _warn(session: Session, audience: AudienceServices, suspect: Suspect, copies: int, now: datetime) -> None:
    publication = _publication(session, suspect)
    provider = provider_groups.display_name(suspect.provider_group)
    fields = {
        "headline": f"{provider} calls {formats.number(suspect.unknown)} readers unknown",
        "why": (
            f"This came within an hour, out of {formats.number(copies)} copies. Providers and name servers have been "
            "wrong like that, so nobody is suppressed for it until you decide. No copy was lost."
        ),
        "said": "The answer was: no such user, or no such host",
        "remedy": _REMEDY.format(group=suspect.provider_group),
        "issue_url": audience.links.desk("readers", publication.slug),
    }
    alert_editors.mail_alert(session, audience, publication, fields, now)


def _publication(session: Session, suspect: Suspect) -> Publication:
    letter = session.get(Letter, max(suspect.letter_ids)) if suspect.letter_ids else None
    return session.get_one(Publication, letter.publication_id) if letter else publications.find(session)
