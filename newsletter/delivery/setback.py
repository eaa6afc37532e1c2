"""Setback: the clock was put back, and what was to happen at an hour would wait for that hour to come again.

Nothing is kept of what the clock said before. Each wait is cut to the longest that it can be, as a pace is
(`pace.mended`): a copy or a letter that was not tried yet waits for nobody, one that was put off at most for the
wait after so many tries, and a lease ends within its length. So this may run at any time, and on several hosts.
"""

from collections.abc import Collection
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Table, case, literal, update
from sqlalchemy.orm import Session

from newsletter.delivery import breaker, ledger, outbox, retry
from newsletter.delivery.limits import LANE_AHEAD
from newsletter.delivery.models import PENDING, SENDING, Copy, Post, PostState
from newsletter.delivery.retry import Retries

_COPIES = cast("Table", Copy.__table__)
_POSTS = cast("Table", Post.__table__)


def mend(session: Session, now: datetime, living: Collection[str] = ()) -> None:
    """Let nothing wait longer than it can; leases of the workers that are known to live are theirs to keep."""
    _mend_copies(session, now)
    _mend_posts(session, now)
    _mend_leases(session, now, living)


def _mend_copies(session: Session, now: datetime) -> None:
    not_held = PENDING & (_COPIES.c.not_before < breaker.HELD)
    latest = _latest(_COPIES, retry.COPIES, now)
    wishes = update(_COPIES).where(not_held, _COPIES.c.reservation.is_(None), _COPIES.c.not_before > latest)
    session.connection().execute(wishes.values(not_before=latest))
    # What is reserved comes back with its moment; of a later one than is ever reserved the pace knows nothing.
    reserved = update(_COPIES).where(not_held, _COPIES.c.reservation.is_not(None))
    reserved = reserved.where(_COPIES.c.not_before > now + LANE_AHEAD)
    session.connection().execute(reserved.values(not_before=now, reservation=None))


def _mend_posts(session: Session, now: datetime) -> None:
    latest = _latest(_POSTS, retry.LETTERS, now)
    waiting = update(_POSTS).where(Post.state == PostState.PENDING, _POSTS.c.not_before > latest)
    session.connection().execute(waiting.values(not_before=latest))


def _mend_leases(session: Session, now: datetime, living: Collection[str]) -> None:
    longest = now + ledger.LEASE
    held = update(_COPIES).where(SENDING, _COPIES.c.lease_until > longest, _COPIES.c.worker.not_in(living))
    session.connection().execute(held.values(lease_until=longest))
    longest = now + outbox.LEASE
    held = update(_POSTS).where(Post.state == PostState.SENDING, _POSTS.c.lease_until > longest)
    session.connection().execute(held.values(lease_until=longest))


def _latest(table: Table, retries: Retries, now: datetime) -> ColumnElement[datetime]:
    """The latest moment that what was tried so often can be put off to."""
    moments = [now, *(now + wait for wait in map(retries.longest, range(1, len(retries.waits) + 1)))]
    kind = table.c.not_before.type
    tries = {number: literal(moment, kind) for number, moment in enumerate(moments)}
    return case(tries, value=table.c.attempts, else_=literal(moments[-1], kind))
