"""Rehearsing an issue: its letter, its readers, and how long the press run would take.

Like the fan-out, it asks all three rooms, and writes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience import subscribers
from newsletter.audience.models import Status
from newsletter.config import Settings
from newsletter.delivery.bulk import rehearsal
from newsletter.delivery.bulk.rehearsal import Rehearsal
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.message import compose
from newsletter.delivery.message.dkim_keys import Keyring
from newsletter.delivery.models import Copy, Letter
from newsletter.delivery.rate_limit import forecast, limiter_store
from newsletter.delivery.rate_limit.forecast import Forecast
from newsletter.delivery.rate_limit.limits import SERVER, Limits
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict, Invalid
from newsletter.links import Links
from newsletter.workflows import build_letter, publish

ONE_COPY = 0.05
"""Seconds that a connection is taken to need for a copy."""

_BATCH = 1_000
_LARGEST = 100

Watched = Callable[[Iterable[ClaimedCopy], int], Iterable[ClaimedCopy]]
"""Lets a person watch so many copies go by."""


@dataclass(frozen=True, slots=True)
class RehearsalReport:
    """What would happen if the issue went out now."""

    readers: int
    suppressed: int
    """Active readers who get nothing, whatever list they are on."""
    began_at: datetime
    forecast: Forecast
    """When the last copy would be out, had the first gone then."""
    rehearsal: Rehearsal = field(default_factory=Rehearsal)
    blocking: list[str] = field(default_factory=list)
    """Why it would not go out."""

    @property
    def seconds(self) -> int:
        """How long the press run would take."""
        return round((self.forecast.finish - self.began_at).total_seconds())


def rehearse_issue(
    session: Session,
    issue: Issue,
    now: datetime,
    *,
    settings: Settings,
    links: Links,
    keyring: Keyring,
    watched: Watched,
) -> RehearsalReport:
    """Compose and sign every copy of an issue; Conflict if it has begun already, for then the ledger knows."""
    letter, blocking = _letter(issue, links, now, settings.issue_sender_address)
    readers = publish.audience_size(session, issue)
    made = watched(_copies(session, issue, letter), readers)
    try:
        template = compose.compile(letter, links, keyring)
        found = rehearsal.compose_all(letter, template, made, settings.mail_return_path_domain, now)
    except Invalid as error:
        found = Rehearsal()
        blocking = [*blocking, *str(error).splitlines()]
    active = subscribers.counts(session, issue.publication_id)[Status.ACTIVE]
    return RehearsalReport(
        readers, active - readers, now, _forecast(session, found.domains, settings, now), found, blocking
    )


def _letter(issue: Issue, links: Links, now: datetime, sender: str | None) -> tuple[Letter, list[str]]:
    """The letter that is frozen already, or that scheduling would freeze, and what stands in the way of that."""
    blocking = [] if build_letter.is_waiting(issue) else _hindrances(issue, links)
    return build_letter.current_letter(issue, links, now, sender=sender), blocking


def _hindrances(issue: Issue, links: Links) -> list[str]:
    try:
        build_letter.require_schedulable(issue, links)
    except Conflict as error:
        if not build_letter.is_open(issue):
            raise
        return str(error).splitlines()
    return []


def _copies(session: Session, issue: Issue, letter: Letter) -> Iterator[ClaimedCopy]:
    # Numbered as the next ones will be, because the numbers are in the links and so count in the size.
    after = session.scalar(select(func.max(Copy.id))) or 0
    letter_id = letter.id or (session.scalar(select(func.max(Letter.id))) or 0) + 1
    readers = subscribers.active(issue.publication_id).execution_options(yield_per=_BATCH)
    yield from rehearsal.simulated_copies(session.execute(readers), letter_id, after)


def _forecast(session: Session, domains: Counter[str], settings: Settings, now: datetime) -> Forecast:
    """When so many copies to each domain would be out, if the first of them went now."""
    limits = Limits.of(settings)
    lanes: Counter[str] = Counter()
    for domain, count in domains.items():
        lanes[limits.lanes.of_domain(domain)] += count
    largest = [lane for lane, _ in lanes.most_common(_LARGEST)]
    standing = limiter_store.peek(session, [SERVER, *largest], now)
    return forecast.predict(lanes, limits, now, standing, settings.mail_connections / ONE_COPY)
