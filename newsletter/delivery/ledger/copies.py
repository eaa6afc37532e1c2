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
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, NamedTuple, Self, TypeVar, cast

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    Integer,
    Select,
    Table,
    Update,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from newsletter.addresses import mailboxes
from newsletter.db import UNSYNCED
from newsletter.delivery.bounces import suppression
from newsletter.delivery.ledger import partitions, resent
from newsletter.delivery.ledger.outcomes import ABOUT_US, HeldCopy, Outcome
from newsletter.delivery.models import PENDING, SENDING, UNDER_WAY, Copy, CopyNote, CopyState, Letter, LetterState
from newsletter.prepared import Prepared, encode_rows, moment, moment_read, rows

T = TypeVar("T")

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
"""How long a claimed copy is one worker's own, unless the worker extends it."""
REOPEN_WITHIN = timedelta(days=1)
"""How long after a letter has finished a copy of it may still turn out to be pending."""

_RUNNING = select(Letter.id).where(Letter.state == LetterState.RUNNING)
_ANY_LETTER = select(Letter.id)
_ROWS = cast("Table", Copy.__table__)
_STATE = {state: literal(state, _ROWS.c.state.type) for state in CopyState}

_MOMENT = bindparam("moment", type_=_ROWS.c.begun_at.type)
_LETTER = bindparam("letter", type_=_ROWS.c.letter_id.type)
_REPLY_COLUMNS = ("code", "status", "reply")
_OUTCOME_COLUMNS = (*_REPLY_COLUMNS, "reason", "state")
_outcome_cells = attrgetter("copy.id", *_OUTCOME_COLUMNS)


def reached_subscriptions(letter_ids: Collection[int]) -> Select[int]:
    """The subscriptions that these letters have reached or may have reached: their copy was sent, or is in doubt."""
    got = select(Copy.subscription_id).where(Copy.letter_id.in_(letter_ids))
    return got.where(Copy.state.in_((CopyState.SENT, CopyState.IN_DOUBT)))


class ClaimedCopy(NamedTuple):
    """A copy that this worker has leased and is to send."""

    id: int
    letter_id: int
    subscription_id: int
    address: str
    name: str
    attempts: int
    source: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Moves:
    """The prepared statements for claim, begin and end, each for many copies of one letter.

    Cached, because building one costs more than running it. They name the letter's own table, so that PostgreSQL
    can reuse the plan.
    """

    claim: Prepared
    begin: Prepared
    end: Prepared

    @classmethod
    def for_letter(cls, connection: Connection, letter_id: int) -> Self:
        """The statements for one letter's copies, from the cache if they are in it."""
        return cls.for_table(partitions.table_of(connection.dialect, letter_id), connection.dialect)

    @classmethod
    @lru_cache(maxsize=64)
    def for_table(cls, copies: Table, dialect: Dialect) -> Self:
        moves = (_claim(copies), _begin(copies, dialect), _end(copies, dialect))
        return cls(*(Prepared(move, dialect) for move in moves))


def _claim(copies: Table) -> Update:
    pending = text(f"{copies.name}.state = '{CopyState.PENDING.value}'")
    due = (
        select(copies.c.id)
        .where(copies.c.letter_id == _LETTER, pending, copies.c.not_before <= _MOMENT)
        .order_by(copies.c.not_before, copies.c.id)
        .limit(bindparam("most", type_=Integer()))
        .offset(literal_column("0"))  # else SQLAlchemy binds one for SQLite
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = update(copies).where(copies.c.letter_id == _LETTER, copies.c.id == due.c.id)
    lease = {"worker": bindparam("by"), "lease_until": bindparam("until", type_=_ROWS.c.lease_until.type)}
    return claimed.values(lease | {"state": literal_column("'sending'"), "begun_at": null()}).returning(
        *(copies.c[name] for name in ClaimedCopy._fields)
    )


def _begin(copies: Table, dialect: Dialect) -> Update:
    running = select(Letter.id).where(Letter.id == _LETTER, text("letters.state = 'running'")).exists()
    return (
        _mine(copies, rows(dialect, id=copies.c.id.type))
        .where(copies.c.begun_at.is_(None), copies.c.reason.is_(None), copies.c.lease_until > _MOMENT, running)
        .values(begun_at=_MOMENT)
        .returning(copies.c.id)
    )


def _end(copies: Table, dialect: Dialect) -> Update:
    ended = rows(dialect, id=copies.c.id.type, **{name: copies.c[name].type for name in _OUTCOME_COLUMNS})
    settled = {"attempts": copies.c.attempts + literal_column("1"), "lease_until": null(), "ended_at": _MOMENT}
    outcome = {name: ended.c[name] for name in _OUTCOME_COLUMNS} | {
        "reply": _reply_unless_erased(copies, ended.c.reply)
    }
    return _mine(copies, ended).values(settled | outcome)


def _reply_unless_erased(copies: Table, reply: ColumnElement[Any]) -> ColumnElement[Any]:
    # The reply may quote the address, so it is not stored if the reader was erased while the copy was on its way.
    return case((copies.c.address == literal_column("''"), null()), else_=reply)


def _mine(copies: Table, moved: FromClause) -> Update:
    # Worded unlike the partial index on copies being sent, or PostgreSQL would scan that index for each group.
    is_sending = literal_column(f"{copies.name}.state || ''") == literal_column("'sending'")
    return update(copies).where(copies.c.id == moved.c.id, is_sending, copies.c.worker == bindparam("by"))


@dataclass(frozen=True, slots=True)
class Recovered:
    """The ids of the copies taken back from workers that are gone, by what became of them."""

    unsent: Sequence[int]
    """Their final dot was not written; they wait as before."""
    again: Sequence[int]
    """In doubt, and to be sent again under the same Message-ID."""
    in_doubt: Sequence[int]
    """In doubt, and left so for a person to decide."""


def skip_pending(session: Session, subscription_id: int, reason: str, now: datetime) -> int:
    """Skip all copies to this reader that are not sent yet; returns how many were skipped."""
    return skip_all_pending(session, [subscription_id], reason, now)


def skip_all_pending(session: Session, subscription_ids: Collection[int], reason: str, now: datetime) -> int:
    """The same for many readers, in as many statements as for one."""
    # Each letter by its id, else PostgreSQL looks into every partition. Finished ones because of `doubts.reopen`.
    may_reopen = (Letter.state == LetterState.FINISHED) & (Letter.finished_at > now - REOPEN_WITHIN)
    some = select(Letter.id, Letter.state).where(or_(Letter.state.in_(UNDER_WAY), may_reopen))
    states = dict(session.execute(some).all())
    under_way = [letter_id for letter_id, state in states.items() if state in UNDER_WAY]
    # Else the breaker could let a copy wait again whose reader has left since it was refused.
    refused = update(_ROWS).where(_for(under_way, subscription_ids), _ROWS.c.state == _STATE[CopyState.REFUSED])
    session.connection().execute(refused.where(_ROWS.c.reason == ABOUT_US).values(reason=reason))
    return _skip(session, _for(list(states), subscription_ids), reason, now)


def anonymize(session: Session, subscription_ids: Collection[int], now: datetime) -> None:
    """Erase these readers' names and addresses from their copies; the copies stay, and count as before."""
    skip_all_pending(session, subscription_ids, "erased", now)
    theirs = _for(_ANY_LETTER, subscription_ids)
    blanked = update(_ROWS).where(theirs).values(address="", name="", source=None, reply=None).returning(_ROWS.c.id)
    ids = session.connection().execute(blanked).scalars().all()
    # What a provider reported later may quote the address.
    session.connection().execute(update(CopyNote).where(CopyNote.copy_id.in_(ids)).values(detail=None))


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
        begin = _Moves.for_letter(connection, letter_id).begin
        parameters = _parameters(connection, letter_id, worker, [(copy.id,) for copy in theirs], now)
        begun.update(copy_id for (copy_id,) in begin.run(connection, parameters))
    return begun


def record(connection: Connection, worker: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Record the outcomes of these copies, in at most three grouped statements for each letter."""
    ended = [outcome for outcome in outcomes if not outcome.goes_back]
    for letter_id, theirs in _by_letter(ended, lambda outcome: outcome.copy.letter_id):
        parameters = _parameters(connection, letter_id, worker, list(map(_outcome_cells, theirs)), now)
        _Moves.for_letter(connection, letter_id).end.run(connection, parameters)
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
    claimed = _Moves.for_letter(connection, letter_id).claim.run(connection, parameters | {"until": until})
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


def _for(letters: Select[int] | Collection[int], subscription_ids: Collection[int]) -> ColumnElement[bool]:
    # The index that finds a reader's copies begins with the letter.
    return _ROWS.c.letter_id.in_(letters) & _ROWS.c.subscription_id.in_(subscription_ids)


def _skip(session: Session, whose: ColumnElement[bool], reason: str, now: datetime) -> int:
    # One statement for both states, or a copy that is claimed or given back between two would slip through.
    # A copy that is being sent cannot be called back; its reason keeps it out of the queue if it is given back.
    is_sending = _ROWS.c.state == _STATE[CopyState.SENDING]
    state = case((is_sending, _STATE[CopyState.SENDING]), else_=_STATE[CopyState.SKIPPED])
    ended_at = case((is_sending, null()), else_=literal(now, _ROWS.c.ended_at.type))
    unsent = update(_ROWS).where(whose, or_(PENDING, SENDING))
    connection = session.connection()
    changed = connection.execute(unsent.values(state=state, reason=reason, ended_at=ended_at)).rowcount
    # These rows are locked until we commit, so the copies that are still being sent are those only marked.
    marked = connection.scalar(select(func.count()).select_from(_ROWS).where(whose, SENDING)) or 0
    return changed - marked


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
    return ids | {name: getattr(outcome, name) for name in (*_REPLY_COLUMNS, "not_before")}


def _give_back(connection: Connection, worker: str, copies: Iterable[HeldCopy], now: datetime) -> None:
    moved = rows(connection, id=_ROWS.c.id.type)
    for letter_id, theirs in _by_letter(copies, lambda copy: copy.letter_id):
        own = partitions.table_of(connection.dialect, letter_id)
        parameters = {"by": worker, "rows": encode_rows((copy.id,) for copy in theirs)}
        connection.execute(_mine(own, moved).values(_back(own, now)), parameters)


def _put_off(worker: str, now: datetime) -> Update:
    tried = {"attempts": _ROWS.c.attempts + 1} | {name: bindparam(name) for name in (*_REPLY_COLUMNS, "not_before")}
    tried["reply"] = _reply_unless_erased(_ROWS, bindparam("reply", type_=_ROWS.c.reply.type))
    own = _held_by(worker).where(_ROWS.c.letter_id == bindparam("letter"), _ROWS.c.id == bindparam("copy"))
    return own.values(_back(_ROWS, now) | tried | {"reservation": None})


def _ids(session: Session, statement: Update, column: Any = Copy.id) -> list[int]:
    return sorted(session.scalars(statement.returning(column), execution_options=UNSYNCED))
