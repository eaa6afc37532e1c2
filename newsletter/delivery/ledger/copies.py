"""The ledger: a row for each copy, and every move it can make.

    pending ──claim──▶ sending ──record──▶ sent | refused | failed | in_doubt
       ▲                 │
       └──put off, given back, lease run out

A move out of `sending` is a compare-and-set on state and worker, so whoever lost the lease changes
nothing. A reason on a copy that is being sent marks it: if it is given back, it is skipped, not queued.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Literal, TypeVar, cast

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Update,
    bindparam,
    case,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.db import UNSYNCED
from newsletter.delivery.bounces import suppression
from newsletter.delivery.ledger import partitions, resent
from newsletter.delivery.ledger.moves import (
    OUTCOME_COLUMNS,
    REPLY_COLUMNS,
    ClaimedCopy,
    Moves,
    mine,
    reply_unless_erased,
)
from newsletter.delivery.ledger.outcomes import HeldCopy, Outcome
from newsletter.delivery.models import PENDING, SENDING, Copy, CopyState, Letter, LetterState
from newsletter.prepared import encode_rows, moment, moment_read, rows

T = TypeVar("T")

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
"""How long a claimed copy is one worker's own, unless the worker extends it."""

_RUNNING = select(Letter.id).where(Letter.state == LetterState.RUNNING)
_ROWS = cast("Table", Copy.__table__)
_STATE = {state: literal(state, _ROWS.c.state.type) for state in CopyState}

_outcome_cells = attrgetter("copy.id", *OUTCOME_COLUMNS)


def reached_subscriptions(letter_ids: Collection[int]) -> Select[int]:
    """The subscriptions that these letters have reached or may have reached: their copy was sent, or is in doubt."""
    got = select(Copy.subscription_id).where(Copy.letter_id.in_(letter_ids))
    return got.where(Copy.state.in_((CopyState.SENT, CopyState.IN_DOUBT)))


@dataclass(frozen=True, slots=True)
class Recovered:
    """The ids of the copies taken back from workers that are gone, by what became of them."""

    unsent: Sequence[int]
    """Their final dot was not written; they wait as before."""
    again: Sequence[int]
    """In doubt, and to be sent again under the same Message-ID."""
    in_doubt: Sequence[int]
    """In doubt, and left so for a person to decide."""


def claim(session: Session, worker: str, limit: int, now: datetime) -> list[ClaimedCopy]:
    """Lease up to `limit` due copies of running letters, each letter its share; no two workers get the same."""
    letters = session.scalars(_RUNNING.order_by(Letter.due_at, Letter.id)).all()
    claimed: list[ClaimedCopy] = []
    for place, letter_id in enumerate(letters):
        share = -(-(limit - len(claimed)) // (len(letters) - place))
        claimed += _claim_some(session.connection(), letter_id, worker, share, now)
    return _without_suppressed(session, worker, claimed, now)


def begin(connection: Connection, worker: str, copies: Iterable[HeldCopy], now: datetime) -> set[int]:
    """Mark these copies as begun; returns the ids of those whose final dot may be written from now on.

    Left out: a copy whose lease is lost, whose letter was paused or cancelled, or whose reader left meanwhile.
    """
    begun: set[int] = set()
    for letter_id, theirs in _by_letter(copies, lambda copy: copy.letter_id):
        begin = Moves.for_letter(connection, letter_id).begin
        parameters = _parameters(connection, letter_id, worker, [(copy.id,) for copy in theirs], now)
        begun.update(copy_id for (copy_id,) in begin.run(connection, parameters))
    return begun


def record(connection: Connection, worker: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Record the outcomes of these copies, in at most three grouped statements for each letter."""
    ended = [outcome for outcome in outcomes if not outcome.goes_back]
    for letter_id, theirs in _by_letter(ended, lambda outcome: outcome.copy.letter_id):
        parameters = _parameters(connection, letter_id, worker, list(map(_outcome_cells, theirs)), now)
        Moves.for_letter(connection, letter_id).end.run(connection, parameters)
    if len(ended) < len(outcomes):
        _take_back(connection, worker, [outcome for outcome in outcomes if outcome.goes_back], now)
        resent.record_resent(connection, {one.copy.id: one.reply or "" for one in outcomes if one.was_begun}, now)


def release(session: Session, worker: str, now: datetime, copies: Collection[HeldCopy]) -> None:
    """Give back claimed copies that were not tried; no attempt is charged."""
    if copies:
        _give_back(session.connection(), worker, copies, now)


def release_unbegun(session: Session, worker: str, now: datetime) -> int:
    """Give back the copies that this worker has claimed and not begun; returns how many."""
    returned = session.connection().execute(_held_by(worker).where(Copy.begun_at.is_(None)).values(_back(_ROWS, now)))
    return returned.rowcount


def extend_leases(session: Session, worker: str, now: datetime) -> None:
    """Extend the lease of each copy that this worker holds, to `LEASE` from now."""
    session.connection().execute(_held_by(worker).values(lease_until=now + LEASE))


def recover(
    session: Session, now: datetime, policy: Literal["resend", "hold"], living: Collection[str] = ()
) -> Recovered:
    """Take back the copies whose lease ran out, and log each that is in doubt.

    Copies of the `living` workers are left alone: by another host's clock, their leases may seem to have run out.
    """
    return _recover(session, (Copy.lease_until < now) & Copy.worker.not_in(living), policy, now)


def recover_from(session: Session, worker: str, policy: Literal["resend", "hold"], now: datetime) -> Recovered:
    """Take back every copy that one worker still holds, and log each in doubt; the worker must be known to be gone."""
    return _recover(session, Copy.worker == worker, policy, now)


def _recover(
    session: Session, whose: ColumnElement[bool], policy: Literal["resend", "hold"], now: datetime
) -> Recovered:
    lost = update(Copy).where(SENDING, whose)
    begun = lost.where(Copy.begun_at.is_not(None))
    unsent = _ids(session, lost.where(Copy.begun_at.is_(None)).values(_back(_ROWS, now)))
    again = _ids(session, begun.where(Copy.reason.is_(None)).values(_back(_ROWS, now))) if policy == "resend" else []
    in_doubt = _ids(session, begun.values(state=CopyState.IN_DOUBT, lease_until=None, reason=None, ended_at=now))
    resent.record_resent(
        session.connection(), dict.fromkeys(again, "its worker ended before the server had answered"), now
    )
    for copy_id in again:
        log.warning("copy in doubt: sent again under the same Message-ID", copy=copy_id)
    for copy_id in in_doubt:
        log.warning("copy in doubt: left for a person to decide", copy=copy_id)
    return Recovered(unsent, again, in_doubt)


def finish(session: Session, now: datetime) -> list[int]:
    """Finish every running letter that has no copy pending or sending; returns their ids."""
    theirs = select(Copy.id).where(Copy.letter_id == Letter.id).limit(1)
    # Ordered by their indexes; else PostgreSQL looks for such a copy among all that were sent.
    pending = theirs.where(PENDING).order_by(Copy.not_before, Copy.id).scalar_subquery()
    sending = theirs.where(SENDING).order_by(Copy.lease_until).scalar_subquery()
    done = update(Letter).where(Letter.state == LetterState.RUNNING, pending.is_(None), sending.is_(None))
    return _ids(session, done.values(state=LetterState.FINISHED, finished_at=now), Letter.id)


def halted_letters(session: Session, letter_ids: Collection[int]) -> set[int]:
    """Of these letters, the ids of those of which nothing more may be sent now."""
    return set(letter_ids) - set(session.scalars(_RUNNING.where(Letter.id.in_(letter_ids))))


def _held_by(worker: str) -> Update:
    return update(_ROWS).where(SENDING, _ROWS.c.worker == worker)


def _claim_some(connection: Connection, letter_id: int, worker: str, limit: int, now: datetime) -> list[ClaimedCopy]:
    until = moment(connection.dialect, now + LEASE)
    parameters = {"letter": letter_id, "most": limit, "moment": moment(connection.dialect, now), "by": worker}
    claimed = Moves.for_letter(connection, letter_id).claim.run(connection, parameters | {"until": until})
    read = moment_read(connection.dialect)
    return [ClaimedCopy._make((*row[:-1], read(row[-1]))) for row in claimed]


def _without_suppressed(session: Session, worker: str, claimed: list[ClaimedCopy], now: datetime) -> list[ClaimedCopy]:
    keys = {copy.id: mailboxes.mailbox_key(copy.address) for copy in claimed}
    barred = suppression.suppressed_keys(session, set(keys.values())) if keys else set()
    if not barred:
        return claimed
    ids = [copy_id for copy_id, key in keys.items() if key in barred]
    theirs = _held_by(worker).where(Copy.id.in_(ids))
    session.connection().execute(
        theirs.values(state=CopyState.SKIPPED, reason="suppressed", lease_until=None, ended_at=now)
    )
    return [copy for copy in claimed if keys[copy.id] not in barred]


def _back(copies: Table, now: datetime) -> dict[str, Any]:
    """The values that put a copy back to pending, or skip it if it was marked meanwhile."""
    unmarked = copies.c.reason.is_(None)
    return {
        "state": case((unmarked, _STATE[CopyState.PENDING]), else_=_STATE[CopyState.SKIPPED]),
        "ended_at": case((unmarked, null()), else_=literal(now, _ROWS.c.ended_at.type)),
        "worker": None,
        "lease_until": None,
        "begun_at": None,
    }


def _by_letter(moved: Iterable[T], letter_of: Callable[[T], int]) -> Iterable[tuple[int, list[T]]]:
    by_letter: dict[int, list[T]] = defaultdict(list)
    for each in moved:
        by_letter[letter_of(each)].append(each)
    # In one order, so that two workers who both move copies of several letters never wait for each other.
    return sorted(by_letter.items())


def _parameters(
    connection: Connection, letter_id: int, worker: str, moved: Sequence[tuple[Any, ...]], now: datetime
) -> dict[str, Any]:
    at = moment(connection.dialect, now)
    return {"letter": letter_id, "by": worker, "rows": encode_rows(moved), "moment": at}


def _take_back(connection: Connection, worker: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    if untried := [outcome.copy for outcome in outcomes if outcome.not_before is None]:
        _give_back(connection, worker, untried, now)
    if tried := [outcome for outcome in outcomes if outcome.not_before is not None]:
        connection.execute(_put_off(worker, now), [_try(outcome) for outcome in tried])


def _try(outcome: Outcome) -> dict[str, Any]:
    ids = {"copy": outcome.copy.id, "letter": outcome.copy.letter_id}
    return ids | {name: getattr(outcome, name) for name in (*REPLY_COLUMNS, "not_before")}


def _give_back(connection: Connection, worker: str, copies: Iterable[HeldCopy], now: datetime) -> None:
    moved = rows(connection, id=_ROWS.c.id.type)
    for letter_id, theirs in _by_letter(copies, lambda copy: copy.letter_id):
        own = partitions.table_of(connection.dialect, letter_id)
        parameters = {"by": worker, "rows": encode_rows((copy.id,) for copy in theirs)}
        connection.execute(mine(own, moved).values(_back(own, now)), parameters)


def _put_off(worker: str, now: datetime) -> Update:
    tried = {"attempts": _ROWS.c.attempts + 1} | {name: bindparam(name) for name in (*REPLY_COLUMNS, "not_before")}
    tried["reply"] = reply_unless_erased(_ROWS, bindparam("reply", type_=_ROWS.c.reply.type))
    own = _held_by(worker).where(_ROWS.c.letter_id == bindparam("letter"), _ROWS.c.id == bindparam("copy"))
    return own.values(_back(_ROWS, now) | tried | {"reservation": None})


def _ids(session: Session, statement: Update, column: Any = Copy.id) -> list[int]:
    return sorted(session.scalars(statement.returning(column), execution_options=UNSYNCED))
