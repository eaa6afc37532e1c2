"""A segment's rule: conditions on readers, as frozen values and as the JSON that is stored."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from newsletter import characters
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.tag_names import folded_name
from newsletter.errors import Invalid

MAX_CONDITIONS = 20
MAX_IN_ALL = 200
"""The most conditions of a rule, with those of the segments that it refers to: databases limit a statement's size."""
MAX_DEPTH = 5
"""How deep segments may refer to segments."""
MAX_VALUE = 200
_ID = re.compile("[1-9][0-9]{0,8}")


class Match(StrEnum):
    """How many of a rule's conditions a reader has to meet."""

    ALL = "all"
    ANY = "any"


class Field(StrEnum):
    """What a condition is about."""

    TAG = "tag"
    ATTRIBUTE = "attribute"
    JOINED = "joined"
    STATUS = "status"
    SOURCE = "source"
    ISSUE = "issue"
    DOMAIN = "domain"
    SEGMENT = "segment"


class Op(StrEnum):
    """How a condition compares."""

    IS = "is"
    IS_NOT = "is_not"
    CONTAINS = "contains"
    OVER = "over"
    UNDER = "under"
    BEFORE = "before"
    AFTER = "after"
    WITHIN_DAYS = "within_days"
    KNOWN = "known"
    UNKNOWN = "unknown"
    RECEIVED = "received"
    MISSED = "missed"


OPS: Mapping[Field, tuple[Op, ...]] = {
    Field.TAG: (Op.IS, Op.IS_NOT),
    Field.ATTRIBUTE: (*(Op.IS, Op.IS_NOT, Op.CONTAINS, Op.OVER, Op.UNDER, Op.BEFORE, Op.AFTER, Op.KNOWN, Op.UNKNOWN),),
    Field.JOINED: (Op.BEFORE, Op.AFTER, Op.WITHIN_DAYS),
    Field.STATUS: (Op.IS, Op.IS_NOT),
    Field.SOURCE: (Op.IS, Op.IS_NOT, Op.CONTAINS, Op.KNOWN, Op.UNKNOWN),
    Field.ISSUE: (Op.RECEIVED, Op.MISSED),
    Field.DOMAIN: (Op.IS, Op.IS_NOT),
    Field.SEGMENT: (Op.IS, Op.IS_NOT),
}
"""The allow-list: what may be asked of each field."""

WITHOUT_VALUE = frozenset({Op.KNOWN, Op.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `value` is text: a letter's id for ISSUE, a segment's for SEGMENT, else what is compared."""

    field: Field
    op: Op
    value: str = ""
    name: str = ""
    """Of which attribute."""
    rule: "Rule | None" = None
    """The rule of a segment that is referred to, once it is resolved."""

    @classmethod
    def parse(cls, field: str, op: str, value: str = "", name: str = "", rule: "Rule | None" = None) -> Self:
        """The condition that these words make; Invalid, saying what is wrong with them."""
        if field not in set(Field):
            raise Invalid(f"a condition is about one of {', '.join(Field)}, and not about {field[:40]!r}")
        if op not in OPS[Field(field)]:
            raise Invalid(f"a condition on {field} is one of {', '.join(OPS[Field(field)])}, and not {op[:40]!r}")
        condition = cls(Field(field), Op(op), value.strip(), name.strip(), rule)
        if condition.field is Field.ATTRIBUTE and not condition.name:
            raise Invalid("a condition on an attribute needs the attribute's name")
        if not condition.value and condition.op not in WITHOUT_VALUE:
            raise Invalid(f"the condition “{condition.field} {condition.op.replace('_', ' ')}” needs a value")
        if condition.field in (Field.ISSUE, Field.SEGMENT) and not _ID.fullmatch(condition.value):
            raise Invalid(f"{condition.field} is named by its number, and not by {condition.value[:40]!r}")
        characters.line(condition.value, "a condition's value")
        if len(condition.value) > MAX_VALUE:
            raise Invalid(
                f"a condition's value has at most {MAX_VALUE} characters, and this one {len(condition.value)}"
            )
        return condition


@dataclass(frozen=True, slots=True)
class Rule:
    """Which readers belong to a segment; a rule without conditions means everybody."""

    match: Match = Match.ALL
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        if len(self.conditions) > MAX_CONDITIONS:
            raise Invalid(f"a segment has at most {MAX_CONDITIONS} conditions, and this one {len(self.conditions)}")
        if sum(1 for _ in self.walk()) > MAX_IN_ALL:
            raise Invalid(f"a segment has at most {MAX_IN_ALL} conditions, with those of the segments it refers to")

    def walk(self) -> Iterator[Condition]:
        """Every condition, also of the segments that it refers to."""
        for condition in self.conditions:
            yield condition
            if condition.rule:
                yield from condition.rule.walk()


_NUMBERS, _DATES = (AttributeType.NUMBER, AttributeType.BOOLEAN), (AttributeType.DATE,)
_TYPES = {Op.OVER: _NUMBERS, Op.UNDER: _NUMBERS, Op.BEFORE: _DATES, Op.AFTER: _DATES}


def attribute_keys(rule: Rule) -> list[str]:
    """The attributes that a rule asks for, itself or in a segment that was resolved, each once, by their keys."""
    return list(dict.fromkeys(folded_name(one.name) for one in rule.walk() if one.field is Field.ATTRIBUTE))


def unmet_under(rule: Rule, attribute_key: str, type_: AttributeType) -> list[Condition]:
    """The conditions that no reader meets if this attribute has that type, because they compare it by another one."""
    return [one for one in rule.conditions if _is_about(one, attribute_key) and not _compares_as(one.op, type_)]


def with_renamed(rule: Rule, attribute_key: str, name: str) -> Rule:
    """The same rule, for an attribute that has another name now."""
    return replace(rule, conditions=tuple(_with_renamed(one, attribute_key, name) for one in rule.conditions))


def _with_renamed(one: Condition, attribute_key: str, name: str) -> Condition:
    if one.rule:
        return replace(one, rule=with_renamed(one.rule, attribute_key, name))
    return replace(one, name=name) if _is_about(one, attribute_key) else one


def _is_about(one: Condition, attribute_key: str) -> bool:
    return one.field is Field.ATTRIBUTE and folded_name(one.name) == attribute_key


def _compares_as(op: Op, type_: AttributeType) -> bool:
    return type_ in _TYPES.get(op, AttributeType)


def reached_by(letter_ids: Iterable[int]) -> Condition:
    """The condition that one of these letters reached them, which is asked for once and stored nowhere."""
    return Condition(Field.ISSUE, Op.RECEIVED, " ".join(map(str, letter_ids)))


def from_json(data: Any, _depth: int = 0) -> Rule:
    """The rule that was stored, or sent by a program; Invalid, saying where, if it is none."""
    if not isinstance(data, dict) or data.get("match") not in set(Match):
        raise Invalid("a segment's rule is an object with “match” (all or any) and “conditions”")
    if _depth > MAX_DEPTH:
        raise Invalid(f"segments refer to segments {MAX_DEPTH} deep at most")
    found = data.get("conditions")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Invalid("a segment's “conditions” are a list of objects")
    return Rule(Match(data["match"]), tuple(_condition(one, _depth) for one in found))


def to_json(rule: Rule) -> dict[str, Any]:
    """The rule as it is stored; `from_json` reads it back."""
    return {"match": rule.match.value, "conditions": [_fields(one) for one in rule.conditions]}


def _condition(data: Mapping[str, Any], depth: int) -> Condition:
    words = {key: data.get(key, "") for key in ("field", "op", "value", "name")}
    if unknown := data.keys() - words.keys() - {"rule"}:
        raise Invalid(f"a condition has field, op, value and name, and no {min(unknown)!r}")
    if not all(isinstance(word, str) for word in words.values()):
        raise Invalid("field, op, value and name of a condition are texts")
    return Condition.parse(**words, rule=from_json(data["rule"], depth + 1) if data.get("rule") else None)


def _fields(condition: Condition) -> dict[str, Any]:
    fields: dict[str, Any] = {"field": condition.field.value, "op": condition.op.value}
    if condition.value:
        fields["value"] = condition.value
    if condition.name:
        fields["name"] = condition.name
    if condition.rule:
        fields["rule"] = to_json(condition.rule)
    return fields
