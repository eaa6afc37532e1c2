"""One condition of a segment as SQL, from an allow-list of fields and comparisons."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Float, Select, and_, case, cast, false, func, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from newsletter.audience import attributes
from newsletter.audience.address import Address
from newsletter.audience.attribute_types import NO, YES, AttributeType, is_number_in_sqlite, is_of_type, number_of
from newsletter.audience.attributes import AttributeValues, KnownAttribute
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments.rule import WITHOUT_VALUE, Condition, Field, Match, Op
from newsletter.audience.tag_names import folded_name
from newsletter.audience.tags import SubscriptionTag, Tag
from newsletter.delivery import ledger
from newsletter.errors import Invalid
from newsletter.publications import Publication

Test = ColumnElement[bool]
_MAX_DAYS = 36_500


class Taking(Enum):
    """Which subscriptions a rule is asked of; the answer is the same, only SQLite's way to it differs."""

    ALL = "all"
    IN_ORDER = "all, in the order of their ids"
    FEW = "a few: those that are known already, or one after another until there are enough"


@dataclass(frozen=True, slots=True)
class Question:
    """What a rule is compiled for."""

    publication: Publication
    now: datetime
    on_postgresql: bool
    taking: Taking = Taking.ALL
    joins: bool = True
    """Whether PostgreSQL may join the lists of ids, rather than ask each by itself."""
    attributes: Mapping[str, KnownAttribute] = field(default_factory=dict)
    """Those that the rule names and that there are, by their keys."""
    ids: range | None = None
    """Of which subscriptions, if not of all."""

    def is_asked(self, subscription_id: ColumnElement[int] | InstrumentedAttribute[int]) -> Test:
        """The SQL condition that a subscription is one of those that the rule is asked of."""
        if self.ids is None:
            return true()
        return and_(subscription_id >= self.ids.start, subscription_id < self.ids.stop)


def is_listed(condition: Condition) -> bool:
    """Whether there is a list of the ids of those who have what a condition is about."""
    return condition.field in _LISTS


def lists_of(asked: Question, conditions: Iterable[Condition], match: Match) -> list[Select[int]]:
    """The ids of those who have what `is_listed` conditions are about, negative or not, each once in a list.

    What stands in the same rows makes one list, of those who have all or any of it. All are of the publication, so
    that nobody need look that up again.
    """
    lists: list[Select[int]] = []
    by_part: dict[int, list[Test]] = {}
    for one in conditions:
        if known := _attribute(asked, one):
            by_part.setdefault(known.part, []).append(_value_test(asked, known, one))
        else:
            lists.append(_LISTS[one.field](asked, one))
    combined = or_ if match is Match.ANY else and_
    lists += [_with_values(asked, part, combined(*tests)) for part, tests in by_part.items()]
    return [ids.where(asked.is_asked(*ids.selected_columns)) for ids in lists]


def test_of(asked: Question, condition: Condition) -> Test:
    """The SQL condition that a subscription meets one that is not about a segment, asked of each by itself."""
    if condition.field in _TESTS:
        return _TESTS[condition.field](asked, condition)
    if condition.field is Field.DOMAIN:
        belongs = _is_among(asked, _with_domain(condition), Subscription.subscriber_id)
    else:
        belongs = _is_among(asked, _LISTS[condition.field](asked, condition), Subscription.id)
    return not_(belongs) if condition.op in NEGATIVE else belongs


def _tagged(asked: Question, condition: Condition) -> Select[int]:
    key = folded_name(condition.value)
    tag = select(Tag.id).where(Tag.publication_id == asked.publication.id, Tag.key == key).scalar_subquery()
    return select(SubscriptionTag.subscription_id).where(SubscriptionTag.tag_id == tag)


def _with_attribute(asked: Question, condition: Condition) -> Select[int]:
    known = _attribute(asked, condition)
    # Where there is no such attribute yet, what it is compared with is refused all the same if it is no number or day.
    is_met = _value_test(asked, known or KnownAttribute(AttributeType.TEXT, 0), condition)
    return _with_values(asked, known.part, is_met) if known else select(AttributeValues.subscription_id).where(false())


def _attribute(asked: Question, condition: Condition) -> KnownAttribute | None:
    return asked.attributes.get(folded_name(condition.name)) if condition.field is Field.ATTRIBUTE else None


def _with_values(asked: Question, part: int, test: Test) -> Select[int]:
    rows = attributes.rows_of(asked.publication.id, part)
    return select(AttributeValues.subscription_id).where(*rows, test)


def _reached(_asked: Question, condition: Condition) -> Select[int]:
    letter_ids = [int(one) for one in condition.value.split()]
    found = ledger.reached_subscriptions(letter_ids)
    return found.distinct() if len(letter_ids) > 1 else found


def _value_test(asked: Question, attribute: KnownAttribute, condition: Condition) -> Test:
    if condition.op in WITHOUT_VALUE:
        return attribute.column.is_not(None)
    if condition.op in (Op.OVER, Op.UNDER):
        return _number_test(asked, attribute, condition)
    if condition.op in (Op.BEFORE, Op.AFTER):
        return _date_test(asked, attribute, condition)
    return _text_test(asked, attribute.column, condition)


def _number_test(asked: Question, attribute: KnownAttribute, condition: Condition) -> Test:
    text, sought, is_over = attribute.column, _number(condition), condition.op is Op.OVER
    if attribute.type is AttributeType.NUMBER and not asked.on_postgresql:
        return is_number_in_sqlite(text, over=sought) if is_over else is_number_in_sqlite(text, under=sought)
    if attribute.type is AttributeType.NUMBER:
        is_number = is_of_type(text, AttributeType.NUMBER, on_postgresql=True)
        number = case((is_number, cast(text, Float(53))))
    elif attribute.type is AttributeType.BOOLEAN:
        lowered = func.lower(text)
        number = case((lowered.in_(YES), 1.0), (lowered.in_(NO), 0.0))
    else:
        return false()
    return number > sought if is_over else number < sought


def _date_test(asked: Question, attribute: KnownAttribute, condition: Condition) -> Test:
    text, day, is_after = attribute.column, _day(condition), condition.op is Op.AFTER
    if attribute.type is not AttributeType.DATE:
        return false()
    is_date = is_of_type(text, AttributeType.DATE, on_postgresql=asked.on_postgresql)
    in_order = text.collate("C" if asked.on_postgresql else "BINARY")
    # A time may follow on the day.
    return and_(in_order >= (day + timedelta(days=1)).isoformat() if is_after else in_order < day.isoformat(), is_date)


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


def _of_domain(asked: Question, condition: Condition) -> Select[int]:
    # With + 0, SQLite does not look for the few subscribers among all of the publication's.
    ours = Subscription.publication_id + 0 == asked.publication.id
    return select(Subscription.id).where(ours, Subscription.subscriber_id.in_(_with_domain(condition)))


def _with_domain(condition: Condition) -> Select[int]:
    try:
        at = "@" + Address.parse(f"a@{condition.value.removeprefix('@')}").domain
    except Invalid:
        raise Invalid(f"a domain is written as example.org, and not as {condition.value!r}") from None
    return select(Subscriber.id).where(Subscriber.key.endswith(at, autoescape=True))


_LISTS: Mapping[Field, Callable[[Question, Condition], Select[int]]] = {
    Field.TAG: _tagged,
    Field.ATTRIBUTE: _with_attribute,
    Field.ISSUE: _reached,
    Field.DOMAIN: _of_domain,
}
NEGATIVE = frozenset({Op.IS_NOT, Op.UNKNOWN, Op.MISSED})
"""What asks that a subscription is not on the list."""

_TESTS: Mapping[Field, Callable[[Question, Condition], Test]] = {
    Field.JOINED: _joined,
    Field.STATUS: _status,
    Field.SOURCE: _source,
}


def _is_among(asked: Question, ids: Select[int], column: InstrumentedAttribute[int]) -> Test:
    # PostgreSQL evaluates an IN again for each of a million rows if it is negated, or one of several in an OR.
    (found,) = ids.selected_columns
    listed = ids.where(found == column).correlate(Subscription).exists()
    # What is within another test is not joined.
    return listed if asked.joins or not asked.on_postgresql else listed.is_(true())


def _negated_if_is_not(condition: Condition, test: Test) -> Test:
    return not_(test) if condition.op is Op.IS_NOT else test


def _text_test(
    asked: Question, column: ColumnElement[str | None] | InstrumentedAttribute[str | None], condition: Condition
) -> Test:
    value, is_part = condition.value, condition.op is Op.CONTAINS
    # However its accents are composed, it is one text.
    spellings = sorted({unicodedata.normalize(form, value) for form in ("NFC", "NFD")})
    if asked.on_postgresql:
        lowered, sought = func.lower(column), [each.lower() for each in spellings]
        return or_(*(lowered.contains(each, autoescape=True) for each in sought)) if is_part else lowered.in_(sought)
    if value.isascii():
        # It ignores the case of ASCII letters in half the time that it takes to lower the text.
        return column.contains(value, autoescape=True) if is_part else column.collate("NOCASE") == value
    around = "*" if is_part else ""
    return or_(*(column.bool_op("GLOB")(f"{around}{_in_any_case(each)}{around}") for each in spellings))


def _in_any_case(text: str) -> str:
    """The pattern of SQLite's GLOB for a text, whatever the case of its letters: [łŁ][óÓ]..."""
    cases = ({letter, letter.lower(), letter.upper()} if letter.isalpha() else {letter} for letter in text)
    letters = ("".join(sorted(each for each in some if len(each) == 1)) for some in cases)
    return "".join(f"[{some}]" if len(some) > 1 or some in "*?[" else some for some in letters)


def _day(condition: Condition) -> date:
    try:
        day = date.fromisoformat(condition.value)
    except ValueError:
        raise Invalid(f"a day is written as 2026-11-29, and not as {condition.value!r}") from None
    # The midnights of the first and the last day that there are lie beyond them in some time zones.
    if not date.min.year < day.year < date.max.year:
        raise Invalid(f"a day has a year between {date.min.year + 1} and {date.max.year - 1}: {condition.value}")
    return day


def _number(condition: Condition) -> float:
    number = number_of(condition.value)
    if number is None:
        raise Invalid(f"“{condition.name} {condition.op}” compares with a number, and not with {condition.value!r}")
    return number


def _midnight(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)
