"""Rehearse an issue: compose and sign every copy without sending, and forecast how long sending would take.

It reads from audience, editorial and delivery, and writes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience import subscribers
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
from newsletter.workflows import build_letter, issue_readiness, prepare_issue
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.recipients import Recipients

ONE_COPY = 0.05
"""The assumed time in seconds that a connection needs for a copy."""

_BATCH = 1_000
_LARGEST = 100

Watched = Callable[[Iterable[ClaimedCopy], int], Iterable[ClaimedCopy]]
"""Wraps an iterable of that many copies to show progress."""


@dataclass(frozen=True, slots=True)
class RehearsalReport:
    """What would happen if the issue went out now."""

    readers: int
    suppressed: int
    """Active readers who are on the suppression list and get nothing."""
    began_at: datetime
    forecast: Forecast
    """When the last copy would be sent if the first were sent at `began_at`."""
    rehearsal: Rehearsal = field(default_factory=Rehearsal)
    blocking: list[str] = field(default_factory=list)
    """The reasons why it would not go out."""

    @property
    def seconds(self) -> int:
        """How long sending would take, in seconds."""
        return round((self.forecast.finish - self.began_at).total_seconds())


def rehearse_issue(
    session: Session,
    issue: Issue,
    now: datetime,
    *,
    settings: Settings,
    letters: LetterSettings,
    keyring: Keyring,
    watched: Watched,
) -> RehearsalReport:
    """Compose and sign every copy of an issue; Conflict if it has already started to go out."""
    letter, blocking = _letter(issue, letters, now)
    recipients = Recipients.of_issue(session, issue)
    readers = recipients.count(session, now)
    made = watched(_copies(session, recipients, letter, now), readers)
    try:
        template = compose.compile(letter.content, letters.links, keyring)
        found = rehearsal.compose_all(letter.content, template, made, settings.mail_return_path_domain, now)
    except Invalid as error:
        found = Rehearsal()
        blocking = [*blocking, *str(error).splitlines()]
    conditions = recipients.conditions(session, now)
    suppressed = subscribers.suppressed_count(session, issue.publication_id, *conditions)
    return RehearsalReport(readers, suppressed, now, _forecast(session, found.domains, settings, now), found, blocking)


def _letter(issue: Issue, letters: LetterSettings, now: datetime) -> tuple[Letter, list[str]]:
    """The frozen letter, or the one that scheduling would freeze, and what blocks it."""
    if issue.letter is not None and build_letter.is_waiting(issue):
        return issue.letter, []
    issue_readiness.require_open(issue)
    prepared = prepare_issue.prepare(issue, letters.links)
    letter = build_letter.new_letter(issue, prepared.mail, letters, now)
    try:
        issue_readiness.require_sendable(issue, prepared)
    except Conflict as error:
        return letter, str(error).splitlines()
    return letter, []


def _copies(session: Session, recipients: Recipients, letter: Letter, now: datetime) -> Iterator[ClaimedCopy]:
    # Numbered like the next copies, because the ids are part of the links and so of the size.
    after = session.scalar(select(func.max(Copy.id))) or 0
    letter_id = letter.id or (session.scalar(select(func.max(Letter.id))) or 0) + 1
    theirs = subscribers.active_recipients(recipients.publication.id, *recipients.conditions(session, now))
    readers = theirs.execution_options(yield_per=_BATCH)
    yield from rehearsal.simulated_copies(session.execute(readers), letter_id, after)


def _forecast(session: Session, domains: Counter[str], settings: Settings, now: datetime) -> Forecast:
    """When that many copies to each domain would all be sent, starting now."""
    limits = Limits.from_settings(settings)
    copies: Counter[str] = Counter()
    for domain, count in domains.items():
        copies[limits.groups.of_domain(domain)] += count
    largest = [group for group, _ in copies.most_common(_LARGEST)]
    standing = limiter_store.peek(session, [SERVER, *largest], now)
    return forecast.predict(copies, limits, now, standing, settings.mail_connections / ONE_COPY)
