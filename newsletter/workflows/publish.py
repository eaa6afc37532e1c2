"""Publish an issue: schedule and send it, and start what is due.

Scheduling freezes an issue into a letter; at its time one worker fans it out, a copy for each reader.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import ColumnElement, CursorResult, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import delivery_hours, paces, preferences, subscribers
from newsletter.audience.delivery_hours import HourStart
from newsletter.audience.models import Pace
from newsletter.audience.segments.store import Frozen
from newsletter.delivery.ledger import new_copies, partitions, repeats
from newsletter.delivery.models import NOT_BEGUN, Letter, LetterState
from newsletter.delivery.reports import clicks
from newsletter.delivery.workers.context import set_aside
from newsletter.editorial.issues import approvals, archive_index, digests, issue_store
from newsletter.editorial.models import Correction, Issue, IssueKind, SlotStep
from newsletter.editorial.rendering.render import Rendered
from newsletter.editorial.schedule import queue, slot_claims
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.i18n import formats
from newsletter.workflows import build_letter, issue_readiness
from newsletter.workflows.build_letter import LetterSettings
from newsletter.workflows.calendar import Calendar
from newsletter.workflows.halt_issue import move_letter
from newsletter.workflows.prepare_issue import PreparedIssue
from newsletter.workflows.recipients import Recipients

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Started:
    """A letter that was started, and the number of its copies."""

    letter_id: int
    copies: int


def schedule(session: Session, letters: LetterSettings, issue: Issue, at: datetime, now: datetime) -> Letter:
    """Freeze an issue into a letter due at `at`; Conflict or Invalid if it cannot go out then."""
    digests.require_issue(issue)
    _require_future(issue, at, now)
    letter = _freeze(session, letters, issue, at, now)
    _require_unclaimed(session, issue, at)
    return letter


def reschedule(session: Session, letters: LetterSettings, issue: Issue, at: datetime, now: datetime) -> Letter:
    """Move a scheduled or held issue to another time, frozen as it is; Conflict or Invalid if it cannot go out then."""
    _require_future(issue, at, now)
    letter = issue.letter
    if letter is not None and letter.state in NOT_BEGUN:
        issue_readiness.require_approved(issue, issue_readiness.approvable_content(issue, letters.links))
    try:
        with session.begin_nested():
            is_moved = letter is not None and move_letter(session, letter, NOT_BEGUN, LetterState.WAITING, due_at=at)
    except IntegrityError:
        raise _taken(issue, at) from None
    if letter is None or not is_moved:
        raise Conflict(
            f"“{issue.title}” is {issue_store.state(issue).phrase}; only an issue that is scheduled can be moved"
        )
    _require_unclaimed(session, issue, at)
    return letter


def freeze_queued(session: Session, letters: LetterSettings, issue: Issue, at: datetime, now: datetime) -> Letter:
    """Freeze a queued issue for a slot, whose time may have passed; Conflict if it cannot go out."""
    if not queue.is_ready(issue):
        raise Conflict(f"“{issue.title}” is {issue_store.state(issue).phrase}, not ready")
    return _freeze(session, letters, issue, at, now)


def schedule_next(
    session: Session, letters: LetterSettings, issue: Issue, now: datetime, *, grace: timedelta
) -> Letter:
    """Freeze an issue for the first free weekly slot, or the one that its queue position gives it.

    `grace` is how late a missed slot is still filled, which takes an issue from the queue.
    """
    digests.require_issue(issue)
    at = Calendar(session, letters.links, issue.publication, now, grace).place(issue)
    if at is None:
        raise NotFound(f"{issue.publication.name} has no weekly slot; give a time with --at")
    return _freeze(session, letters, issue, at, now)


def send_now(session: Session, letters: LetterSettings, issue: Issue, now: datetime) -> Started:
    """Freeze an issue if need be, and fan it out at once; Conflict if it has begun already."""
    if issue.kind is IssueKind.DIGEST:
        return send_digest(session, letters, issue, now, now)
    letter = issue.letter
    if letter is None or letter.state not in NOT_BEGUN:
        letter = _freeze(session, letters, issue, now, now)
    else:
        issue_readiness.require_approved(issue, issue_readiness.approvable_content(issue, letters.links))
    started = _start(session, letter, NOT_BEGUN, now, now)
    if started is None:
        raise Conflict(f"“{issue.title}” is already being sent")
    return started


def send_digest(session: Session, letters: LetterSettings, digest: Issue, at: datetime, now: datetime) -> Started:
    """Fan a digest out at once, in the slot at `at`; Conflict if it may not go out or has begun already.

    It lists every issue that has begun. From then on, readers have the pace that they have chosen.
    """
    # An issue that begins meanwhile has begun as a whole before this, or begins after it, for readers as they are then.
    publications.block_unsubscribes(session, digest.publication_id)
    digests.write_digest(session, digest.publication, letters.links, now)
    letter = _freeze(session, letters, digest, at, now)
    started = _start(session, letter, NOT_BEGUN, now, slot=at)
    if started is None:
        raise Conflict(f"“{digest.title}” is already being sent")
    paces.change_due(session, digest.publication)
    return started


def unschedule(session: Session, issue: Issue, now: datetime) -> datetime:
    """Make a scheduled issue ready again; returns the time it had. Conflict once it has begun."""
    letter = issue.letter
    if letter is None or not move_letter(session, letter, NOT_BEGUN, LetterState.CANCELLED, finished_at=now):
        raise Conflict(
            f"“{issue.title}” is {issue_store.state(issue).phrase}; "
            "only an issue that is still scheduled can be unscheduled"
        )
    detach = update(Issue).where(Issue.id == issue.id, Issue.letter_id == letter.id)
    session.execute(detach.values(letter_id=None, frozen_number=None).execution_options(synchronize_session=False))
    session.expire(issue)
    return letter.due_at


def send_correction(
    session: Session,
    letters: LetterSettings,
    issue: Issue,
    correction: Correction,
    mail: Rendered,
    segment: Frozen | None,
    now: datetime,
) -> Started:
    """Send this mail at once to everyone who got the issue or may have; of a segment if one is given."""
    letter = build_letter.new_letter(issue, mail, letters, now, "correction")
    letter.corrects_id, letter.state = issue.letter_id, LetterState.HELD
    letter.segment = dict(segment) if segment else None
    session.add(letter)
    session.flush()
    correction.letter_id = letter.id
    session.flush()
    if issue.publication.counts_clicks:
        clicks.track_links(session, letter, letters.links)
    started = _start(session, letter, NOT_BEGUN, now)
    if started is None:
        raise Conflict(f"the correction of “{issue.title}” has been started by somebody else")
    return started


def is_any_due(session: Session, now: datetime) -> bool:
    """Whether any scheduled letter is due; reads only."""
    waiting = select(Letter.id).where(Letter.state == LetterState.WAITING, Letter.due_at <= now)
    return session.scalar(waiting.limit(1)) is not None


def publish_due(session: Session, grace: timedelta, now: datetime) -> list[Started]:
    """Start every due letter; hold those that are too late, not approved, or whose segment cannot be resolved.

    Safe with two workers.
    """
    due = select(Letter).where(Letter.state == LetterState.WAITING, Letter.due_at <= now).order_by(Letter.due_at)
    # Skip letters that another transaction has locked: waiting for them after writing copies could deadlock.
    free = due.with_for_update(key_share=True, skip_locked=True)
    started = []
    for letter in session.scalars(free).all():
        # One that fails is tried again until its grace is over.
        with set_aside("the start of an issue", letter.id), session.begin_nested():
            if now - letter.due_at <= grace and (begun := _start_unless_invalid(session, letter, now)):
                started.append(begun)
            else:
                _hold_for_a_person(session, letter, now)
    return started


def _freeze(session: Session, letters: LetterSettings, issue: Issue, at: datetime, now: datetime) -> Letter:
    # From here on nobody can withdraw an approval or save another text until this transaction ends.
    issue_store.lock(session, issue)
    prepared = issue_readiness.require_schedulable(issue, letters.links)
    letter = build_letter.new_letter(issue, prepared.mail, letters, now)
    letter.due_at = at
    letter.segment = build_letter.segment_of(issue)
    letter.audience_hash = build_letter.hash_of_segment(letter.segment)
    letter.topics = build_letter.topics_among(issue, prepared.source)
    Recipients.of_issue(session, issue).conditions(session, now)  # Invalid if its segment cannot be resolved
    if issue.kind is IssueKind.DIGEST:
        # Never waiting, because the slot's issue may be; it begins in this transaction.
        letter.state = LetterState.HELD
    try:
        with session.begin_nested():
            session.add(letter)
            session.flush()
            if issue.publication.counts_clicks:
                clicks.track_links(session, letter, letters.links)
    except IntegrityError:
        raise _taken(issue, at) from None
    attach_letter(session, issue, letter, prepared)
    return letter


def _taken(issue: Issue, at: datetime) -> Conflict:
    when = formats.moment(at, issue.publication.time_zone)
    return Conflict(f"another issue is already scheduled for {when}; choose another time")


def _require_future(issue: Issue, at: datetime, now: datetime) -> None:
    if at < now:
        raise Invalid(f"{formats.moment(at, issue.publication.time_zone)} has passed; give a time in the future")


def _require_unclaimed(session: Session, issue: Issue, at: datetime) -> None:
    # Checked last: a worker that is filling that slot from the queue has committed before our letter could be stored.
    if slot_claims.is_claimed(session, issue.publication_id, at, SlotStep.HOUR):
        raise Conflict("that time is over: its slot has just been dealt with; choose another time")


def attach_letter(session: Session, issue: Issue, letter: Letter, prepared: PreparedIssue) -> None:
    """Make a letter the issue's own, of its newest revision; Conflict if the issue has changed meanwhile."""
    # Two editors who schedule one issue at once both get here; the first to change the row wins.
    attach = update(Issue).where(Issue.id == issue.id, Issue.letter_id.is_not_distinct_from(issue.letter_id))
    # Neither the text nor the readiness may have changed meanwhile.
    attach = attach.where(Issue.revision_number == issue.revision_number, Issue.readiness == issue.readiness)
    attach = attach.values(letter_id=letter.id, frozen_number=issue.revision_number)
    if session.scalar(attach.returning(Issue.id).execution_options(synchronize_session=False)) is None:
        raise Conflict(f"“{issue.title}” has been changed or scheduled; look at it again")
    queue.remove(session, issue.id)
    session.expire(issue)
    archive_index.record(session, issue, prepared.source)


def _start_unless_invalid(session: Session, letter: Letter, now: datetime) -> Started | None:
    try:
        return _start(session, letter, (LetterState.WAITING,), now, letter.due_at)
    except Invalid as error:
        log.warning("an issue's segment cannot be told", letter=letter.id, reason=str(error))
        return None


def _start(
    session: Session, letter: Letter, from_states: Sequence[LetterState], now: datetime, slot: datetime | None = None
) -> Started | None:
    """Begin to send; each reader's delivery hour is counted from the slot. Without one, nobody's is waited for."""
    recipients = Recipients.of_letter(session, letter)
    conditions = recipients.conditions(session, now)
    if not move_letter(session, letter, from_states, LetterState.RUNNING, approvals.may_start(), started_at=now):
        return None
    if recipients.pace is Pace.EACH:
        digests.note_issue(session, letter)
    # Whose pause is over gets this issue, even if no worker ran since to say so.
    while preferences.end_due_pauses(session, now):
        pass
    starts = delivery_hours.hour_starts(session, recipients.publication, slot, now) if slot else []
    started = Started(letter.id, _fan_out(session, letter, conditions, starts, now))
    if letter.corrects_id is None:
        # Nobody gets an issue and one of the welcome series on the same day.
        repeats.delay_copies(session, letter.publication_id, now)
    log.info("issue started", letter=letter.id, copies=started.copies)
    return started


def _fan_out(
    session: Session,
    letter: Letter,
    conditions: Sequence[ColumnElement[bool]],
    starts: Sequence[HourStart],
    now: datetime,
) -> int:
    """The one INSERT … SELECT from subscriptions into copies; returns how many it wrote.

    A copy for each active reader who is not suppressed and meets these conditions.
    """
    with partitions.writing(session, letter.id) as copies:
        publications.block_unsubscribes(session, letter.publication_id)
        wished_at = delivery_hours.wished_at(session.connection().dialect, starts) if starts else None
        readers = subscribers.active_recipients(letter.publication_id, *conditions)
        fan_out = new_copies.adding(copies, letter.id, readers, now, wished_at)
        written = session.execute(fan_out, execution_options={"preserve_rowcount": True})
        return cast("CursorResult[Any]", written).rowcount


def _hold_for_a_person(session: Session, letter: Letter, now: datetime) -> None:
    """Hold a letter that could not start, until a person decides; does nothing if another worker started it."""
    if move_letter(session, letter, (LetterState.WAITING,), LetterState.HELD):
        late = int((now - letter.due_at).total_seconds() // 60)
        log.warning(
            "issue held: it was due too long ago, or nobody had approved it; send it now, or cancel it",
            letter=letter.id,
            minutes_late=late,
        )
