"""Keyset pagination: each page begins at a row's key, so that the last page costs as much as the first.

`before` and `after` refer to the order of the keys, whichever way the list is sorted: with the newest first, the next
page is the one `before` its last row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, SQLColumnExpression, literal, tuple_

T = TypeVar("T")
Statement = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page asked for: the rows before or after the row with this id; neither for the first page."""

    before: int | None = None
    after: int | None = None

    def reaches(self, number: int) -> bool:
        """Whether the row with this id is on that side of where the page begins."""
        return (self.before is None or number < self.before) and (self.after is None or number > self.after)


FIRST_PAGE = PageRequest()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows of a page in order, and the query parameters of the previous and next pages; empty for none."""

    rows: Sequence[T]
    previous: dict[str, int]
    next: dict[str, int]


@dataclass(frozen=True, slots=True)
class Order(Generic[T]):
    """The order of a list: its columns, and the id by which a page refers to a row."""

    keys: Sequence[SQLColumnExpression[Any]]
    number: Callable[[T], int]
    newest_first: bool = True
    keys_of: Callable[[int], Any] = literal
    """The key values of the row with an id."""

    def page(self, fetch: Callable[[Statement], Sequence[T]], rows: Statement, turn: PageRequest, size: int) -> Page[T]:
        """The page asked for; the first one if it would be empty."""
        found = list(fetch(self.cut(rows, turn, size)))
        if not found and turn != FIRST_PAGE:
            return self.page(fetch, rows, FIRST_PAGE, size)
        return self.page_of(found, turn, size)

    def page_of(self, found: Sequence[T], turn: PageRequest, size: int) -> Page[T]:
        """The page asked for, of the rows that begin there; one more than `size` means that there are more."""
        goes_back, is_cut = self._goes_back(turn), len(found) > size
        on_page = found[:size][::-1] if goes_back else found[:size]
        has_previous = is_cut if goes_back else turn != FIRST_PAGE
        has_next = goes_back or is_cut
        to_previous, to_next = ("after", "before") if self.newest_first else ("before", "after")
        return Page(
            on_page,
            {to_previous: self.number(on_page[0])} if has_previous and on_page else {},
            {to_next: self.number(on_page[-1])} if has_next and on_page else {},
        )

    def cut(self, rows: Statement, turn: PageRequest, size: int) -> Statement:
        """The rows of the page, and one more to know whether there is a further page."""
        key = self.keys[0] if len(self.keys) == 1 else tuple_(*self.keys)
        if turn.before is not None:
            rows = rows.where(key < self.keys_of(turn.before))
        if turn.after is not None:
            rows = rows.where(key > self.keys_of(turn.after))
        descends = self.newest_first is not self._goes_back(turn)
        return rows.order_by(None).order_by(*(each.desc() if descends else each for each in self.keys)).limit(size + 1)

    def _goes_back(self, turn: PageRequest) -> bool:
        return (turn.after if self.newest_first else turn.before) is not None
