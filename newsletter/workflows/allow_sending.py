"""Allow a restored or copied database to send, after showing a person what would go out.

This ledger does not know what the other database has sent since: every pending copy may be a duplicate.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience import series_readers
from newsletter.delivery.models import NOT_BEGUN, UNDER_WAY, Letter, LetterState, OutboxMessage, OutboxState
from newsletter.delivery.reports import progress, stats
from newsletter.delivery.workers import lease_recovery, send_permission
from newsletter.editorial.issues import mailings
from newsletter.editorial.issues.mailings import Mailing
from newsletter.editorial.models import Issue
from newsletter.i18n import formats
from newsletter.workflows.recipients import Recipients

_TO_GO = (*NOT_BEGUN, *UNDER_WAY)
_UNSENT = (OutboxState.PENDING, OutboxState.SENDING)


@dataclass(frozen=True, slots=True)
class WaitingIssue:
    """An unfinished issue or correction, and what would happen to it."""

    issue: str
    correction: int | None
    state: str
    due_at: datetime
    readers: int
    """How many would get it: its unsent copies, or the active readers if it has not begun."""
    then: str


@dataclass(frozen=True, slots=True)
class OutboxBacklog:
    """The single mails that are pending."""

    waiting: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class SeriesBacklog:
    """What would go out of welcome series."""

    waiting: int
    """Copies that are not sent yet."""
    due: int
    """Readers who are due for their next issue."""


def waiting_issues(session: Session, grace: timedelta, now: datetime) -> list[WaitingIssue]:
    """Every issue and correction that is being sent or scheduled, oldest issue first."""
    every = list(mailings.all_mailings(session))
    return [_waiting(session, each, grace, now) for each in every if each.letter.state in _TO_GO]


def outbox_backlog(session: Session) -> OutboxBacklog:
    """How many single mails are pending, and since when."""
    count, oldest = session.execute(
        select(func.count(), func.min(OutboxMessage.created_at)).where(OutboxMessage.state.in_(_UNSENT))
    ).one()
    return OutboxBacklog(count, oldest)


def series_backlog(session: Session, now: datetime) -> SeriesBacklog:
    """What would go out of all publications' welcome series."""
    repeating = select(Letter).where(Letter.repeats_id.is_not(None), Letter.state.in_(UNDER_WAY))
    counts = [stats.copy_counts(session, letter) for letter in session.scalars(repeating)]
    return SeriesBacklog(sum(one.pending + one.sending for one in counts), series_readers.count_due(session, now))


def allow(session: Session, policy: Literal["resend", "hold"], now: datetime) -> None:
    """Let this database send; copies leased by the other database's workers become pending or in doubt (IN_DOUBT)."""
    send_permission.lock_permission(session)
    # A second call finds workers that send already, and must not take over their leases.
    if not send_permission.may_send(session):
        lease_recovery.recover_all(session, policy, now)
        send_permission.arm(session, now)


def _waiting(session: Session, mailing: Mailing, grace: timedelta, now: datetime) -> WaitingIssue:
    issue, letter = mailing.issue, mailing.letter
    if letter.started_at is None:
        readers = Recipients.of_issue(session, issue).count(session, now)
    else:
        counts = stats.copy_counts(session, letter)
        readers = counts.pending + counts.sending
    last_hour = progress.waiting_for_hour(session, letter.id, now).last_at
    then = _then(issue, letter, last_hour, grace, now)
    return WaitingIssue(issue.slug, mailing.correction, mailing.state.value, letter.due_at, readers, then)


def _then(issue: Issue, letter: Letter, last_hour: datetime | None, grace: timedelta, now: datetime) -> str:
    if letter.state is LetterState.RUNNING:
        zone = issue.publication.time_zone
        return f"goes on, its last copy on {formats.moment(last_hour, zone)}" if last_hour else "goes on at once"
    if letter.state is not LetterState.WAITING:
        return "waits for a person"
    if letter.due_at > now:
        return f"goes out on {formats.moment(letter.due_at, issue.publication.time_zone)}"
    return "goes out at once" if now - letter.due_at <= grace else "held: waits for a person"
