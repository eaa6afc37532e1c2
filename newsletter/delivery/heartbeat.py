"""Signs of life: each worker says now and then that it runs, so that /readyz can tell when none does."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Heartbeat

FRESH = timedelta(seconds=30)
_FORGET = timedelta(days=1)


def beat(session: Session, worker: str, now: datetime) -> None:
    """Note that this worker runs, and forget those that have been silent for a day."""
    known = session.get(Heartbeat, worker)
    if known is None:
        session.add(Heartbeat(worker=worker, started_at=now, at=now))
    else:
        known.at = now
    session.execute(delete(Heartbeat).where(Heartbeat.at < now - _FORGET))


def alive(session: Session, now: datetime) -> bool:
    """Whether any worker gave a sign within the last half minute."""
    newest = session.scalar(select(func.max(Heartbeat.at)))
    return newest is not None and now - newest <= FRESH
