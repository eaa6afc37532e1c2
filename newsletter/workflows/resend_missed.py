"""Resend an issue to readers it did not reach: refused through our own fault, given up, or stopped.

Each copy keeps its row and so its Message-ID, and no reader gets two. Readers who got it or may have got it are never
included, nor are those who are no longer subscribed. Readers who joined since are included only on request.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Any, cast

import structlog
from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from newsletter import publications
from newsletter.audience import subscribers, topics
from newsletter.audience.models import Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.store import Frozen
from newsletter.db import Sessions, read_in_parallel
from newsletter.delivery import stopping
from newsletter.delivery.ledger import doubts, new_copies, partitions, repeats
from newsletter.delivery.ledger.outcomes import CANCELLED
from newsletter.delivery.models import REPORTED, Copy, CopyNote, CopyState, Letter, LetterState, Note
from newsletter.delivery.smtp import refusals
from newsletter.delivery.smtp.replies import Reply
from newsletter.editorial.imported import posts
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict
from newsletter.prepared import encode_rows, rows
from newsletter.publications import Publication
from newsletter.workflows import halt_issue
from newsletter.workflows.recipients import Recipients, not_by_digest

DAYS = 30
"""For how many days after an issue went out it may be sent to readers who joined since."""

_GROUP = 5_000
_MANY = 50_000
_MISSED = (CopyState.REFUSED, CopyState.FAILED, CopyState.SKIPPED)
_ROWS = cast("Table", Copy.__table__)
# It was in doubt before it was tried again, and refused, given up or stopped only then.
_MAY_BE_HAD = exists().where(CopyNote.copy_id == Copy.id, CopyNote.kind == Note.RESENT)
_NOT_HAD = (REPORTED, ~_MAY_BE_HAD)

log = structlog.get_logger(__name__)


class Fate(StrEnum):
    """Why a copy did not reach its reader."""

    REFUSED = "refused"
    """Servers refused it because of our reputation, policy or content."""
    FAILED = "failed"
    """It was given up."""
    STOPPED = "stopped"
    """A person stopped the rest."""


@dataclass(frozen=True, slots=True)
class Missed:
    """The readers who missed an issue and could be sent it now."""

    refused: int
    failed: int
    stopped: int
    joined: int
    """Readers who joined since; counted in `copies` only if they were requested."""
    spared: int
    """Readers who missed it, but have unsubscribed, paused, been suppressed, or chosen the digest or other topics."""
    with_joined: bool = False

    @property
    def copies(self) -> int:
        """How many copies would be sent."""
        return self.refused + self.failed + self.stopped + (self.joined if self.with_joined else 0)


def find_missed(
    session: Session, issue: Issue, now: datetime, *, joined: bool = False, segment: Frozen | None = None
) -> Missed:
    """The readers, of this segment (`segments.freeze`) if one is given, who would be sent it now.

    Conflict, saying why, if it cannot be sent to anybody.
    """
    letter = _require_resendable(session, issue, now, joined=joined)
    counting = (partial(each, letter_id=letter.id, segment=segment, now=now) for each in (_count_missed, _count_joined))
    # Who joined since is counted while Python judges what servers said.
    missed, since = read_in_parallel(session, list(counting))
    return Missed(**missed, **since, with_joined=joined)


def resend(
    session: Session, issue: Issue, now: datetime, *, joined: bool = False, segment: Frozen | None = None
) -> int:
    """Requeue the first copies; `resend_rest` does the rest. Conflict if it cannot be sent, or nobody missed it."""
    letter = _require_resendable(session, issue, now, joined=joined)
    _hold(session, letter)
    ids = _groups(lambda: nullcontext(session), letter.id)
    groups = (_let_wait(session, letter, group=each, segment=segment, now=now) for each in ids)
    count = next(filter(None, groups), 0) or (_add_joined(session, letter, segment=segment, now=now) if joined else 0)
    if not count:
        raise Conflict(f"nobody who is subscribed now has missed “{issue.title}”, so there is nobody to send it to")
    halt_issue.reopen_letter(session, letter)
    log.info("issue sent to those who missed it", letter=letter.id)
    return count


def resend_rest(
    sessions: Sessions, letter_id: int, now: datetime, *, joined: bool = False, segment: Frozen | None = None
) -> None:
    """Requeue the remaining copies in groups, and commit each; if interrupted, `resend` can be called again."""
    for group in _groups(sessions.reading, letter_id):
        with sessions.in_turn() as session:
            if _goes_on(session, letter_id, partial(_let_wait, group=group, segment=segment), now) is None:
                return
    while joined:
        with sessions.in_turn() as session:
            joined = bool(_goes_on(session, letter_id, partial(_add_joined, segment=segment), now))


def _require_resendable(session: Session, issue: Issue, now: datetime, *, joined: bool) -> Letter:
    letter = issue.letter
    if letter is None or letter.started_at is None:
        raise Conflict(
            f"“{issue.title}” is {issue_store.state(issue)}: it never went out from here, so nobody has missed it"
        )
    posts.require_own(session, issue)
    if letter.final_counts is not None:
        raise Conflict(f"the record of who got “{issue.title}” has been deleted, so it is not known who got it")
    if stopping.is_unfinished(session, letter):
        raise Conflict(f"“{issue.title}” is being stopped right now; try again in a minute")
    if joined and not _is_recent(letter, now):
        raise Conflict(
            f"“{issue.title}” went out more than {DAYS} days ago, so it is not sent to those who joined since"
        )
    return letter


def _hold(session: Session, letter: Letter) -> None:
    # An unsubscribe from here on waits, and then finds the copy and skips it.
    publications.block_unsubscribes(session, letter.publication_id)
    doubts.lock_state(session, letter.id)
    session.refresh(letter)


def _goes_on(session: Session, letter_id: int, move: Callable[..., int], now: datetime) -> int | None:
    """How many copies were requeued; None if the letter was stopped meanwhile."""
    letter = session.get_one(Letter, letter_id)
    _hold(session, letter)
    if letter.state is LetterState.CANCELLED:
        return None
    count = move(session, letter, now=now)
    if count and letter.state is LetterState.FINISHED:
        halt_issue.reopen_letter(session, letter)
    return count


def _is_recent(letter: Letter, now: datetime) -> bool:
    return letter.started_at is not None and now - letter.started_at <= timedelta(days=DAYS)


def _count_missed(session: Session, letter_id: int, segment: Frozen | None, now: datetime) -> dict[str, int]:
    """How many missed it by each fate and would be sent it now, and how many would not."""
    letter, fate = session.get_one(Letter, letter_id), _fate(_refused_before(session, letter_id))
    mine = select(fate, func.count()).where(Copy.letter_id == letter_id, Copy.state.in_(_MISSED), *_NOT_HAD)
    mine = mine.where(fate.is_not(None)).group_by(fate)
    if chosen := _chosen(session, letter, segment, now):
        mine = mine.where(Copy.subscription_id.in_(select(Subscription.id).where(*chosen)))
    every = dict(session.execute(mine).all())
    still = subscribers.active_recipients(letter.publication_id, *_wanting(session, letter)).subquery("readers")
    found = dict(session.execute(mine.join(still, still.c.subscription_id == Copy.subscription_id)).all())
    spared = sum(every.values()) - sum(found.values())
    return {each.value: found.get(each.value, 0) for each in Fate} | {"spared": spared}


def _fate(refused_before: ColumnElement[bool]) -> ColumnElement[str | None]:
    # A refused copy has a reason only if it was about us; once its reader leaves, the reason for that stands there.
    about_us = and_(Copy.state == CopyState.REFUSED, or_(Copy.reason.is_not(None), refused_before))
    stopped = and_(Copy.state == CopyState.SKIPPED, Copy.reason == CANCELLED)
    return case(
        (about_us, literal(Fate.REFUSED.value)),
        (Copy.state == CopyState.FAILED, literal(Fate.FAILED.value)),
        (stopped, literal(Fate.STOPPED.value)),
    )


def _refused_before(session: Session, letter_id: int) -> ColumnElement[bool]:
    """Copies refused in plain words about us before that was recorded as their reason."""
    unmarked = select(Copy.id, Copy.code, Copy.reply).where(Copy.letter_id == letter_id, REPORTED)
    unmarked = unmarked.where(Copy.state == CopyState.REFUSED, Copy.reason.is_(None))
    ids = [(copy_id,) for copy_id, code, reply in session.execute(unmarked) if _is_plainly_about_us(code, reply)]
    moved = rows(session, id=_ROWS.c.id.type)
    return Copy.id.in_(select(moved.c.id).params(rows=encode_rows(ids)))


def _groups(look: Callable[[], AbstractContextManager[Session]], letter_id: int) -> Iterator[Sequence[int]]:
    """The ids of missed copies, in groups."""
    ids = _missed(look, letter_id)
    while group := list(islice(ids, _GROUP)):
        yield group


def _missed(look: Callable[[], AbstractContextManager[Session]], letter_id: int) -> Iterator[int]:
    for state in _MISSED:
        some = select(Copy.id, Copy.reason, Copy.code, Copy.reply).order_by(Copy.id).limit(_GROUP)
        some, last = some.where(Copy.letter_id == letter_id, Copy.state == state, *_NOT_HAD), 0
        while True:
            with look() as session:
                found = session.execute(some.where(Copy.id > last)).all()
            if not found:
                break
            last = found[-1].id
            yield from (each.id for each in found if _was_missed(state, each.reason, each.code, each.reply))


def _was_missed(state: CopyState, reason: str | None, code: int | None, reply: str | None) -> bool:
    if state is CopyState.SKIPPED:
        return reason == CANCELLED
    return state is CopyState.FAILED or reason is not None or _is_plainly_about_us(code, reply)


def _is_plainly_about_us(code: int | None, reply: str | None) -> bool:
    return bool(code) and bool(refusals.is_plainly_ours(Reply(code or 0, (reply or "",))))


def _let_wait(session: Session, letter: Letter, *, group: Sequence[int], segment: Frozen | None, now: datetime) -> int:
    if not group:
        return 0
    mine = rows(session, id=_ROWS.c.id.type)
    these = _ROWS.c.letter_id == letter.id, _ROWS.c.id.in_(select(mine.c.id))
    missed = Subscription.id.in_(select(_ROWS.c.subscription_id).where(*these))
    chosen = *_wanting(session, letter), *_chosen(session, letter, segment, now)
    still = subscribers.active_recipients(letter.publication_id, missed, *chosen).subquery("readers")
    cleared = ("worker", "lease_until", "begun_at", "ended_at", "reservation", "reason", "code", "status", "reply")
    # Their delivery hour is not waited for once more: they are late already.
    values: dict[str, Any] = dict.fromkeys(cleared) | {"state": CopyState.PENDING, "attempts": 0, "not_before": now}
    values["wished_at"] = None
    # To the reader's current address, which may have changed.
    values |= {name: still.c[name] for name in ("address", "name", "since", "source")}
    requeue = update(_ROWS).where(
        *these, _ROWS.c.state.in_(_MISSED), _ROWS.c.subscription_id == still.c.subscription_id
    )
    parameters = {"rows": encode_rows((copy_id,) for copy_id in group)}
    return len(session.connection().execute(requeue.values(values).returning(_ROWS.c.id), parameters).all())


def _chosen(session: Session, letter: Letter, segment: Frozen | None, now: datetime) -> tuple[ColumnElement[bool], ...]:
    publication = session.get_one(Publication, letter.publication_id)
    return segments.frozen_conditions(session, publication, segment, now)


def _wanting(session: Session, letter: Letter) -> tuple[ColumnElement[bool], ...]:
    """What a subscription has to meet to be sent the issue now: one of its topics is on, and it is in no digest."""
    publication = session.get_one(Publication, letter.publication_id)
    return (*topics.wants_any(session, letter.topics), *not_by_digest(session, publication, letter.id))


def _count_joined(session: Session, letter_id: int, segment: Frozen | None, now: datetime) -> dict[str, int]:
    """How many readers joined since and would be sent it now: none if it went out too long ago."""
    letter = session.get_one(Letter, letter_id)
    if not _is_recent(letter, now):
        return {"joined": 0}
    every = sum(session.scalar(select(func.count()).select_from(some.subquery())) or 0 for some in _new(letter))
    if every <= _MANY or segment or not Recipients.of_letter(session, letter).is_everybody:
        joined = _joined(session, letter, segment, now)
        return {"joined": session.scalar(select(func.count()).select_from(joined.subquery())) or 0}
    since = func.coalesce(Subscription.confirmed_at, Subscription.created_at) > letter.started_at
    served = _joined_served(session, letter, every).where(since)
    not_sent = (
        lambda each: each.scalar(select(func.count()).select_from(served.subquery())) or 0,
        lambda each: subscribers.suppressed_count(each, letter.publication_id, since),
    )
    # Each is read as of a moment of its own, so one who was suppressed may have been served by the next one.
    return {"joined": max(0, every - sum(read_in_parallel(session, not_sent)))}


def _joined_served(session: Session, letter: Letter, every: int) -> Select[int, str, str, datetime | None, str | None]:
    """The readers who have a copy, to be narrowed to those who joined since.

    They are looked up by the copies, or by the new readers if those are fewer.
    """
    theirs = Copy.letter_id.in_(repeats.with_repeats(session, letter.id))
    if (session.scalar(select(func.count()).where(theirs)) or 0) < every:
        return subscribers.active_recipients(
            letter.publication_id, Subscription.id.in_(select(Copy.subscription_id).where(theirs))
        )
    has_one = exists().where(theirs, Copy.subscription_id == Subscription.id)
    return subscribers.active_recipients(letter.publication_id, Subscription.id.in_(union_all(*_new(letter))), has_one)


def _joined(
    session: Session, letter: Letter, segment: Frozen | None, now: datetime
) -> Select[int, str, str, datetime | None, str | None]:
    ids = repeats.with_repeats(session, letter.id)
    has_one = exists().where(Copy.letter_id.in_(ids), Copy.subscription_id == Subscription.id)
    # Readers who joined since must be among those that the letter itself goes to, too.
    own = Recipients.of_letter(session, letter).conditions(session, now)
    own += not_by_digest(session, session.get_one(Publication, letter.publication_id), letter.id)
    chosen = *own, *_chosen(session, letter, segment, now)
    return subscribers.active_recipients(
        letter.publication_id, Subscription.id.in_(union_all(*_new(letter))), ~has_one, *chosen
    )


def _new(letter: Letter) -> tuple[Select[int], Select[int]]:
    """The subscriptions active since the letter went out, in two selects, so that each can use an index."""
    ours = select(Subscription.id).where(Subscription.publication_id == letter.publication_id, subscribers.ACTIVE)
    confirmed = ours.where(Subscription.confirmed_at > letter.started_at)
    moved = ours.where(Subscription.confirmed_at.is_(None), Subscription.created_at > letter.started_at)
    return confirmed, moved


def _add_joined(session: Session, letter: Letter, *, segment: Frozen | None, now: datetime) -> int:
    copies = partitions.table_of(session.connection().dialect, letter.id)
    readers = _joined(session, letter, segment, now).limit(_GROUP)
    added = new_copies.adding(copies, letter.id, readers, now)
    return session.connection().execute(added, execution_options={"preserve_rowcount": True}).rowcount
