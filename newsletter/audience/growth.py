"""How the number of readers changed month by month, worked out from when they joined and left."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, cast, func, null, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.selectable import CompoundSelect

from newsletter.audience.models import Status, Subscription
from newsletter.audience.subscribers import ACTIVE
from newsletter.db import is_postgresql

READING = (Status.ACTIVE, Status.PAUSED)
"""The statuses of readers; those who have paused are still subscribed."""
_MONTHS = 12


class MonthGrowth(NamedTuple):
    """A month, by UTC: who joined and left in it, and how many readers there were at its end."""

    month: date
    joined: int
    left: int
    readers: int


def growth_in_a_year(session: Session, publication_id: int, readers: int, now: datetime) -> list[MonthGrowth]:
    """The last twelve months, oldest first, this one included; `readers` is how many there are now.

    A reader who left and came back counts from then, and one who was erased does not count.
    """
    months = list(islice(_months_back(now), _MONTHS))
    joined, left = _changes(session, publication_id, datetime(months[-1].year, months[-1].month, 1, tzinfo=UTC))
    found = []
    for month in months:
        found.append(MonthGrowth(month, joined[f"{month:%Y-%m}"], left[f"{month:%Y-%m}"], readers))
        readers -= found[-1].joined - found[-1].left
    return found[::-1]


def _months_back(now: datetime) -> Iterator[date]:
    month = now.astimezone(UTC).date().replace(day=1)
    while True:
        yield month
        month = (month - timedelta(days=1)).replace(day=1)


def _changes(session: Session, publication_id: int, since: datetime) -> tuple[Counter[str], Counter[str]]:
    """How many readers joined and how many left in each month, such as 2026-11."""
    joined: Counter[str] = Counter()
    left: Counter[str] = Counter()
    found = _grouped(session, publication_id, since)
    for joined_in, left_in, readers in session.execute(found):
        joined[joined_in] += readers
        if left_in:
            left[left_in] += readers
    return joined, left


def _grouped(session: Session, publication_id: int, since: datetime) -> CompoundSelect[str, str | None, int]:
    """Three selects, so that active readers, by far the most, are counted by an index alone."""
    confirmed, created, left = Subscription.confirmed_at, Subscription.created_at, Subscription.left_at
    joined, nobody_left = func.coalesce(confirmed, created), cast(null(), String())
    # An ended subscription that was neither confirmed nor imported never had a reader.
    was_reader = confirmed.is_not(None) | Subscription.source.is_not(None)
    has_read = (Subscription.status == Status.PAUSED) | (left.is_not(None) & was_reader)
    ours = Subscription.publication_id == publication_id
    in_confirmed, in_created, in_joined, in_left = (_month(session, at) for at in (confirmed, created, joined, left))
    confirmed_ones = select(in_confirmed, nobody_left, func.count()).where(ours, ACTIVE, confirmed >= since)
    imported = select(in_created, nobody_left, func.count()).where(ours, ACTIVE, confirmed.is_(None), created >= since)
    others = select(in_joined, in_left, func.count()).where(ours, Subscription.status != Status.ACTIVE, has_read)
    others = others.where(or_(joined >= since, left >= since))
    return confirmed_ones.group_by(in_confirmed).union_all(
        imported.group_by(in_created), others.group_by(in_joined, in_left)
    )


def _month(session: Session, moment: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[str]:
    if is_postgresql(session):
        return func.to_char(func.timezone("UTC", moment), "YYYY-MM", type_=String())
    return func.substr(cast(moment, String()), 1, 7, type_=String())
