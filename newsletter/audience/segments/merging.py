"""Lists of ids that SQLite combines by walking them side by side, each in its index's order; it stores none of them."""

from collections.abc import Sequence

from sqlalchemy import CompoundSelect, Select, select, union_all
from sqlalchemy.sql.selectable import _CompoundSelectKeyword as Operator

from newsletter.audience.models import Subscription

_MAX_SIDE_BY_SIDE = 8
"""Each id of the first of many lists would pass by all the others."""


class _Combined(CompoundSelect[int]):
    """Lists combined from left to right: SQLite allows no parentheses around the first ones, and needs none."""

    inherit_cache = True

    def self_group(self, against: object = None) -> "_Combined":  # type: ignore[override]  # noqa: ARG002
        return self


IdList = Select[int] | _Combined
"""A query of the ids of subscriptions."""


def on_all(lists: Sequence[IdList], without: Sequence[IdList] = ()) -> IdList:
    """The ids on each of these lists, and on none of those to leave out."""
    first, *rest = sorted(lists, key=lambda one: not isinstance(one, _Combined))
    found = _Combined(Operator.INTERSECT, first, *map(_alone, rest)) if rest else first
    return _Combined(Operator.EXCEPT, found, *map(_alone, without)) if without else found


def on_any(lists: Sequence[IdList]) -> IdList:
    """The ids on at least one of these lists; fastest if the longest comes first."""
    # What is combined is compared with each further list.
    longest_last = lists[::-1]
    first, *rest = sorted(longest_last, key=lambda one: not isinstance(one, _Combined))
    if len(rest) >= _MAX_SIDE_BY_SIDE:
        stored = union_all(*map(_alone, lists))
        return select(Subscription.id).where((Subscription.id + 0).in_(stored))
    return _Combined(Operator.UNION, first, *map(_alone, rest)) if rest else first


def in_order(ids: IdList) -> IdList:
    """The same, lowest first."""
    (only,) = ids.selected_columns
    # Without a limit, SQLite takes the order within another query for superfluous, and stores the lists.
    return ids.order_by(only).limit(-1)


def _alone(ids: IdList) -> Select[int]:
    """As a list that another one can be combined with."""
    return ids if isinstance(ids, Select) else select(*in_order(ids).subquery().c)
