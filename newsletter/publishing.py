"""The street between the rooms: one issue, its readers, and the letter that delivery carries.

Scheduling freezes an issue into a letter; at the hour one worker fans it out, a copy for each reader.
Every move is a compare-and-set on the letter's state, so two workers or two editors cannot make it twice.
"""

import email
import email.policy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import CursorResult, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import roster
from newsletter.config import Settings
from newsletter.delivery import compose, ledger, pacing, partitions
from newsletter.delivery.limits import Hold, Limits
from newsletter.delivery.models import CopyState, Letter, LetterState
from newsletter.editorial import cadence, preflight, render, shelf
from newsletter.editorial.models import Issue, IssueState, Readiness, Revision
from newsletter.editorial.render import Masthead, Rendered
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.links import Links
from newsletter.publications import Publication

log = structlog.get_logger()

_UNSENT = (LetterState.WAITING, LetterState.HELD)
_STARTED = (LetterState.RUNNING, LetterState.PAUSED)
_OPEN = {IssueState.DRAFT, IssueState.READY, IssueState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Started:
    """A letter that went from waiting to running, and how many copies that made."""

    letter_id: int
    copies: int


def rendered(issue: Issue, revision: Revision, links: Links) -> Rendered:
    """An issue's letter, with its merge fields still in."""
    kept = shelf.picture_names(revision)
    masthead = Masthead.of(issue.publication, links)
    return render.issue(shelf.text(issue, revision), masthead, lambda name: links.picture(kept[name]))


def check(issue: Issue, links: Links) -> list[preflight.Finding]:
    """What preflight finds in the newest revision."""
    return _check(issue, rendered(issue, issue.revision, links))


def blocking(issue: Issue, links: Links) -> list[preflight.Finding]:
    """What stops the newest revision from being printed."""
    return _blocking(check(issue, links))


def is_open(issue: Issue) -> bool:
    """Whether nothing of it waits or is out: a draft, a ready one, or one that was cancelled before it began."""
    has_begun = issue.letter is not None and issue.letter.started_at is not None
    return shelf.state(issue) in _OPEN and not has_begun


def can_be_scheduled(issue: Issue) -> bool:
    """Whether it may be scheduled or sent: ready, or cancelled before it began. A draft goes to nobody."""
    return is_open(issue) and shelf.state(issue) is not IssueState.DRAFT


def require_schedulable(issue: Issue, links: Links) -> Rendered:
    """The mail of an issue that may be scheduled or sent; Conflict, saying what to do first, for any other."""
    _require_open(issue)
    mail = _require_fit(issue, links)
    if not can_be_scheduled(issue):
        mark = f"mark it ready at the desk first, or with `newsletter issues ready {issue.slug}`"
        raise Conflict(f"{issue.slug} is a draft; {mark}")
    return mail


def mark_ready(issue: Issue, links: Links) -> None:
    """Say that an issue may go out; Conflict, with the findings, if something blocks it."""
    _require_open(issue)
    _require_fit(issue, links)
    shelf.mark(issue, Readiness.READY)


def draft_letter(issue: Issue, links: Links, now: datetime, *, sender: str | None = None) -> Letter:
    """The letter that scheduling would freeze the newest revision into; it is in no store."""
    return _letter(issue, rendered(issue, issue.revision, links), links, now, now, sender)


def proof(issue: Issue, links: Links, now: datetime, *, sender: str | None = None) -> dict[str, bytes]:
    """`issue.eml` as a sample reader would get it now, and the `issue.html` and `issue.txt` in it."""
    letter = draft_letter(issue, links, now, sender=sender)
    sample = ledger.Claimed(0, 0, 0, "ada@reader.example", "Ada", 0)
    eml = compose.compile(letter, links).message(sample, now)
    message = email.message_from_bytes(eml, policy=email.policy.default)
    text, html = (part.get_content().replace("\r\n", "\n").encode() for part in message.iter_parts())
    return {"issue.html": html, "issue.txt": text, "issue.eml": eml}


def schedule(
    session: Session, links: Links, issue: Issue, at: datetime, now: datetime, *, sender: str | None = None
) -> Letter:
    """Freeze an issue into a letter for that moment; Conflict or Invalid if it cannot go out then.

    `sender` is the address that issues go out with, here and below; None for the publication's own.
    """
    if at < now:
        raise Invalid(f"{cadence.describe(at, issue.publication.time_zone)} has passed; give a moment to come")
    return _freeze(session, links, issue, at, now, sender)


def schedule_next(session: Session, links: Links, issue: Issue, now: datetime, *, sender: str | None = None) -> Letter:
    """Freeze an issue into the first weekly slot that no other issue holds."""
    return _freeze(session, links, issue, next_free_slot(session, issue.publication, now), now, sender)


def send_now(session: Session, links: Links, issue: Issue, now: datetime, *, sender: str | None = None) -> Started:
    """Freeze an issue if need be, and fan it out at once; Conflict if it has begun already."""
    letter = issue.letter
    if letter is None or letter.state not in _UNSENT:
        letter = _freeze(session, links, issue, now, now, sender)
    started = _start(session, letter, _UNSENT, now)
    if started is None:
        raise Conflict(f"{issue.slug} is being sent already")
    return started


def cancel(session: Session, issue: Issue, now: datetime) -> int:
    """Stop an issue: nothing more goes out. How many copies that spared; Conflict if there is nothing to stop."""
    letter = issue.letter
    if letter is None or not _move(session, letter, (*_UNSENT, *_STARTED), LetterState.CANCELLED, finished_at=now):
        raise Conflict(f"{issue.slug} is {shelf.state(issue).value}; there is nothing to cancel")
    return ledger.skip_letter(session, letter.id, "cancelled", now)


def pause(session: Session, issue: Issue) -> None:
    """Claim no more copies until `resume`; Conflict unless the issue is being sent."""
    if issue.letter is None or not _move(session, issue.letter, (LetterState.RUNNING,), LetterState.PAUSED):
        raise Conflict(f"{issue.slug} is {shelf.state(issue).value}; only an issue that is being sent can pause")


def resume(session: Session, issue: Issue) -> None:
    """Go on with a paused issue; Conflict unless it is paused."""
    if issue.letter is None or not _move(session, issue.letter, (LetterState.PAUSED,), LetterState.RUNNING):
        raise Conflict(f"{issue.slug} is {shelf.state(issue).value}; only a paused issue can go on")


def audience_size(session: Session, issue: Issue) -> int:
    """How many readers would get the issue if it went out now."""
    return roster.audience_size(session, issue.publication_id)


def readers(number: int) -> str:
    """`1 confirmed reader`, `12,480 confirmed readers`."""
    return f"{number:,} confirmed reader{'' if number == 1 else 's'}"


def counts(session: Session, issue: Issue) -> ledger.Counts:
    """Where the issue's copies stand; all zero before it has begun."""
    return ledger.counts(session, issue.letter_id or 0)


def held(session: Session, issue: Issue, settings: Settings, now: datetime) -> Hold | None:
    """Why nothing of an issue goes out although it is being sent, and until when; None while it goes."""
    is_going = issue.letter is not None and issue.letter.state is LetterState.RUNNING
    return pacing.held_until(session, Limits.of(settings), now) if is_going else None


def publish_due(session: Session, grace: timedelta, now: datetime) -> list[Started]:
    """Start every letter whose hour has come; hold, and say so, what is later than the grace. Safe on two workers."""
    due = select(Letter).where(Letter.state == LetterState.WAITING, Letter.due_at <= now).order_by(Letter.due_at)
    # What somebody else is just moving is left to them: to wait for it with copies written could be a deadlock.
    free = due.with_for_update(key_share=True, skip_locked=True)
    started = []
    for letter in session.scalars(free).all():
        if now - letter.due_at > grace:
            _hold(session, letter, now)
        elif begun := _start(session, letter, (LetterState.WAITING,), now):
            started.append(begun)
    return started


def next_free_slot(session: Session, publication: Publication, now: datetime) -> datetime:
    """The next weekly slot without an issue; NotFound if the publication has no slot."""
    if publication.slot is None:
        raise NotFound(f"{publication.name} has no weekly slot; give a moment with --at")
    weekly = cadence.WeeklySlot.of(publication.slot)
    waiting = select(Letter.due_at).where(Letter.publication_id == publication.id)
    taken = set(session.scalars(waiting.where(Letter.state == LetterState.WAITING)))
    return next(slot for slot in cadence.slots_after(weekly, now) if slot not in taken)


def _freeze(session: Session, links: Links, issue: Issue, at: datetime, now: datetime, sender: str | None) -> Letter:
    letter = _letter(issue, require_schedulable(issue, links), links, at, now, sender)
    try:
        with session.begin_nested():
            session.add(letter)
            session.flush()
    except IntegrityError:
        when = cadence.describe(at, issue.publication.time_zone)
        raise Conflict(f"another issue waits for {when} already; choose another moment") from None
    _attach(session, issue, letter)
    return letter


def _attach(session: Session, issue: Issue, letter: Letter) -> None:
    # Two editors who schedule one issue at once both got here; the first to change the row keeps it.
    attach = update(Issue).where(Issue.id == issue.id, Issue.letter_id.is_not_distinct_from(issue.letter_id))
    attach = attach.where(Issue.revision_number == issue.revision_number)
    attach = attach.values(letter_id=letter.id, frozen_number=issue.revision_number)
    if session.scalar(attach.returning(Issue.id).execution_options(synchronize_session=False)) is None:
        raise Conflict(f"{issue.slug} was changed or scheduled meanwhile; look again")
    session.expire(issue)


def _require_open(issue: Issue) -> None:
    if is_open(issue):
        return
    now = shelf.state(issue)
    if now is IssueState.CANCELLED:
        raise Conflict(f"{issue.slug} was cancelled after some readers got it; nobody is sent an issue twice")
    unsent = issue.letter and issue.letter.state in _UNSENT
    hint = f"; `newsletter issues cancel {issue.slug}` first" if unsent else ""
    raise Conflict(f"{issue.slug} is {now.value} already{hint}")


def _require_fit(issue: Issue, links: Links) -> Rendered:
    mail = rendered(issue, issue.revision, links)
    if found := _blocking(_check(issue, mail)):
        raise Conflict("\n".join([f"{issue.slug} is not fit to print:", *map(str, found)]))
    return mail


def _check(issue: Issue, mail: Rendered) -> list[preflight.Finding]:
    return preflight.check(shelf.text(issue, issue.revision), mail)


def _blocking(findings: Sequence[preflight.Finding]) -> list[preflight.Finding]:
    return [finding for finding in findings if finding.level is preflight.Level.BLOCKING]


def _letter(issue: Issue, mail: Rendered, links: Links, at: datetime, now: datetime, sender: str | None) -> Letter:
    publication = issue.publication
    own = publication.sender_address
    return Letter(
        publication_id=publication.id,
        due_at=at,
        created_at=now,
        content_hash=content_hash(mail),
        sender_name=publication.sender_name,
        sender_address=sender or own,
        # Who answers an issue reaches the publication, whatever address its issues go out with.
        reply_to=publication.reply_to or (own if sender else None),
        list_id=f"{publication.name} <{publication.slug}.{own.partition('@')[2]}>",
        feedback_id=f"{issue.id}:{publication.id}:issue:{publication.slug[:15].ljust(5, '0')}",
        archive_url=links.archive(issue.slug),
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
    )


def content_hash(mail: Rendered) -> str:
    """What an approval is bound to, and what a letter is known by: SHA-256 over all that a reader sees."""
    seen = f"{mail.subject}\0{mail.html}\0{mail.text}"
    return hashlib.sha256(seen.encode()).hexdigest()


def _start(session: Session, letter: Letter, from_states: Sequence[LetterState], now: datetime) -> Started | None:
    if not _move(session, letter, from_states, LetterState.RUNNING, started_at=now):
        return None
    started = Started(letter.id, _fan_out(session, letter, now))
    log.info("issue started", letter=letter.id, copies=started.copies)
    return started


def _fan_out(session: Session, letter: Letter, now: datetime) -> int:
    """Write a copy for each active, unsuppressed reader: the only statement that touches all three rooms."""
    with partitions.writing(session, letter.id) as copies:
        publications.hold_departures(session, letter.publication_id)
        readers = roster.active(letter.publication_id).add_columns(
            literal(letter.id),
            literal(CopyState.PENDING, copies.c.state.type),
            literal(0),
            literal(now, copies.c.not_before.type),
        )
        columns = ["subscription_id", "address", "name", "letter_id", "state", "attempts", "not_before"]
        fan_out = insert(copies).from_select(columns, readers, include_defaults=False)
        written = session.execute(fan_out, execution_options={"preserve_rowcount": True})
        return cast("CursorResult[Any]", written).rowcount


def _hold(session: Session, letter: Letter, now: datetime) -> None:
    if _move(session, letter, (LetterState.WAITING,), LetterState.HELD):
        late = int((now - letter.due_at).total_seconds() // 60)
        log.warning(
            "issue held: its hour was missed; send it now, or cancel it",
            letter=letter.id,
            minutes_late=late,
        )


def _move(
    session: Session, letter: Letter, from_states: Sequence[LetterState], to: LetterState, **moments: datetime
) -> bool:
    move = update(Letter).where(Letter.id == letter.id, Letter.state.in_(from_states)).values(state=to, **moments)
    moved = session.scalar(move.returning(Letter.id).execution_options(synchronize_session=False))
    session.expire(letter, ["state", *moments])
    return moved is not None
