"""Missed: an issue sent after all to those whom it did not reach: refused for our fault, given up, or stopped.

Each copy stays the row that it was, so it bears the Message-ID that it bore, and no reader has two. Who got it, or
may have got it, is never among them, and nobody who does not read now. Whoever joined since is another matter, and
asked for by itself.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

import structlog
from sqlalchemy import ColumnElement, Select, Table, and_, case, exists, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from newsletter import publications, publishing
from newsletter.audience import roster
from newsletter.audience.models import Subscription
from newsletter.db import rows
from newsletter.delivery import doubts, partitions, refusals
from newsletter.delivery.models import Copy, CopyState, Letter
from newsletter.delivery.outcomes import ABOUT_US, CANCELLED
from newsletter.delivery.progress import TOLD
from newsletter.delivery.replies import Reply
from newsletter.editorial import shelf
from newsletter.editorial.models import Issue
from newsletter.errors import Conflict

DAYS = 30
"""So long after an issue went out it may be sent to those who joined since."""

_ROWS = cast("Table", Copy.__table__)

log = structlog.get_logger(__name__)


class Fate(StrEnum):
    """Why a copy did not reach its reader."""

    REFUSED = "refused"
    """Servers refused it for what we are or send."""
    FAILED = "failed"
    """It was given up."""
    STOPPED = "stopped"
    """A person stopped the rest."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Who missed an issue, and could be sent it now."""

    refused: int
    failed: int
    stopped: int
    joined: int
    """Those who joined since; none of them is counted among the copies unless it was asked for."""
    spared: int
    """Those who missed it, and have left or were suppressed since."""
    with_joined: bool = False

    @property
    def copies(self) -> int:
        """How many that sends."""
        return self.refused + self.failed + self.stopped + (self.joined if self.with_joined else 0)


def look(session: Session, issue: Issue, now: datetime, *, joined: bool = False) -> Missed:
    """Who would be sent it now; Conflict, saying why, where nobody can be."""
    letter = _gone_out(issue)
    if joined and not _is_recent(letter, now):
        raise Conflict(
            f"“{issue.title}” went out more than {DAYS} days ago, so it is not sent to those who joined since"
        )
    fate = _fate(_refused_before(session, letter.id))
    mine = select(fate, func.count()).where(Copy.letter_id == letter.id, TOLD, fate.is_not(None)).group_by(fate)
    every = dict(session.execute(mine).all())
    still = roster.active(letter.publication_id).subquery("readers")
    found = dict(session.execute(mine.join(still, still.c.subscription_id == Copy.subscription_id)).all())
    counts = {one.value: found.get(one.value, 0) for one in Fate}
    since = (
        session.scalar(select(func.count()).select_from(_joined(letter).subquery())) if _is_recent(letter, now) else 0
    )
    return Missed(**counts, joined=since or 0, spared=sum(every.values()) - sum(found.values()), with_joined=joined)


def send(session: Session, issue: Issue, now: datetime, *, joined: bool = False) -> Missed:
    """Have it sent to them; Conflict where nobody can be, or nobody missed it."""
    letter = _gone_out(issue)
    # Whoever leaves from here on waits, and then finds the copy among those to skip.
    publications.hold_departures(session, letter.publication_id)
    doubts.hold(session, letter.id)
    session.refresh(letter)
    missed = look(session, issue, now, joined=joined)
    if not missed.copies:
        raise Conflict(f"nobody who reads now has missed “{issue.title}”, so there is nobody to send it to")
    _let_wait(session, letter, now)
    if joined:
        _add_joined(session, letter, now)
    publishing.reopen_letter(session, letter)
    log.info("issue sent to those who missed it", letter=letter.id, copies=missed.copies)
    return missed


def _gone_out(issue: Issue) -> Letter:
    letter = issue.letter
    if letter is None or letter.started_at is None:
        raise Conflict(f"“{issue.title}” is {shelf.state(issue)}: it never went out from here, so nobody has missed it")
    if letter.final_counts is not None:
        raise Conflict(f"the record of who got “{issue.title}” was dropped, so nobody can be told apart any more")
    return letter


def _is_recent(letter: Letter, now: datetime) -> bool:
    return letter.started_at is not None and now - letter.started_at <= timedelta(days=DAYS)


def _fate(refused_before: ColumnElement[bool]) -> ColumnElement[str | None]:
    about_us = and_(Copy.state == CopyState.REFUSED, or_(Copy.reason == ABOUT_US, refused_before))
    stopped = and_(Copy.state == CopyState.SKIPPED, Copy.reason == CANCELLED)
    return case(
        (about_us, literal(Fate.REFUSED.value)),
        (Copy.state == CopyState.FAILED, literal(Fate.FAILED.value)),
        (stopped, literal(Fate.STOPPED.value)),
    )


def _refused_before(session: Session, letter_id: int) -> ColumnElement[bool]:
    """Those that were refused before it was noted for whose fault, or whose reader had left for a while."""
    unmarked = select(Copy.id, Copy.code, Copy.reply).where(Copy.letter_id == letter_id, TOLD)
    unmarked = unmarked.where(Copy.state == CopyState.REFUSED, Copy.reason.is_distinct_from(ABOUT_US))
    ids = [
        {"id": copy_id}
        for copy_id, code, reply in session.execute(unmarked)
        if code and refusals.about_us(Reply(code, (reply or "",)))
    ]
    moved = rows(session.get_bind().dialect.name, id=_ROWS.c.id.type)
    return Copy.id.in_(select(moved.c.id).params(rows=json.dumps(ids)))


def _let_wait(session: Session, letter: Letter, now: datetime) -> None:
    still = roster.active(letter.publication_id).subquery("readers")
    theirs = _fate(_refused_before(session, letter.id)).is_not(None)
    cleared = ("worker", "lease_until", "begun_at", "ended_at", "reservation", "reason", "code", "status", "reply")
    values: dict[str, Any] = dict.fromkeys(cleared) | {"state": CopyState.PENDING, "attempts": 0, "not_before": now}
    # At the address where they read now, which need not be that of then.
    values |= {name: still.c[name] for name in ("address", "name", "since", "source")}
    again = update(Copy).where(
        Copy.letter_id == letter.id, TOLD, theirs, Copy.subscription_id == still.c.subscription_id
    )
    session.execute(again.values(values), execution_options={"synchronize_session": False})


def _joined(letter: Letter) -> Select[int, str, str, datetime | None, str | None]:
    theirs = exists().where(Copy.letter_id == letter.id, Copy.subscription_id == Subscription.id)
    since = func.coalesce(Subscription.confirmed_at, Subscription.created_at) > letter.started_at
    return roster.active(letter.publication_id).where(since, ~theirs)


def _add_joined(session: Session, letter: Letter, now: datetime) -> None:
    copies = partitions.table_of(session.connection().dialect, letter.id)
    readers = _joined(letter).add_columns(
        literal(letter.id),
        literal(CopyState.PENDING, copies.c.state.type),
        literal(0),
        literal(now, copies.c.not_before.type),
    )
    own = ["letter_id", "state", "attempts", "not_before"]
    columns = ["subscription_id", "address", "name", "since", "source", *own]
    session.connection().execute(insert(copies).from_select(columns, readers, include_defaults=False))
