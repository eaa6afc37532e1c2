"""The prepared statements by which a worker moves copies: claim, begin and end."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Self, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    Integer,
    Table,
    Update,
    bindparam,
    case,
    literal_column,
    null,
    select,
    text,
    update,
)

from newsletter.delivery.ledger import partitions
from newsletter.delivery.models import Copy, CopyState, Letter
from newsletter.prepared import Prepared, rows

_ROWS = cast("Table", Copy.__table__)
_MOMENT = bindparam("moment", type_=_ROWS.c.begun_at.type)
_LETTER = bindparam("letter", type_=_ROWS.c.letter_id.type)
REPLY_COLUMNS = ("code", "status", "reply")
OUTCOME_COLUMNS = (*REPLY_COLUMNS, "reason", "state")


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
class Moves:
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
        mine(copies, rows(dialect, id=copies.c.id.type))
        .where(copies.c.begun_at.is_(None), copies.c.reason.is_(None), copies.c.lease_until > _MOMENT, running)
        .values(begun_at=_MOMENT)
        .returning(copies.c.id)
    )


def _end(copies: Table, dialect: Dialect) -> Update:
    ended = rows(dialect, id=copies.c.id.type, **{name: copies.c[name].type for name in OUTCOME_COLUMNS})
    settled = {"attempts": copies.c.attempts + literal_column("1"), "lease_until": null(), "ended_at": _MOMENT}
    outcome = {name: ended.c[name] for name in OUTCOME_COLUMNS} | {"reply": reply_unless_erased(copies, ended.c.reply)}
    return mine(copies, ended).values(settled | outcome)


def reply_unless_erased(copies: Table, reply: ColumnElement[Any]) -> ColumnElement[Any]:
    # The reply may quote the address, so it is not stored if the reader was erased while the copy was on its way.
    return case((copies.c.address == literal_column("''"), null()), else_=reply)


def mine(copies: Table, moved: FromClause) -> Update:
    # Worded unlike the partial index on copies being sent, or PostgreSQL would scan that index for each group.
    is_sending = literal_column(f"{copies.name}.state || ''") == literal_column("'sending'")
    return update(copies).where(copies.c.id == moved.c.id, is_sending, copies.c.worker == bindparam("by"))
