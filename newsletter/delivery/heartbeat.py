"""Signs of life: each worker says now and then that it runs, so that others can tell when one does not."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Heartbeat

FRESH = timedelta(seconds=30)
_FORGET = timedelta(days=1)
_EVERY = select(Heartbeat.worker, Heartbeat.at)


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


def sign_off(session: Session, worker: str) -> None:
    """Forget a worker that has given back all it held, or is known to be gone."""
    session.execute(delete(Heartbeat).where(Heartbeat.worker == worker))


@dataclass(frozen=True, slots=True)
class _Sign:
    at: datetime
    """By the worker's own clock: only ever compared with itself."""
    seen_at: datetime
    """By ours, when it was new."""
    is_settled: bool = False
    """Whether the silence after it is dealt with."""


class Watch:
    """Tells which workers fall silent, by the watcher's clock alone: clocks that differ between hosts do no harm."""

    def __init__(self) -> None:
        self._signs: dict[str, _Sign] = {}

    def fallen_silent(self, session: Session, now: datetime) -> list[str]:
        """The workers whose sign of life has not changed for half a minute, until that is `settled`."""
        self._signs = {worker: self._sign(worker, at, now) for worker, at in session.execute(_EVERY)}
        silent = (worker for worker, sign in self._signs.items() if sign.seen_at + FRESH <= now)
        return [worker for worker in silent if not self._signs[worker].is_settled]

    def settled(self, workers: Iterable[str]) -> None:
        """Name these no more before their next sign: to be said once what was taken from them is committed."""
        for worker in workers:
            self._signs[worker] = replace(self._signs[worker], is_settled=True)

    def living(self, now: datetime) -> set[str]:
        """The workers of whom a new sign was seen within the last half minute, when they were last looked at."""
        return {worker for worker, sign in self._signs.items() if now < sign.seen_at + FRESH}

    def _sign(self, worker: str, at: datetime, now: datetime) -> _Sign:
        known = self._signs.get(worker)
        # Seen later than now: our own clock was put back, and the silence is counted from here.
        return known if known and known.at == at and known.seen_at <= now else _Sign(at, now)
