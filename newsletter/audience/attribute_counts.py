"""How many readers have a value of an attribute, which it is for example, and how many a type cannot compare."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, not_, select
from sqlalchemy.orm import Session

from newsletter.audience.attribute_types import AttributeType, is_of_type
from newsletter.audience.attributes import AttributeValues, KnownAttribute, rows_of, rows_with
from newsletter.db import is_postgresql

_NEWEST = 100
"""The readers among whom examples are looked for: to find one of a rare value may take as long as to count all."""
_MISFITS, _EXAMPLES = 50, 3


class Fit(NamedTuple):
    """How many readers have a value, and of how many it is no number or no date, with a few examples."""

    values: int
    misfits: int = 0
    examples: Sequence[str] = ()


def count_values(session: Session, publication_id: int, known: Sequence[KnownAttribute]) -> Mapping[int, int]:
    """How many readers have a value of each attribute, by its position. One way through all readers for each part."""
    counts: dict[int, int] = {}
    for part, theirs in _by_part(known).items():
        columns = [func.count(one.column) for one in theirs]
        (found,) = session.execute(select(*columns).where(*rows_of(publication_id, part)))
        counts |= {one.position: number for one, number in zip(theirs, found, strict=True)}
    return counts


def example_values(
    session: Session, publication_id: int, known: Sequence[KnownAttribute], most: int
) -> Mapping[int, Sequence[str]]:
    """Some values of each attribute, each once, that the newest readers have, by its position."""
    examples: dict[int, Sequence[str]] = {}
    for part, theirs in _by_part(known).items():
        newest = select(*(one.column for one in theirs)).where(*rows_of(publication_id, part))
        rows = session.execute(newest.order_by(AttributeValues.subscription_id.desc()).limit(_NEWEST)).all()
        for one, values in zip(theirs, zip(*rows, strict=True), strict=False):
            examples[one.position] = list(dict.fromkeys(value for value in values if value is not None))[:most]
    return examples


def count_fitting(session: Session, publication_id: int, attribute: KnownAttribute, type_: AttributeType) -> Fit:
    """How many readers have a value of an attribute, and of how many this type cannot compare it."""
    has_value = rows_with(publication_id, attribute)
    if type_ is AttributeType.TEXT:
        return Fit(count_values(session, publication_id, [attribute])[attribute.position])
    misfits = not_(is_of_type(attribute.column, type_, on_postgresql=is_postgresql(session)))
    values, count = session.execute(select(func.count(), func.count().filter(misfits)).where(has_value)).one()
    if not count:
        return Fit(values)
    some = session.scalars(select(attribute.column).where(has_value, misfits).limit(_MISFITS))
    return Fit(values, count, list(dict.fromkeys(one for one in some if one is not None))[:_EXAMPLES])


def _by_part(known: Sequence[KnownAttribute]) -> Mapping[int, Sequence[KnownAttribute]]:
    parts: dict[int, list[KnownAttribute]] = defaultdict(list)
    for one in known:
        parts[one.part].append(one)
    return parts
