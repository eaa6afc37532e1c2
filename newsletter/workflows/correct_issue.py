"""Mail a correction of an issue to everyone who got that issue, and to nobody else.

The ledger says who got it: readers whose copy was sent, or is in doubt. Those who have unsubscribed or were
suppressed since get nothing. The correction is a letter like any other in the ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.audience import subscribers
from newsletter.audience.models import Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Frozen
from newsletter.delivery import ledger
from newsletter.delivery.ledger import repeats
from newsletter.delivery.models import Copy, CopyState, Letter
from newsletter.delivery.reports import progress, retention, stats
from newsletter.editorial import preflight
from newsletter.editorial.issues import corrections
from newsletter.editorial.issues.corrections import Composed
from newsletter.editorial.models import Correction, Issue
from newsletter.editorial.preflight import Finding, Level
from newsletter.errors import Conflict
from newsletter.i18n import formats
from newsletter.links import Links
from newsletter.publications import Publication
from newsletter.workflows import publish
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.publish import Started

# Rules for articles, which do not apply to a letter that links to one.
_OF_ARTICLES = frozenset({"there are sources", "a professional is named", "somebody has reviewed it"})


@dataclass(frozen=True, slots=True)
class CorrectionAudience:
    """How many readers a correction would go to now."""

    got: int
    """Their copy of the issue was sent, and they are still subscribed."""
    maybe: int
    """Their copy is in doubt, and they are still subscribed."""
    unreachable: int
    """Their copy was sent or is in doubt, but they have unsubscribed or were suppressed since, and get nothing."""

    @property
    def size(self) -> int:
        """The number of copies."""
        return self.got + self.maybe


@dataclass(frozen=True, slots=True)
class MailingOrder:
    """A person's order to mail the letter of a correction."""

    person: str
    seal: str
    """The version of the letter that the page showed."""
    segment: Frozen | None = None
    """Only the readers of this segment get it; None for all who got the issue."""


def audience(session: Session, letter: Letter, now: datetime, segment: Frozen | None = None) -> CorrectionAudience:
    """The readers who would get a correction of this letter, of this segment (`segments.freeze`) if one is given."""
    chosen = segments.frozen_conditions(session, session.get_one(Publication, letter.publication_id), segment, now)
    ids = repeats.with_repeats(session, letter.id)
    got_it = Subscription.id.in_(ledger.reached_subscriptions(ids))
    still = subscribers.active_recipients(letter.publication_id, got_it, *chosen).subquery()
    reading = select(Copy.state, func.count()).join(still, still.c.subscription_id == Copy.subscription_id)
    reading = reading.where(Copy.letter_id.in_(ids)).group_by(Copy.state)
    found = dict(session.execute(reading).all())
    every = _reached(session, ids, chosen)
    got, maybe = found.get(CopyState.SENT, 0), found.get(CopyState.IN_DOUBT, 0)
    return CorrectionAudience(got, maybe, every - got - maybe)


def _reached(session: Session, letter_ids: Sequence[int], chosen: Sequence[ColumnElement[bool]]) -> int:
    """How many copies were sent, or are in doubt, to readers who meet these conditions."""
    if not chosen:
        counts = [stats.copy_counts(session, session.get_one(Letter, each)) for each in letter_ids]
        return sum(each.sent + each.in_doubt for each in counts)
    theirs = select(func.count()).where(
        Copy.letter_id.in_(letter_ids), Copy.state.in_((CopyState.SENT, CopyState.IN_DOUBT))
    )
    among = Copy.subscription_id.in_(select(Subscription.id).where(*chosen))
    return session.scalar(theirs.where(among)) or 0


def mailing_blocker(session: Session, issue: Issue, now: datetime) -> str:
    """The reason why no correction can be mailed now; empty if one can."""
    letter = issue.letter
    if letter is None or letter.started_at is None:
        return f"“{issue.title}” has not gone out yet."
    if not retention.is_over(letter):
        return (
            f"“{issue.title}” is still going out{_until(session, issue, letter, now)}. "
            "Stop it, or wait until it is over; then a correction can be sent."
        )
    if letter.final_counts is not None:
        return f"The record of who got “{issue.title}” has been deleted, so it is not known who got it."
    if progress.is_under_way(session, letter.id):
        return "Some copies of it are being sent right now. Try again in a minute."
    return ""


def _until(session: Session, issue: Issue, letter: Letter, now: datetime) -> str:
    last_at = progress.waiting_for_hour(session, letter.id, now).last_at
    if last_at is None:
        return ""
    return f": its last copy leaves on {formats.moment(last_at, issue.publication.time_zone)}, when its reader wants it"


def findings(issue: Issue, composed: Composed, links: Links) -> list[Finding]:
    """The preflight findings for the letter of a correction."""
    found = preflight.check(composed.file, composed.mail, preflight.Facts.for_publication(issue.publication, links))
    return [finding for finding in found if finding.rule not in _OF_ARTICLES]


def refusal(issue: Issue, correction: Correction, person: str) -> str:
    """The reason why this person cannot mail it; empty if they can. Whoever mails it acts as its approver."""
    if issue.publication.requires_approval and mailboxes.mailbox_key(person) in map(
        mailboxes.mailbox_key, correction.writers
    ):
        return (
            "You wrote some of this email, and nobody approves their own words. Another editor or owner has to send it."
        )
    return ""


def mail_correction(
    session: Session, letters: LetterSettings, issue: Issue, correction: Correction, order: MailingOrder, now: datetime
) -> Started:
    """Mail the letter of a correction at once, if it still has the seal of the page shown to this person.

    Conflict if not, or if they may not mail it, it was mailed already, preflight blocks it, or it cannot be mailed now.
    """
    corrections.lock(session, correction, order.seal)
    if why := refusal(issue, correction, order.person) or mailing_blocker(session, issue, now):
        raise Conflict(why)
    composed = corrections.compose_letter(issue, correction, letters.links)
    blocking = [found.message for found in findings(issue, composed, letters.links) if found.level is Level.BLOCKING]
    if blocking:
        raise Conflict(f"The email is not fit to send: {'; '.join(blocking)}.")
    started = publish.send_correction(session, letters, issue, composed.mail, order.segment, now)
    correction.letter_id = started.letter_id
    return started
