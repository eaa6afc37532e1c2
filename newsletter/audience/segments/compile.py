"""Compile a segment's rule into a condition on subscriptions, from an allow-list of fields and comparisons."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute

from newsletter.audience.address import Address
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments.rule import WITHOUT_VALUE, Condition, Field, Match, Op, Rule
from newsletter.audience.tags import (
    Attribute,
    AttributeType,
    SubscriptionAttribute,
    SubscriptionTag,
    Tag,
    folded_name,
    typed_value,
)
from newsletter.delivery import ledger
from newsletter.errors import Invalid
from newsletter.publications import Publication

Test = ColumnElement[bool]
_MAX_DAYS = 36_500
_MAX_JOINS = 8
"""How many lists PostgreSQL may join: it thinks for half a minute about the order of 180."""


class Taking(Enum):
    """Which subscriptions a rule is asked of; the answer is the same, only SQLite's way to it differs."""

    ALL = "all"
    IN_ORDER = "in the order of their ids, until there are enough"
    FEW = "a few that are known already"


@dataclass(frozen=True, slots=True)
class Question:
    """What a rule is compiled for."""

    publication: Publication
    now: datetime
    dialect: str
    """The database's, by name."""
    taking: Taking = Taking.ALL
    joins: bool = True
    """Whether PostgreSQL may join the lists of ids, rather than ask each by itself."""


def matching(asked: Question, rule: Rule) -> Test:
    """The SQL condition that a subscription belongs to a resolved rule; Invalid for a value that cannot be compared.

    Days begin and end in the publication's time zone.
    """
    return _matching(replace(asked, joins=len(list(rule.walk())) <= _MAX_JOINS), rule)


def _matching(asked: Question, rule: Rule) -> Test:
    if rule.match is Match.ANY and rule.conditions:
        return or_(false(), *_tests_of_any(asked, rule.conditions))
    return and_(true(), *_tests_of_all(asked, rule.conditions))


def is_led_by_ids(rule: Rule) -> bool:
    """Whether a condition lists the ids of all that can belong, so that SQLite need not go through everybody."""
    listing = [_lists_ids(condition) for condition in rule.conditions]
    return any(listing) and (rule.match is Match.ALL or all(listing))


def _lists_ids(condition: Condition) -> bool:
    return condition.field in _IDS and condition.op not in _NEGATIVE


def _tests_of_any(asked: Question, conditions: Sequence[Condition]) -> Iterator[Test]:
    lists, others = _lists_and_others(asked, conditions)
    if lists:
        yield Subscription.id.in_(union_all(*lists))
    yield from (_test(asked, one) for one in others)


def _tests_of_all(asked: Question, conditions: Sequence[Condition]) -> Iterator[Test]:
    lists, others = _lists_and_others(asked, conditions)
    if lists:
        first, *rest = lists
        (found,) = first.selected_columns
        for ids in (each.subquery() for each in rest):
            first = first.where(select(*ids.c).where(*(id_ == found for id_ in ids.c)).exists())
        yield Subscription.id.in_(first)
    yield from (_test(asked, one) for one in others)


def _lists_and_others(
    asked: Question, conditions: Sequence[Condition]
) -> tuple[Sequence[Select[int]], Sequence[Condition]]:
    """The lists of ids that can be made one, and the conditions that are asked by themselves."""
    listing = [condition for condition in conditions if _lists_ids(condition)]
    # SQLite reads one long list faster than it asks two.
    if asked.dialect != "sqlite" or asked.taking is not Taking.ALL or len(listing) < 2:
        return (), conditions
    lists = [_IDS[condition.field](asked, condition) for condition in listing]
    return lists, [condition for condition in conditions if not _lists_ids(condition)]


def _test(asked: Question, condition: Condition) -> Test:
    if condition.field is Field.SEGMENT:
        if condition.rule is None:
            raise ValueError("the rule's segments are not resolved")
        inner = _matching(asked, condition.rule)
        return _negated_if_is_not(condition, inner)
    if condition.field in _IDS:
        listed = _among(asked, _IDS[condition.field](asked, condition))
        return not_(listed) if condition.op in _NEGATIVE else listed
    return _TESTS[condition.field](asked, condition)


def _tagged(asked: Question, condition: Condition) -> Select[int]:
    key = folded_name(condition.value)
    tag = select(Tag.id).where(Tag.publication_id == asked.publication.id, Tag.key == key).scalar_subquery()
    return select(SubscriptionTag.subscription_id).where(SubscriptionTag.tag_id == tag)


def _with_attribute(asked: Question, condition: Condition) -> Select[int]:
    key = folded_name(condition.name)
    attribute = select(Attribute.id).where(Attribute.publication_id == asked.publication.id, Attribute.key == key)
    known = select(SubscriptionAttribute.subscription_id).where(
        SubscriptionAttribute.attribute_id == attribute.scalar_subquery()
    )
    return known if condition.op in WITHOUT_VALUE else known.where(_value_test(asked, condition))


def _reached(_asked: Question, condition: Condition) -> Select[int]:
    return ledger.reached_subscriptions([int(condition.value)])


def _value_test(asked: Question, condition: Condition) -> Test:
    if condition.op in (Op.OVER, Op.UNDER):
        number, _ = typed_value(AttributeType.NUMBER, condition.value)
        if number is None:
            raise Invalid(f"“{condition.name} {condition.op}” compares with a number, and not with {condition.value!r}")
        column = SubscriptionAttribute.number
        return column > number if condition.op is Op.OVER else column < number
    if condition.op in (Op.BEFORE, Op.AFTER):
        day = _day(condition)
        return SubscriptionAttribute.date < day if condition.op is Op.BEFORE else SubscriptionAttribute.date > day
    return _text_test(asked, SubscriptionAttribute.text, condition)


def _joined(asked: Question, condition: Condition) -> Test:
    joined = func.coalesce(Subscription.confirmed_at, Subscription.created_at)
    if condition.op is Op.WITHIN_DAYS:
        if not condition.value.isdecimal() or not 1 <= int(condition.value) <= _MAX_DAYS:
            raise Invalid(f"“joined within” is a number of days from 1 to {_MAX_DAYS}, and not {condition.value!r}")
        return joined >= asked.now - timedelta(days=int(condition.value))
    day = _day(condition)
    if condition.op is Op.BEFORE:
        return joined < _midnight(day, asked.publication.time_zone)
    return joined >= _midnight(day + timedelta(days=1), asked.publication.time_zone)


def _status(_asked: Question, condition: Condition) -> Test:
    if condition.value not in set(Status):
        raise Invalid(f"a status is one of {', '.join(Status)}, and not {condition.value!r}")
    return _negated_if_is_not(condition, Subscription.status == Status(condition.value))


def _source(asked: Question, condition: Condition) -> Test:
    if condition.op is Op.KNOWN:
        return Subscription.source.is_not(None)
    if condition.op is Op.UNKNOWN:
        return Subscription.source.is_(None)
    # A reader without a source is not from that source.
    is_it = and_(Subscription.source.is_not(None), _text_test(asked, Subscription.source, condition))
    return _negated_if_is_not(condition, is_it)


def _domain(asked: Question, condition: Condition) -> Test:
    try:
        at = "@" + Address.parse(f"a@{condition.value.removeprefix('@')}").domain
    except Invalid:
        raise Invalid(f"a domain is written as example.org, and not as {condition.value!r}") from None
    # Both databases count from the front; only one of them counts from the end.
    ending = func.substr(Subscriber.key, func.length(Subscriber.key) - len(at) + 1)
    return _negated_if_is_not(
        condition, _among(asked, select(Subscriber.id).where(ending == at), Subscription.subscriber_id)
    )


_IDS: Mapping[Field, Callable[[Question, Condition], Select[int]]] = {
    Field.TAG: _tagged,
    Field.ATTRIBUTE: _with_attribute,
    Field.ISSUE: _reached,
}
"""What lists the ids of subscriptions, whether or not the condition is negative."""
_NEGATIVE = frozenset({Op.IS_NOT, Op.UNKNOWN, Op.MISSED})

_TESTS: Mapping[Field, Callable[[Question, Condition], Test]] = {
    Field.JOINED: _joined,
    Field.STATUS: _status,
    Field.SOURCE: _source,
    Field.DOMAIN: _domain,
}


def _among(asked: Question, ids: Select[int], column: InstrumentedAttribute[int] = Subscription.id) -> Test:
    # PostgreSQL evaluates an IN again for each of a million rows if it is negated, or one of several in an OR.
    if asked.dialect == "postgresql" or asked.taking is Taking.FEW:
        (found,) = ids.selected_columns
        listed = ids.where(found == column).correlate(Subscription).exists()
        # What is within another test is not joined.
        return listed if asked.joins or asked.dialect == "sqlite" else listed.is_(true())
    # SQLite asks an EXISTS again for each. With + 0 it goes through the subscriptions in their order; without, it may
    # look up each of the ids, and sort them all.
    return (column + 0).in_(ids) if asked.taking is Taking.IN_ORDER else column.in_(ids)


def _negated_if_is_not(condition: Condition, test: Test) -> Test:
    return not_(test) if condition.op is Op.IS_NOT else test


def _text_test(
    asked: Question, column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], condition: Condition
) -> Test:
    if condition.op is Op.CONTAINS:
        # SQLite's LIKE ignores the case of the letters that its LOWER knows, in half the time.
        text = column.expression if asked.dialect == "sqlite" else func.lower(column)
        return text.contains(condition.value.lower(), autoescape=True)
    # SQLite lowers ASCII alone, so that the other letters match as they were typed, or in lower case.
    ascii_lower = "".join(letter.lower() if letter.isascii() else letter for letter in condition.value)
    return func.lower(column).in_({condition.value.lower(), ascii_lower})


def _day(condition: Condition) -> date:
    try:
        day = date.fromisoformat(condition.value)
    except ValueError:
        raise Invalid(f"a day is written as 2026-11-29, and not as {condition.value!r}") from None
    # The midnights of the first and the last day that there are lie beyond them in some time zones.
    if not date.min.year < day.year < date.max.year:
        raise Invalid(f"a day has a year between {date.min.year + 1} and {date.max.year - 1}: {condition.value}")
    return day


def _midnight(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)
