"""Link checks: requested here, carried out by the worker, and cached until they are stale.

There is one row per URL, however many issues link to it. A claim is a lease, so workers can share the work.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from newsletter.db import UNSYNCED, insert
from newsletter.editorial.models import LinkCheck
from newsletter.outbound import Answer

FRESH = timedelta(hours=24)
"""How long a result counts before the URL is checked again."""

AT_ONCE = timedelta(minutes=1)
"""When an editor asks for a check, a result this recent is used as it is."""

_LEASE = timedelta(minutes=2)
_RETENTION = timedelta(days=90)
_LONGEST = 2_000
_BATCH = 500
_GROUP = 2_000


def answers(session: Session, urls: Iterable[str]) -> dict[str, Answer]:
    """The last result of each of these URLs; URLs never checked are left out."""
    known = _rows(session, urls)
    return {
        row.url: Answer(row.url, row.status, row.final_url, row.fault) for row in known if row.checked_at is not None
    }


def count_pending(session: Session, urls: Iterable[str]) -> int:
    """How many of these URLs are waiting to be checked."""
    return sum(row.checked_at is None or row.asked_at > row.checked_at for row in _rows(session, urls))


def request_checks(session: Session, urls: Iterable[str], now: datetime, *, older: timedelta = FRESH) -> None:
    """Request checks of these URLs, except of those whose result is no older than `older`."""
    rows = [
        {"digest": _digest(url), "url": url, "asked_at": now, "final_url": "", "fault": ""}
        for url in dict.fromkeys(urls)
        if len(url) <= _LONGEST
    ]
    if rows:
        insertion = insert(session, LinkCheck).values(rows)
        request = insertion.on_conflict_do_update(
            index_elements=["digest"], set_={"asked_at": now}, where=LinkCheck.checked_at <= now - older
        )
        session.execute(request)


def are_due(session: Session, now: datetime) -> bool:
    """Whether `claim` would find something."""
    return session.scalar(select(LinkCheck.digest).where(_due(now)).limit(1)) is not None


def claim(session: Session, most: int, now: datetime) -> Sequence[str]:
    """Up to `most` URLs to check now; no other worker gets them until the lease expires."""
    next_ones = select(LinkCheck.digest).where(_due(now)).order_by(LinkCheck.asked_at, LinkCheck.digest).limit(most)
    chosen = next_ones.with_for_update(skip_locked=True)
    take = update(LinkCheck).where(LinkCheck.digest.in_(chosen), _due(now)).values(claimed_until=now + _LEASE)
    return session.scalars(take.returning(LinkCheck.url).execution_options(synchronize_session=False)).all()


def record(session: Session, answer: Answer, now: datetime, asked_at: datetime | None = None) -> None:
    """Store the result of a check, unless another worker has stored one since `asked_at`."""
    row = update(LinkCheck).where(LinkCheck.digest == _digest(answer.url))
    if asked_at is not None:
        row = row.where(or_(LinkCheck.checked_at.is_(None), LinkCheck.checked_at < asked_at))
    # This result also answers any request made while the check was running.
    result = {"status": answer.status, "final_url": answer.final_url, "fault": answer.fault}
    session.execute(row.values(checked_at=now, claimed_until=None, **result))


def prune(session: Session, now: datetime) -> int:
    """Delete one batch of results that nobody has asked for in 90 days; returns how many, 0 when none are left."""
    some = (
        select(LinkCheck.digest).where(LinkCheck.asked_at < now - _RETENTION).order_by(LinkCheck.digest).limit(_GROUP)
    )
    old = delete(LinkCheck).where(LinkCheck.digest.in_(some.with_for_update(skip_locked=True)))
    deleted = session.scalars(old.returning(LinkCheck.digest), execution_options=UNSYNCED)
    return len(deleted.all())


def _due(now: datetime) -> ColumnElement[bool]:
    free = or_(LinkCheck.claimed_until.is_(None), LinkCheck.claimed_until < now)
    return and_(free, or_(LinkCheck.checked_at.is_(None), LinkCheck.asked_at > LinkCheck.checked_at))


def _rows(session: Session, urls: Iterable[str]) -> list[LinkCheck]:
    digests = [_digest(url) for url in dict.fromkeys(urls)]
    batches = [digests[at : at + _BATCH] for at in range(0, len(digests), _BATCH)]
    return [row for batch in batches for row in session.scalars(select(LinkCheck).where(LinkCheck.digest.in_(batch)))]


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
