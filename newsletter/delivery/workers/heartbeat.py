"""Heartbeats: each worker reports that it runs, so that others notice when one stops, and share the connections."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import JSON, ColumnElement, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base
from newsletter.delivery.smtp.outage import UnreachableServer

FRESH = timedelta(seconds=30)
# Three heartbeats; a worker that is silent for longer leaves its share of the connections to the others.
_SHARING = timedelta(seconds=15)
_FORGET = timedelta(days=1)


class Heartbeat(Base):
    """A worker's last heartbeat, for /readyz and for lease recovery."""

    __tablename__ = "heartbeats"

    worker: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[datetime]
    at: Mapped[datetime]
    away: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)
    """By kind of mail, the unreachable mail server: its name, since when and why (`outage`)."""


_EVERY = select(Heartbeat.worker, Heartbeat.at)


class MailKind(StrEnum):
    """The kinds of mail that a worker sends, each over a mail server of its own."""

    ISSUES = "issues"
    LETTERS = "letters"


def beat(
    session: Session, worker: str, now: datetime, away: Mapping[MailKind, UnreachableServer | None] | None = None
) -> None:
    """Record that this worker runs, and which servers it cannot reach; delete workers that were silent for a day."""
    servers = {
        carried.value: [status.server, status.since.isoformat(), status.why]
        for carried, status in (away or {}).items()
        if status
    }
    known = session.get(Heartbeat, worker)
    if known is None:
        session.add(Heartbeat(worker=worker, started_at=now, at=now, away=servers))
    else:
        known.at, known.away = now, servers
    session.execute(delete(Heartbeat).where(~is_recent(_FORGET, now)))


def is_recent(time: timedelta, now: datetime) -> ColumnElement[bool]:
    """The condition that a heartbeat is at most `time` old, or ahead; further ahead means a clock set back since."""
    return Heartbeat.at.between(now - time, now + time)


def any_alive(session: Session, now: datetime) -> bool:
    """Whether any worker has reported within the last half minute."""
    return session.scalar(select(Heartbeat.worker).where(is_recent(FRESH, now)).limit(1)) is not None


def unreachable_servers(session: Session, carried: MailKind, now: datetime) -> list[UnreachableServer]:
    """The servers for this kind of mail that living workers cannot reach, each since the first of them noticed."""
    found: dict[str, UnreachableServer] = {}
    for servers in session.scalars(select(Heartbeat.away).where(is_recent(FRESH, now))):
        if carried in servers:
            server, since, why = servers[carried]
            one = UnreachableServer(server, datetime.fromisoformat(since), why)
            found[server] = min(one, found.get(server, one))
    return sorted(found.values())


def share(whole: int, place: int, workers: int) -> int:
    """The share of `whole` connections of the worker at that position, from 0; all shares add up to the whole."""
    return whole // workers + (place < whole % workers)


def position_of(session: Session, worker: str, now: datetime) -> tuple[int, int]:
    """The worker's position among the living ones, from 0, and how many there are; a new one counts, too."""
    living = set(session.scalars(select(Heartbeat.worker).where(is_recent(_SHARING, now))))
    names = sorted(living | {worker})
    return names.index(worker), len(names)


def sign_off(session: Session, worker: str) -> None:
    """Delete the heartbeat of a worker that holds nothing any more, or is known to be gone."""
    session.execute(delete(Heartbeat).where(Heartbeat.worker == worker))


@dataclass(frozen=True, slots=True)
class _Sign:
    at: datetime
    """By the worker's own clock: only compared with its own earlier times."""
    seen_at: datetime
    """By our clock: when this heartbeat was first seen."""
    is_settled: bool = False
    """Whether the silence after it has been handled."""


class LivenessMonitor:
    """Tells which workers have fallen silent, by our clock alone, so that clocks may differ between hosts."""

    def __init__(self) -> None:
        self._signs: dict[str, _Sign] = {}

    def fallen_silent(self, session: Session, now: datetime) -> list[str]:
        """The workers whose heartbeat has not changed for half a minute, until `settled` is called for them."""
        self._signs = {worker: self._sign(worker, at, now) for worker, at in session.execute(_EVERY)}
        silent = (worker for worker, sign in self._signs.items() if sign.seen_at + FRESH <= now)
        return [worker for worker in silent if not self._signs[worker].is_settled]

    def settled(self, workers: Iterable[str]) -> None:
        """Report these no more before their next heartbeat; to be called once their recovery is committed."""
        for worker in workers:
            self._signs[worker] = replace(self._signs[worker], is_settled=True)

    def living(self, now: datetime) -> set[str]:
        """The workers whose heartbeat was new within the last half minute, as of the last `fallen_silent`."""
        return {worker for worker, sign in self._signs.items() if now < sign.seen_at + FRESH}

    def _sign(self, worker: str, at: datetime, now: datetime) -> _Sign:
        known = self._signs.get(worker)
        # Seen later than now: our own clock was set back, so the silence is counted from now.
        return known if known and known.at == at and known.seen_at <= now else _Sign(at, now)
