"""Connection share: MAIL_CONNECTIONS is for all workers together, and each one takes its part."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Heartbeat
from newsletter.delivery.workers import heartbeat

# Three signs of life; a worker that is silent for longer leaves its part to the others.
_FRESH = timedelta(seconds=15)


def share(whole: int, place: int, workers: int) -> int:
    """The part of the worker in that place, counted from 0: the parts of all add up to the whole."""
    return whole // workers + (place < whole % workers)


def position_of(session: Session, worker: str, now: datetime) -> tuple[int, int]:
    """Which place this worker has among those that live, and how many they are; one that is new counts, too."""
    living = set(session.scalars(select(Heartbeat.worker).where(heartbeat.is_recent(_FRESH, now))))
    names = sorted(living | {worker})
    return names.index(worker), len(names)
