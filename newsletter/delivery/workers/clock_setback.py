"""Clock set back: detects it, and shortens waits that would otherwise last until the old time comes again.

Shortening does not need the clock's earlier time. Each wait is cut to the longest that it can be, as a limiter's is
(`limiter.corrected`): none for a copy or a letter that was not tried yet, the retry table's wait for one that was
deferred, and a lease's own length; a reader's delivery hour is waited for, but no longer than a day. So this may run at
any time, and on several hosts.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, case, literal, select, update
from sqlalchemy.orm import Session

from newsletter.delivery import breaker, ledger
from newsletter.delivery.models import PENDING, SENDING, Copy, OutboxMessage, OutboxState
from newsletter.delivery.rate_limit.limits import GROUP_AHEAD
from newsletter.delivery.smtp import retry
from newsletter.delivery.smtp.retry import RetrySchedule
from newsletter.delivery.transactional import outbox

_COPIES = cast("Table", Copy.__table__)
_POSTS = cast("Table", OutboxMessage.__table__)
_GROUP = 5_000
_LONGEST_WISH = timedelta(days=1)
# Seconds. A synchronised clock drifts less.
_SLIP = 1.0


class ClockWatch:
    """Detects, by the monotonic clock, that the system clock was set back."""

    def __init__(self, now: datetime, monotonic: float) -> None:
        self._ahead = now.timestamp() - monotonic

    def was_set_back(self, now: datetime, monotonic: float) -> bool:
        """Whether the system clock, at `now`, was set back since the last call or the beginning."""
        before, self._ahead = self._ahead, now.timestamp() - monotonic
        return self._ahead < before - _SLIP


def shorten_waits(session: Session, now: datetime, living: Collection[str] = ()) -> int:
    """Shorten impossible waits; returns how many copies were moved, up to 5,000 a call, 0 when none is left.

    Leases of the `living` workers are left as they are.
    """
    _mend_posts(session, now)
    _mend_leases(session, now, living)
    return _mend_copies(session, now)


def _mend_copies(session: Session, now: datetime) -> int:
    waits = PENDING & (_COPIES.c.not_before > now) & (_COPIES.c.not_before < breaker.HELD)
    latest = _latest(_COPIES, retry.COPIES, now)
    unreserved = waits & _COPIES.c.reservation.is_(None) & (_COPIES.c.not_before > latest)
    wished = _COPIES.c.wished_at.between(_COPIES.c.not_before, now + _LONGEST_WISH)
    unreserved &= _COPIES.c.wished_at.is_(None) | ~wished
    # A reserved copy waits for its send time; later than `GROUP_AHEAD` none is reserved, so such a time is void.
    reserved = waits & _COPIES.c.reservation.is_not(None) & (_COPIES.c.not_before > now + GROUP_AHEAD)
    return _move(session, unreserved, {"not_before": latest}) + _move(
        session, reserved, {"not_before": now, "reservation": None}
    )


def _move(session: Session, which: ColumnElement[bool], values: dict[str, Any]) -> int:
    some = select(_COPIES.c.id).where(which).limit(_GROUP).with_for_update(skip_locked=True).cte("some")
    moved = update(_COPIES).where(_COPIES.c.id.in_(select(some.c.id)), PENDING).values(values)
    return len(session.connection().execute(moved.returning(_COPIES.c.id)).all())


def _mend_posts(session: Session, now: datetime) -> None:
    latest = _latest(_POSTS, retry.LETTERS, now)
    waiting = update(_POSTS).where(OutboxMessage.state == OutboxState.PENDING, _POSTS.c.not_before > latest)
    session.connection().execute(waiting.values(not_before=latest))


def _mend_leases(session: Session, now: datetime, living: Collection[str]) -> None:
    longest = now + ledger.LEASE
    leases = update(_COPIES).where(SENDING, _COPIES.c.lease_until > longest, _COPIES.c.worker.not_in(living))
    session.connection().execute(leases.values(lease_until=longest))
    longest = now + outbox.LEASE
    leases = update(_POSTS).where(OutboxMessage.state == OutboxState.SENDING, _POSTS.c.lease_until > longest)
    session.connection().execute(leases.values(lease_until=longest))


def _latest(table: Table, retries: RetrySchedule, now: datetime) -> ColumnElement[datetime]:
    """The latest time that a row can be deferred to after its number of tries."""
    moments = [now, *(now + wait for wait in map(retries.longest, range(1, len(retries.waits) + 1)))]
    kind = table.c.not_before.type
    tries = {number: literal(moment, kind) for number, moment in enumerate(moments)}
    return case(tries, value=table.c.attempts, else_=literal(moments[-1], kind))
