"""Readers on the desk, page by page: all of a publication, or those whose name or address contains what was typed.

Where few readers can be meant, each of their entries is read. Otherwise the search index names who contains what was
typed, and their subscriptions are looked up. A search stops after looking at many readers, and tells where.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Integer, Row, Select, func, select
from sqlalchemy.orm import Session

from newsletter.audience import search_index, search_text
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.pagination import FIRST_PAGE, Order, Page, PageRequest
from newsletter.prepared import encode_rows, listed

_NEWEST_FIRST: Order[Subscription] = Order((Subscription.id,), lambda one: one.id)
# By when somebody first came to the press, because the search index knows people, not subscriptions.
_FOUND: Order[Subscription] = Order((Subscriber.id,), lambda one: one.subscriber_id)
_FEW_READERS = 20_000
_MOST_LOOKED_AT = 50_000
_MOST_COUNTED = 1_000

_Row = Row[int, int]
"""A reader and their subscription."""


@dataclass(frozen=True, slots=True)
class _Search:
    """Whom a search is for: the parts of their entries, and the page of them."""

    publication_id: int
    status: Status | None
    parts: list[str]
    turn: PageRequest
    most: int
    """How many of them are enough."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of those who were found."""

    page: Page[Subscription]
    count: int | None
    """How many were found; None on later pages, and where nothing was searched for: neither is counted."""
    is_exact: bool
    """Whether there are no more than `count`."""
    search_on: dict[str, int]
    """The parameter of the page that goes on where the search stopped; empty unless it did, with a page not full."""


def conditions(session: Session, search: str, status: Status | None) -> list[ColumnElement[bool]]:
    """The conditions on `Subscription` joined with `Subscriber` of a search at the desk.

    Each word of `search` must occur in the address or name, ignoring case and accents; one or two letters match only
    the beginning of a word. Wildcards have no meaning.
    """
    parts = search_text.search_terms(search)
    return [*_of_status(status), *search_index.contains_all(session, parts)]


def newest(
    session: Session, publication_id: int, status: Status | None, turn: PageRequest = FIRST_PAGE, size: int = 50
) -> Page[Subscription]:
    """A page of a publication's readers, newest first."""
    rows = select(Subscription).where(Subscription.publication_id == publication_id, *_of_status(status))
    return _NEWEST_FIRST.page(lambda some: session.scalars(some).all(), rows, turn, size)


def find(
    session: Session,
    publication_id: int,
    search: str,
    status: Status | None = None,
    turn: PageRequest = FIRST_PAGE,
    size: int = 50,
) -> Found:
    """A page of the readers whom a search finds, in the order in which they first came, newest first.

    Of all readers, in the order in which they subscribed, if nothing is searched for.
    """
    parts = search_text.search_terms(search)
    if not parts:
        return Found(newest(session, publication_id, status, turn, size), None, is_exact=False, search_on={})
    most = size + 1 if turn != FIRST_PAGE else max(_MOST_COUNTED, size + 1)
    rows, stopped_at = _matches(session, _Search(publication_id, status, parts, turn, most))
    return Found(
        _FOUND.page_of(_load(session, rows[: size + 1]), turn, size),
        count=len(rows) if turn == FIRST_PAGE else None,
        is_exact=stopped_at is None and len(rows) < most,
        search_on={"before" if turn.after is None else "after": stopped_at}
        if stopped_at is not None and len(rows) <= size
        else {},
    )


def _of_status(status: Status | None) -> list[ColumnElement[bool]]:
    return [] if status is None else [Subscription.status == status]


def _matches(session: Session, asked: _Search) -> tuple[list[_Row], int | None]:
    """The first ones that match, in order, and the reader at whom the search stopped; None if it came to the end."""
    every = select(Subscription.subscriber_id, Subscription.id).join(Subscription.subscriber)
    every = every.where(*_of_status(asked.status), *search_index.contains_all(session, asked.parts))
    stopped_at = None
    if _are_few(session, asked):
        own = session.execute(every.where(Subscription.publication_id == asked.publication_id))
        found = {row for row in own if asked.turn.reaches(row[0])}
    else:
        # With + 0, SQLite looks up whom it is given, and does not walk all of the publication's for them.
        every = every.where(Subscription.publication_id + 0 == asked.publication_id)
        found, stopped_at = _indexed(session, every, asked)
        found |= _unindexed(session, every, asked)
    newest_first = asked.turn.after is None
    if stopped_at is not None:
        found = {row for row in found if (row[0] >= stopped_at if newest_first else row[0] <= stopped_at)}
    return sorted(found, reverse=newest_first)[: asked.most], stopped_at


def _are_few(session: Session, asked: _Search) -> bool:
    own = select(Subscription.id).where(Subscription.publication_id == asked.publication_id, *_of_status(asked.status))
    counted = select(func.count()).select_from(own.limit(_FEW_READERS + 1).subquery())
    return (session.scalar(counted) or 0) <= _FEW_READERS


def _indexed(session: Session, every: Select[int, int], asked: _Search) -> tuple[set[_Row], int | None]:
    """Those whom the index knows; enough of them, all, or those until the reader at whom the search stopped."""
    named = listed(session, id=Integer())
    theirs = every.where(Subscription.subscriber_id.in_(select(named.c.id)))
    found: set[_Row] = set()
    looked_at, end = 0, None
    for stretch in search_index.search(session, asked.parts, asked.turn):
        if looked_at >= _MOST_LOOKED_AT:
            return found, end
        if stretch.readers:
            found.update(session.execute(theirs, {"rows": encode_rows(stretch.readers)}))
        if len(found) >= asked.most:
            break
        looked_at, end = looked_at + stretch.looked_at, stretch.end
    return found, None


def _unindexed(session: Session, every: Select[int, int], asked: _Search) -> set[_Row]:
    """Those whom the index does not know yet: few, except after an import."""
    return set(session.execute(_FOUND.cut(every.where(search_index.UNINDEXED), asked.turn, asked.most)))


def _load(session: Session, rows: Iterable[_Row]) -> list[Subscription]:
    ids = [subscription_id for _, subscription_id in rows]
    found = {one.id: one for one in session.scalars(select(Subscription).where(Subscription.id.in_(ids)))}
    return [found[subscription_id] for subscription_id in ids if subscription_id in found]
