"""Stores the rate limiters that all workers share: one row for each key, changed only under its lock."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, cast

from sqlalchemy import JSON, Row, String, Table, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base, insert
from newsletter.delivery.rate_limit import limiter
from newsletter.delivery.rate_limit.limiter import GROWS_EVERY, LimiterState, SentRun

_MAX_IDLE = timedelta(days=2)
_GROUP = 2_000


class SharedLimiter(Base):
    """The shared limiter of one provider group, or of the server as a whole (key ""); `LimiterState`."""

    __tablename__ = "shared_limiters"

    key: Mapped[str] = mapped_column(String(253), primary_key=True)
    next_at: Mapped[datetime]
    """The first moment that is not reserved yet."""
    spent: Mapped[dict[str, list[list[int]]]] = mapped_column(JSON, default=dict)
    """For each window in seconds, the runs that went out within it, as [second of the last copy, count]."""
    paused_until: Mapped[datetime | None]
    """The end of the pause after a rate-limit reply; from then on its connections grow by one at a time."""
    series: Mapped[int] = mapped_column(default=0)
    """Incremented when earlier reservations no longer count."""


_ROWS = cast("Table", SharedLimiter.__table__)
_CHANGED = ("next_at", "spent", "paused_until", "series")
_SAVE = update(_ROWS).where(_ROWS.c.key == bindparam("which"))
_SAVE = _SAVE.values({name: bindparam(f"new_{name}", type_=_ROWS.c[name].type) for name in _CHANGED})


def lock(session: Session, keys: Collection[str], now: datetime) -> dict[str, LimiterState]:
    """The states of these keys, created where missing; nobody else reserves in them until this transaction ends."""
    found = _locked(session, keys)
    if missing := sorted(set(keys) - found.keys()):
        fresh: list[dict[str, Any]] = [{"key": key, "next_at": now, "spent": {}, "series": 0} for key in missing]
        session.execute(insert(session, SharedLimiter).values(fresh).on_conflict_do_nothing())
        found |= _locked(session, missing)
    return found


def peek(session: Session, keys: Collection[str], now: datetime) -> dict[str, LimiterState]:
    """The states of these keys without a lock, to read only."""
    found = session.execute(select(*_ROWS.c).where(_ROWS.c.key.in_(keys)))
    return {key: LimiterState(key, now) for key in keys} | {row.key: _state(row) for row in found}


def save(session: Session, states: Iterable[LimiterState]) -> None:
    """Store the new states of locked keys."""
    changes = [
        {
            "which": state.key,
            "new_next_at": state.next_at,
            "new_spent": {str(int(window.total_seconds())): _listed(runs) for window, runs in state.spent.items()},
            "new_paused_until": state.paused_until,
            "new_series": state.series,
        }
        for state in states
    ]
    if changes:
        session.connection().execute(_SAVE, changes)


def current_pauses(session: Session, now: datetime, most: int) -> dict[str, datetime]:
    """The keys that are still slowed by a rate-limit reply, each with the end of its pause."""
    pauses = select(_ROWS.c.key, _ROWS.c.paused_until).where(_ROWS.c.paused_until > now - GROWS_EVERY * most)
    return dict(session.execute(pauses).all())


def slow_down(session: Session, key: str, now: datetime) -> None:
    """After a rate-limit reply: pause this key's limiter, then go on as over one connection, then more."""
    save(session, [limiter.after_rate_reply(lock(session, [key], now)[key], now)])


def prune_idle(session: Session, now: datetime) -> int:
    """Delete one batch of states that were not used for two days; returns how many, 0 when none is left."""
    some = select(_ROWS.c.key).where(_ROWS.c.next_at < now - _MAX_IDLE).order_by(_ROWS.c.key).limit(_GROUP)
    idle = delete(_ROWS).where(_ROWS.c.key.in_(some.with_for_update(skip_locked=True)))
    return len(session.execute(idle.returning(_ROWS.c.key)).all())


def _locked(session: Session, keys: Collection[str]) -> dict[str, LimiterState]:
    # Locked in one order, so that two workers never deadlock.
    wanted = select(*_ROWS.c).where(_ROWS.c.key.in_(keys)).order_by(_ROWS.c.key).with_for_update()
    return {row.key: _state(row) for row in session.execute(wanted)}


def _state(row: Row[Any]) -> LimiterState:
    spent: Mapping[str, list[list[int]]] = row.spent
    runs = {timedelta(seconds=int(window)): tuple(map(_run, listed)) for window, listed in spent.items()}
    return LimiterState(row.key, row.next_at, runs, row.paused_until, row.series)


def _run(listed: list[int]) -> SentRun:
    last, count = listed
    return SentRun(datetime.fromtimestamp(last, UTC), count)


def _listed(runs: Iterable[SentRun]) -> list[list[int]]:
    # Rounded up, so that a run counts for up to a second longer, and never too short.
    return [[ceil(run.last.timestamp()), run.count] for run in runs]
