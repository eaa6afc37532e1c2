"""The builder of segments: its rows as typed, the rule that they make, and what is wrong beside each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import zip_longest

from werkzeug.datastructures import MultiDict

from newsletter import characters
from newsletter.audience import attributes, tag_names, tags
from newsletter.audience.models import Status
from newsletter.audience.segments import rule as rules
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import OPS, WITHOUT_VALUE, Condition, Field, Match, Op, Rule
from newsletter.db import Session
from newsletter.editorial.issues import archive
from newsletter.errors import Invalid, NotFound
from newsletter.i18n import formats
from newsletter.publications import Publication
from newsletter.web.desk.words import as_sentence

_SUGGESTED = 200
_BLANK_ROWS = 1

_LABELS: Mapping[Field, Mapping[Op, str]] = {
    Field.TAG: {Op.IS: "has the tag", Op.IS_NOT: "does not have the tag"},
    Field.ATTRIBUTE: {
        Op.IS: "attribute is",
        Op.IS_NOT: "attribute is not",
        Op.CONTAINS: "attribute contains",
        Op.OVER: "attribute is more than",
        Op.UNDER: "attribute is less than",
        Op.BEFORE: "attribute is before",
        Op.AFTER: "attribute is after",
        Op.KNOWN: "attribute is known",
        Op.UNKNOWN: "attribute is not known",
    },
    Field.JOINED: {Op.BEFORE: "joined before", Op.AFTER: "joined after", Op.WITHIN_DAYS: "joined within so many days"},
    Field.STATUS: {Op.IS: "has the status", Op.IS_NOT: "does not have the status"},
    Field.SOURCE: {
        Op.IS: "was moved from",
        Op.IS_NOT: "was not moved from",
        Op.CONTAINS: "was moved from a list with",
        Op.KNOWN: "was moved from another list",
        Op.UNKNOWN: "was not moved from any list",
    },
    Field.ISSUE: {Op.RECEIVED: "got, or may have got, the issue", Op.MISSED: "missed the issue"},
    Field.DOMAIN: {Op.IS: "has an address at", Op.IS_NOT: "has no address at"},
    Field.SEGMENT: {Op.IS: "belongs to the segment", Op.IS_NOT: "does not belong to the segment"},
}
_GROUPS = {Field.SEGMENT: "Other segments", Field.ISSUE: "Issues", Field.DOMAIN: "Address"}

TESTS: Mapping[str, Mapping[str, str]] = {
    _GROUPS.get(field_, field_.capitalize()): {f"{field_}.{op}": _LABELS[field_][op] for op in ops}
    for field_, ops in OPS.items()
}
"""What a row can ask, in groups: the value in the form, and the words."""

_VALUELESS = frozenset(f"{field_}.{op}" for field_, ops in OPS.items() for op in ops if op in WITHOUT_VALUE)


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What the builder suggests: names of tags and attributes, and what issues and segments are called."""

    tags: Sequence[str]
    attributes: Sequence[str]
    issues: Mapping[str, int]
    """The id of the letter of each issue that went out, by its title and day."""
    segments: Mapping[str, int]
    statuses: Sequence[str] = tuple(Status)

    @classmethod
    def load(cls, store: Session, publication: Publication) -> "Suggestions":
        out = store.scalars(archive.published(publication.id).limit(_SUGGESTED))
        letters = [(issue.title, issue.letter) for issue in out if issue.letter and issue.letter.started_at]
        return cls(
            tags.all_tags(store, publication.id, _SUGGESTED),
            attributes.names(store, publication.id, _SUGGESTED),
            {
                f"{title} ({formats.day(letter.started_at, publication.time_zone)})": letter.id
                for title, letter in letters
                if letter.started_at and letter.final_counts is None
            },
            {one.name: one.id for one in segments.every(store, publication.id)},
        )

    def named(self, about: str) -> Mapping[str, int]:
        """The ids behind the names that a condition on `about` is given; empty if its value is no id."""
        return {Field.ISSUE.value: self.issues, Field.SEGMENT.value: self.segments}.get(about, {})


@dataclass(frozen=True, slots=True)
class BuilderRow:
    """A row as typed, and what is wrong with it."""

    test: str = ""
    value: str = ""
    name: str = ""
    fault: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was chosen or typed."""
        return not (self.test or self.value.strip() or self.name.strip())

    @property
    def words(self) -> str:
        """The condition in words."""
        about, _, op = self.test.partition(".")
        label = _LABELS[Field(about)][Op(op)]
        if about == Field.ATTRIBUTE:
            label = label.replace("attribute", f"their “{self.name}”", 1)
        if op == Op.WITHIN_DAYS:
            return f"joined within the last {self.value} days"
        return label if self.test in _VALUELESS else f"{label} “{self.value}”"


@dataclass(frozen=True, slots=True)
class Builder:
    """The form as typed: a name, how many conditions have to be met, and the rows."""

    name: str = ""
    match: Match = Match.ALL
    rows: Sequence[BuilderRow] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with the name, or with all of it (`rule`)."""
    rule: Rule | None = None
    """The rule, if nothing is wrong with the rows."""

    @property
    def is_faulty(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.faults) or any(row.fault for row in self.rows)

    def with_rows(self, *, add: bool = False, without: int | None = None) -> "Builder":
        """The form with another blank row, or without one; nothing is called wrong yet."""
        rows = [replace(row, fault="") for at, row in enumerate(self.rows) if at != without]
        return replace(self, rows=[*rows, *[BuilderRow()] * (add or not rows)], faults={})


def in_words(condition: Condition) -> str:
    """A condition on an attribute in words."""
    return BuilderRow(f"{condition.field}.{condition.op}", condition.value, condition.name).words


def builder_for(name: str, rule: Rule, known: Suggestions) -> Builder:
    """The form of a rule that is stored."""
    return Builder(name, rule.match, [_row(one, known) for one in rule.conditions], rule=rule)


def parse(
    store: Session, publication: Publication, form: MultiDict[str, str], known: Suggestions, now: datetime
) -> Builder:
    """The form as it was sent, with what is wrong beside each row."""
    typed = [form.getlist(each) for each in ("test", "value", "attribute")]
    typed_rows = [BuilderRow(*cells) for cells in zip_longest(*typed, fillvalue="")][: rules.MAX_CONDITIONS + 1]
    rows, conditions = [], []
    for row in typed_rows:
        made, condition = _checked(store, publication, row, known, now)
        rows.append(made)
        conditions += [condition] if condition else []
    match = Match.ANY if form.get("match") == Match.ANY else Match.ALL
    faults = {}
    if not any(row.fault for row in rows):
        faults = _fault_of_all(len(rows), len(conditions))
    is_fit = not faults and not any(row.fault for row in rows)
    rule = Rule(match, tuple(conditions)) if is_fit else None
    return Builder(form.get("name", ""), match, rows or [BuilderRow()] * _BLANK_ROWS, faults, rule)


def _fault_of_all(rows: int, conditions: int) -> dict[str, str]:
    if rows > rules.MAX_CONDITIONS:
        return {"rule": f"A segment has at most {rules.MAX_CONDITIONS} conditions; the others are not shown."}
    # Without a condition it would be everybody, which nobody who leaves a row blank means.
    return {} if conditions else {"rule": "Add at least one condition."}


def _checked(
    store: Session, publication: Publication, row: BuilderRow, known: Suggestions, now: datetime
) -> tuple[BuilderRow, Condition | None]:
    if row.is_blank:
        return row, None
    try:
        condition = _condition(row, known)
        segments.condition(store, publication, Rule(conditions=(condition,)), now)
    except (Invalid, NotFound) as error:
        return replace(row, fault=as_sentence(error)), None
    return row, condition


def _condition(row: BuilderRow, known: Suggestions) -> Condition:
    about, _, op = row.test.partition(".")
    if not row.test:
        raise Invalid("choose what the reader has to meet")
    value, name = characters.line(row.value, "the value"), characters.line(row.name, "the attribute's name")
    ids = {tag_names.folded_name(each): number for each, number in known.named(about).items()}
    if (key := tag_names.folded_name(value)) in ids:
        value = str(ids[key])
    elif about in (Field.ISSUE, Field.SEGMENT) and value and not value.isdecimal():
        raise Invalid(f"there is no {about} “{value[:60]}”; choose one from the list")
    return Condition.parse(about, op, "" if row.test in _VALUELESS else value, name if about == Field.ATTRIBUTE else "")


def _row(condition: Condition, known: Suggestions) -> BuilderRow:
    names = {str(number): name for name, number in known.named(condition.field).items()}
    value = names.get(condition.value, condition.value)
    return BuilderRow(f"{condition.field}.{condition.op}", value, condition.name)
