"""Reservations: the send times of copies that had to wait for the rate limit of their provider group."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Dialect, Table, Update, bindparam, case, literal, null, select, update

from newsletter.delivery.ledger.outcomes import HeldCopy
from newsletter.delivery.models import SENDING, Copy, CopyState
from newsletter.prepared import encode_rows, moment, rows

_ROWS = cast("Table", Copy.__table__)
_TIED = ("id", "letter_id", "not_before", "reservation")


class Reservation(NamedTuple):
    """A send time, and the series of the limiter in which it was reserved; None for a mere time to ask again."""

    not_before: datetime
    series: int | None


def reservations_of(connection: Connection, copies: Sequence[HeldCopy]) -> dict[int, Reservation]:
    """The reservations that these copies hold, by copy id."""
    letters, ids = {copy.letter_id for copy in copies}, [copy.id for copy in copies]
    theirs = select(_ROWS.c.id, _ROWS.c.not_before, _ROWS.c.reservation)
    theirs = theirs.where(_ROWS.c.letter_id.in_(letters), _ROWS.c.id.in_(ids))
    return {row.id: Reservation(row.not_before, row.reservation) for row in connection.execute(theirs)}


def put_back(
    connection: Connection,
    worker: str,
    copies: Iterable[HeldCopy],
    reservations: Mapping[int, Reservation],
    now: datetime,
) -> None:
    """Put claimed copies back until their send time, or skip those that were marked; no attempt is charged."""
    moved = [
        (
            copy.id,
            copy.letter_id,
            str(moment(connection.dialect, reservations[copy.id].not_before)),
            reservations[copy.id].series,
        )
        for copy in copies
    ]
    parameters = {"by": worker, "rows": encode_rows(moved), "moment": now}
    connection.execute(_put_back(connection.dialect), parameters)


@lru_cache(maxsize=8)
def _put_back(dialect: Dialect) -> Update:
    moved = rows(dialect, **{name: _ROWS.c[name].type for name in _TIED})
    same = (_ROWS.c.id == moved.c.id) & (_ROWS.c.letter_id == moved.c.letter_id)
    mine = update(_ROWS).where(same, SENDING, _ROWS.c.worker == bindparam("by"))
    unmarked = _ROWS.c.reason.is_(None)
    pending, skipped = (literal(state, _ROWS.c.state.type) for state in (CopyState.PENDING, CopyState.SKIPPED))
    back: dict[str, Any] = {
        "state": case((unmarked, pending), else_=skipped),
        "ended_at": case((unmarked, null()), else_=bindparam("moment", type_=_ROWS.c.ended_at.type)),
        "worker": None,
        "lease_until": None,
    }
    waiting = back | {name: moved.c[name] for name in ("not_before", "reservation")}
    return mine.where(_ROWS.c.begun_at.is_(None)).values(waiting)
