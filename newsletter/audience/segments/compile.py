"""Compile a segment's rule into a condition on subscriptions, from an allow-list of fields and comparisons."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from newsletter.audience.address import Address
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments.rule import Condition, Field, Match, Op, Rule
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


def matching(asked: Question, rule: Rule) -> Test:
    """The SQL condition that a subscription belongs to a resolved rule; Invalid for a value that cannot be compared.

    Days begin and end in the publication's time zone.
    """
    tests = [_test(asked, condition) for condition in rule.conditions]
    if rule.match is Match.ANY and tests:
        return or_(false(), *tests)
    return and_(true(), *tests)


def _test(asked: Question, condition: Condition) -> Test:
    if condition.field is Field.SEGMENT:
        if condition.rule is None:
            raise ValueError("the rule's segments are not resolved")
        inner = matching(asked, condition.rule)
        return _negated_if_is_not(condition, inner)
    return _TESTS[condition.field](asked, condition)


def _tag(asked: Question, condition: Condition) -> Test:
    key = folded_name(condition.value)
    tag = select(Tag.id).where(Tag.publication_id == asked.publication.id, Tag.key == key).scalar_subquery()
    return _negated_if_is_not(
        condition, _among(asked, select(SubscriptionTag.subscription_id).where(SubscriptionTag.tag_id == tag))
    )


def _attribute(asked: Question, condition: Condition) -> Test:
    key = folded_name(condition.name)
    attribute = select(Attribute.id).where(Attribute.publication_id == asked.publication.id, Attribute.key == key)
    known = select(SubscriptionAttribute.subscription_id).where(
        SubscriptionAttribute.attribute_id == attribute.scalar_subquery()
    )
    if condition.op is Op.KNOWN:
        return _among(asked, known)
    if condition.op is Op.UNKNOWN:
        return not_(_among(asked, known))
    return _negated_if_is_not(condition, _among(asked, known.where(_value_test(condition))))


def _value_test(condition: Condition) -> Test:
    if condition.op in (Op.OVER, Op.UNDER):
        number, _ = typed_value(AttributeType.NUMBER, condition.value)
        if number is None:
            raise Invalid(f"“{condition.name} {condition.op}” compares with a number, and not with {condition.value!r}")
        column = SubscriptionAttribute.number
        return column > number if condition.op is Op.OVER else column < number
    if condition.op in (Op.BEFORE, Op.AFTER):
        day = _day(condition)
        return SubscriptionAttribute.date < day if condition.op is Op.BEFORE else SubscriptionAttribute.date > day
    return _text_test(SubscriptionAttribute.text, condition)


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


def _source(_asked: Question, condition: Condition) -> Test:
    if condition.op is Op.KNOWN:
        return Subscription.source.is_not(None)
    if condition.op is Op.UNKNOWN:
        return Subscription.source.is_(None)
    # A reader without a source is not from that source.
    is_it = and_(Subscription.source.is_not(None), _text_test(Subscription.source, condition))
    return _negated_if_is_not(condition, is_it)


def _issue(asked: Question, condition: Condition) -> Test:
    got = _among(asked, ledger.reached_subscriptions(int(condition.value)))
    return got if condition.op is Op.RECEIVED else not_(got)


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


_TESTS: Mapping[Field, Callable[[Question, Condition], Test]] = {
    Field.TAG: _tag,
    Field.ATTRIBUTE: _attribute,
    Field.JOINED: _joined,
    Field.STATUS: _status,
    Field.SOURCE: _source,
    Field.ISSUE: _issue,
    Field.DOMAIN: _domain,
}


def _among(asked: Question, ids: Select[int], column: InstrumentedAttribute[int] = Subscription.id) -> Test:
    # PostgreSQL evaluates an IN again for each of a million rows if it is negated, or one of several in an OR.
    if asked.dialect == "postgresql" or asked.taking is Taking.FEW:
        (found,) = ids.selected_columns
        return ids.where(found == column).correlate(Subscription).exists()
    # SQLite asks an EXISTS again for each. With + 0 it goes through the subscriptions in their order; without, it may
    # look up each of the ids, and sort them all.
    return (column + 0).in_(ids) if asked.taking is Taking.IN_ORDER else column.in_(ids)


def _negated_if_is_not(condition: Condition, test: Test) -> Test:
    return not_(test) if condition.op is Op.IS_NOT else test


def _text_test(column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], condition: Condition) -> Test:
    if condition.op is Op.CONTAINS:
        return func.lower(column).contains(condition.value.lower(), autoescape=True)
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
