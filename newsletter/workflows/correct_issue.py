"""Publish a correction of an issue in the archive, and mail it to everyone who got that issue, and to nobody else.

The ledger says who got it: readers whose copy of the issue, or of the digest that lists it, was sent or is in doubt.
Those who have unsubscribed or were suppressed since get nothing. The correction is a letter like any other in the
ledger. It goes at once to whoever has the issue by then; those whose copy leaves later are added as it does, each once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from newsletter import publications
from newsletter.addresses import mailboxes
from newsletter.audience import subscribers
from newsletter.audience.models import Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.conditions import Taking
from newsletter.audience.segments.store import Frozen
from newsletter.delivery.ledger import repeats
from newsletter.delivery.models import PENDING, REPORTED, SENDING, UNDER_WAY, Copy, CopyState, Letter, LetterState
from newsletter.delivery.workers.context import set_aside
from newsletter.editorial import preflight
from newsletter.editorial.issues import approvals, correction_draft, corrections
from newsletter.editorial.issues.approvals import Content
from newsletter.editorial.issues.corrections import Composed
from newsletter.editorial.issues.digests import DigestEntry
from newsletter.editorial.models import Correction, Issue
from newsletter.editorial.preflight import Finding, Level
from newsletter.errors import Conflict, Invalid
from newsletter.links import Links
from newsletter.workflows import prepare_issue, publish
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.publish import Started
from newsletter.workflows.recipients import Recipients, wrong_letters

_GROUP = 5_000
_IN_FLIGHT = timedelta(minutes=10)
"""A copy that was being sent when its letter ended has an outcome by then."""

# Rules for articles, which do not apply to a letter that links to one.
_OF_ARTICLES = frozenset({"there are sources", "a professional is named", "somebody has reviewed it"})


@dataclass(frozen=True, slots=True)
class CorrectionAudience:
    """How many readers a correction would go to now."""

    size: int
    """How many are still subscribed whose copy was sent or is in doubt."""
    maybe: int
    """How many of these copies are in doubt."""
    unreachable: int
    """Their copy was sent or is in doubt, but they have unsubscribed or were suppressed since, and get nothing."""
    coming: int = 0
    """How many have a copy that has not left yet; they get the correction after it."""


@dataclass(frozen=True, slots=True)
class MailingOrder:
    """A person's order to mail the letter of a correction."""

    person: str
    seal: str
    """The version of the letter that the page showed."""
    segment: Frozen | None = None
    """Only the readers of this segment get it; None for all who got the issue."""


def _new_blockers(issue: Issue, links: Links) -> list[Finding]:
    """What preflight blocks in the newest revision and not in what the archive shows now."""
    if not correction_draft.is_changed(issue):
        return []
    blocking = prepare_issue.prepare_revision(issue, issue.revision, links).blocking
    if not blocking:
        return []
    try:
        known = {(one.rule, one.message) for one in prepare_issue.prepare(issue, links).blocking}
    except Invalid:  # it went out before a rule that it breaks
        known = set()
    return [one for one in blocking if (one.rule, one.message) not in known]


def publish_correction(
    session: Session, links: Links, issue: Issue, content: Content, person: str, now: datetime
) -> Correction:
    """Publish the correction that is being prepared, if it is still the content that this person saw.

    Conflict if it is not, preflight blocks it, or it needs an approval; NoNote if it has no note.
    """
    correction_draft.lock(session, issue, content.seal)
    if blocking := _new_blockers(issue, links):
        raise Conflict(f"The text cannot be published yet: {'; '.join(found.message for found in blocking)}.")
    if issue.publication.requires_approval and not approvals.current_approval(issue.approval_steps, content):
        raise Conflict("A second person has to approve the text and the note before they are published.")
    return corrections.publish(session, issue, person, now)


def audience(
    session: Session, issue: Issue, corrected_at: datetime, now: datetime, segment: Frozen | None = None
) -> CorrectionAudience:
    """The readers who would get a correction of this issue, of this segment (`segments.freeze`) if one is given."""
    ids = wrong_letters(session, issue.letter_id, corrected_at) if issue.letter_id else []
    reached, size = segments.count_reached(session, issue.publication, segment, ids, now)
    of_few = segments.frozen_conditions(session, issue.publication, segment, now, taking=Taking.FEW)
    still = subscribers.active_recipients(issue.publication_id, *of_few).subquery()
    doubtful = select(func.count()).select_from(Copy).join(still, still.c.subscription_id == Copy.subscription_id)
    doubtful = doubtful.where(Copy.letter_id.in_(ids), REPORTED, Copy.state == CopyState.IN_DOUBT)
    coming = _coming(session, issue, corrected_at, now, segment)
    return CorrectionAudience(size, session.scalar(doubtful) or 0, reached - size, coming)


def count_coming(session: Session, issue: Issue, correction: Correction, now: datetime) -> int:
    """How many copies of the issue are still to leave whose readers then get the correction that was mailed."""
    letter = correction.letter
    if letter is None or letter.caught_up_to is None or letter.state is LetterState.CANCELLED:
        return 0
    return _coming(session, issue, correction.made_at, now, letter.segment)


def _coming(session: Session, issue: Issue, corrected_at: datetime, now: datetime, segment: Frozen | None) -> int:
    # No copy of a finished letter is still to leave, and it would take a look at each of them to say so.
    wrong = wrong_letters(session, issue.letter_id or 0, corrected_at)
    ids = [each for each in wrong if session.get_one(Letter, each).state is not LetterState.FINISHED]
    if not ids:
        return 0
    coming = select(func.count()).where(Copy.letter_id.in_(ids), or_(PENDING, SENDING))
    if chosen := segments.frozen_conditions(session, issue.publication, segment, now):
        coming = coming.where(Copy.subscription_id.in_(select(Subscription.id).where(*chosen)))
    return session.scalar(coming) or 0


def mailing_blocker(issue: Issue) -> str:
    """The reason why no correction can be mailed now; empty if one can."""
    letter = issue.letter
    if letter is None or letter.started_at is None:
        return f"“{issue.title}” has not gone out yet."
    if letter.final_counts is not None:
        return f"The record of who got “{issue.title}” has been deleted, so it is not known who got it."
    return ""


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

    Conflict if not, or if they may not mail it, it was mailed already, preflight blocks it, it cannot be mailed now, or
    nobody would get it.
    """
    corrections.lock(session, correction, order.seal)
    if why := refusal(issue, correction, order.person) or mailing_blocker(issue):
        raise Conflict(why)
    composed = corrections.compose_letter(issue, correction, letters.links)
    blocking = [found.message for found in findings(issue, composed, letters.links) if found.level is Level.BLOCKING]
    if blocking:
        raise Conflict(f"The email is not fit to send: {'; '.join(blocking)}.")
    started = publish.send_correction(session, letters, issue, correction, composed.mail, order.segment, now)
    session.get_one(Letter, started.letter_id).caught_up_to = now - _IN_FLIGHT
    if not started.copies and not _coming(session, issue, correction.made_at, now, order.segment):
        raise Conflict(nobody_left(issue, order.segment))
    return started


def nobody_left(issue: Issue, segment: Frozen | None) -> str:
    """The sentence that nobody would get a correction of this issue, of this segment if one is given."""
    of_segment = f" and belongs to the segment “{segment['name']}”" if segment else ""
    return f"Nobody who got “{issue.title}”{of_segment} is still subscribed, so there is nobody to send it to."


def is_behind(session: Session, _now: datetime) -> bool:
    """Whether any correction that was mailed has to look for later readers; reads only."""
    return session.scalar(_behind().limit(1)) is not None


def catch_up(session: Session, now: datetime) -> int:
    """Add a copy of each correction for readers whose copy of the issue has left since it was mailed; how many.

    At most a group of each; so it is called until there are none. Safe with two workers, and if cut short.
    """
    added = 0
    for letter in session.scalars(_behind()).all():
        with set_aside("a correction for later readers", letter.id), session.begin_nested():
            more = _add_later(session, letter, now)
            if more < _GROUP:
                letter.caught_up_to = now - _IN_FLIGHT
            added += more
    return added


def _behind() -> Select[Letter]:
    """The letters of corrections whose issue is going out, or ended after its readers were last looked for."""
    wrong, digest, own = aliased(Letter), aliased(Issue), aliased(Issue)
    digests = select(digest.letter_id).join(DigestEntry, DigestEntry.digest_id == digest.id)
    digests = digests.join(own, own.id == DigestEntry.issue_id).where(own.letter_id == Letter.corrects_id)
    carries = or_(
        wrong.id == Letter.corrects_id, wrong.repeats_id == Letter.corrects_id, wrong.id.in_(digests.correlate(Letter))
    )
    leaves = or_(wrong.state.in_(UNDER_WAY), wrong.finished_at > Letter.caught_up_to)
    mailed = and_(Letter.caught_up_to.is_not(None), Letter.final_counts.is_(None))
    going = Letter.state.in_((*UNDER_WAY, LetterState.FINISHED))
    return select(Letter).where(mailed, going, exists().where(leaves, carries).correlate(Letter)).order_by(Letter.id)


def _add_later(session: Session, letter: Letter, now: datetime) -> int:
    # From here on an unsubscription waits; it then finds the new copy, and marks it as skipped.
    publications.block_unsubscribes(session, letter.publication_id)
    wanted = Recipients.of_letter(session, letter).conditions(session, now)
    has_one = exists().where(Copy.letter_id == letter.id, Copy.subscription_id == Subscription.id)
    readers = subscribers.active_recipients(letter.publication_id, ~has_one, *wanted).limit(_GROUP)
    return len(repeats.add_copies(session, letter.id, readers, now, None))
