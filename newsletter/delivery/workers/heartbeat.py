"""Heartbeats: each worker reports that it runs, so that others notice when one stops, and share the connections."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Heartbeat
from newsletter.delivery.smtp.outage import UnreachableServer

FRESH = timedelta(seconds=30)
# Three signs of life; a worker that is silent for longer leaves its part to the others.
_SHARING = timedelta(seconds=15)
_FORGET = timedelta(days=1)
_EVERY = select(Heartbeat.worker, Heartbeat.at)


class MailKind(StrEnum):
    """What a worker hands over, each kind to a mail server of its own."""

    ISSUES = "issues"
    LETTERS = "letters"


def beat(
    session: Session, worker: str, now: datetime, away: Mapping[MailKind, UnreachableServer | None] | None = None
) -> None:
    """Note that this worker runs, and which mail servers it finds away; forget those that were silent for a day."""
    told = {carried.value: [it.server, it.since.isoformat(), it.why] for carried, it in (away or {}).items() if it}
    known = session.get(Heartbeat, worker)
    if known is None:
        session.add(Heartbeat(worker=worker, started_at=now, at=now, away=told))
    else:
        known.at, known.away = now, told
    session.execute(delete(Heartbeat).where(~is_recent(_FORGET, now)))


def is_recent(time: timedelta, now: datetime) -> ColumnElement[bool]:
    """Whether a sign of life is no older than that; nor so far ahead, for then the clock was put back since."""
    return Heartbeat.at.between(now - time, now + time)


def any_alive(session: Session, now: datetime) -> bool:
    """Whether any worker gave a sign within the last half minute."""
    return session.scalar(select(Heartbeat.worker).where(is_recent(FRESH, now)).limit(1)) is not None


def unreachable_servers(session: Session, carried: MailKind, now: datetime) -> list[UnreachableServer]:
    """The mail servers that living workers cannot hand these over to, each since the first of them found out."""
    found: dict[str, UnreachableServer] = {}
    for told in session.scalars(select(Heartbeat.away).where(is_recent(FRESH, now))):
        if carried in told:
            server, since, why = told[carried]
            one = UnreachableServer(server, datetime.fromisoformat(since), why)
            found[server] = min(one, found.get(server, one))
    return sorted(found.values())


def share(whole: int, place: int, workers: int) -> int:
    """The part of MAIL_CONNECTIONS of the worker in that place, counted from 0: those of all add up to the whole."""
    return whole // workers + (place < whole % workers)


def position_of(session: Session, worker: str, now: datetime) -> tuple[int, int]:
    """Which place this worker has among those that live, and how many they are; one that is new counts, too."""
    living = set(session.scalars(select(Heartbeat.worker).where(is_recent(_SHARING, now))))
    names = sorted(living | {worker})
    return names.index(worker), len(names)


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


class LivenessMonitor:
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
