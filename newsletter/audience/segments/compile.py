"""Compile a segment's rule into a condition on subscriptions, or into what its readers are counted by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Select, and_, false, func, not_, or_, select, true

from newsletter.audience.models import Subscription
from newsletter.audience.segments import merging
from newsletter.audience.segments.conditions import NEGATIVE, Question, Taking, Test, is_listed, lists_of, test_of
from newsletter.audience.segments.merging import IdList
from newsletter.audience.segments.rule import WITHOUT_VALUE, Condition, Field, Match, Op, Rule

_MAX_JOINS = 8
"""How many lists PostgreSQL may join: it thinks for half a minute about the order of 180."""


def matching(asked: Question, rule: Rule) -> Test:
    """The SQL condition that a subscription belongs to a resolved rule; Invalid for a value that cannot be compared.

    Days begin and end in the publication's time zone.
    """
    return _matching(replace(asked, joins=len(list(rule.walk())) <= _MAX_JOINS), rule)


def counts(asked: Question, rule: Rule, among: Test) -> Iterator[tuple[int, Select[int, int]]]:
    """What counts who belongs to a resolved rule, and who of them meets a test: sums of results, each with its sign."""
    if asked.on_postgresql:
        ours = Subscription.publication_id == asked.publication.id, matching(asked, rule)
        yield 1, select(func.count(), func.count().filter(among)).where(*ours)
        return
    parts = _Parts.from_rule(asked, rule)
    is_about_most = any(_is_about_most(one) for one, _ in _flat(rule)[1])
    if parts.match is Match.ALL and parts.unlisted and not parts.listed and is_about_most:
        parts = replace(parts, listed=[_everybody(asked)])
    ids, others = parts.ids, parts.test
    # SQLite counts those who are not on a list by those who are: the list is the shorter way.
    sign = -1 if parts.is_excluded else 1
    if ids is None:
        yield 1, _counting(asked, None, others, among)
    elif parts.match is Match.ALL:
        if parts.is_excluded:
            yield 1, _counting(asked, None, others, among)
        yield sign, _counting(asked, ids, others, among)
    else:
        yield 1, _counting(asked, None, true() if parts.is_excluded else others, among)
        yield sign, _counting(asked, ids, not_(others), among)


def _counting(asked: Question, ids: IdList | None, test: Test, among: Test) -> Select[int, int]:
    if ids is None:
        # With + 0, SQLite goes through the table, which is faster than to look up each row of an index.
        ours = Subscription.publication_id + 0 == asked.publication.id
        return select(func.count(), func.count().filter(among)).where(ours, asked.is_asked(Subscription.id), test)
    listed = merging.in_order(ids).subquery()
    (only,) = listed.c
    # An outer join, so that SQLite begins with the list and stores none of it.
    found = select(func.count(Subscription.id), func.count().filter(among)).select_from(listed)
    return found.outerjoin(Subscription, and_(Subscription.id == only, test))


def _is_about_most(one: Condition | Rule) -> bool:
    """Whether it is about what most readers are likely to have: an issue, or some value of an attribute."""
    return isinstance(one, Condition) and (one.field is Field.ISSUE or one.op in WITHOUT_VALUE)


def _everybody(asked: Question) -> Select[int]:
    ours = Subscription.publication_id == asked.publication.id
    return select(Subscription.id).where(ours, asked.is_asked(Subscription.id))


def newest_first(asked: Question, rule: Rule) -> IdList:
    """The ids of the publication's subscriptions that belong to a resolved rule."""
    ours = _everybody(asked)
    found = ours.where(matching(asked, rule)) if asked.on_postgresql else _listed(asked, rule, ours)
    (only,) = found.selected_columns
    return found.order_by(only.desc())


def _listed(asked: Question, rule: Rule, ours: Select[int]) -> IdList:
    parts = _Parts.from_rule(asked, rule)
    if parts.match is Match.ALL:
        return merging.on_all([ours.where(parts.test), *parts.listed], parts.unlisted)
    if parts.unlisted or not parts.listed:
        return ours.where(parts.as_test(Taking.IN_ORDER))
    return merging.on_all([ours, merging.on_any([*parts.listed, ours.where(parts.test)])])


def _matching(asked: Question, rule: Rule) -> Test:
    # SQLite asks an EXISTS again for each of a million.
    if not asked.on_postgresql and asked.taking is not Taking.FEW:
        return _Parts.from_rule(asked, rule).as_test(asked.taking)
    tests = [_test(asked, one) for one in rule.conditions]
    return or_(*tests) if rule.match is Match.ANY and tests else and_(true(), *tests)


def _test(asked: Question, condition: Condition) -> Test:
    inner = _segment_rule(condition)
    if inner is None:
        return test_of(asked, condition)
    belongs = _matching(asked, inner)
    return not_(belongs) if condition.op is Op.IS_NOT else belongs


@dataclass(frozen=True, slots=True)
class _Parts:
    """A rule on SQLite: to be on some lists of ids, not to be on others, and to meet tests; all or any of it."""

    match: Match
    listed: Sequence[IdList]
    unlisted: Sequence[IdList]
    tests: Sequence[Test]

    @classmethod
    def from_rule(cls, asked: Question, rule: Rule) -> "_Parts":
        match, conditions = _flat(rule)
        owned: dict[bool, list[Condition]] = {False: [], True: []}
        lists: dict[bool, list[IdList]] = {False: [], True: []}
        tests: list[Test] = []
        # What most have comes first: where it is taken away, little is left for the next ones.
        for one, is_negated in sorted(conditions, key=lambda each: not _is_about_most(each[0])):
            if isinstance(one, Condition) and is_listed(one):
                owned[(one.op in NEGATIVE) != is_negated].append(one)
                continue
            part = _part(asked, one)
            if isinstance(part, tuple):
                ids, is_excluded = part
                lists[is_excluded != is_negated].append(ids)
            else:
                tests.append(not_(part) if is_negated else part)
        unmatched = Match.ALL if match is Match.ANY else Match.ANY
        listed, unlisted = lists_of(asked, owned[False], match), lists_of(asked, owned[True], unmatched)
        return cls(match, [*listed, *lists[False]], [*unlisted, *lists[True]], tests)

    @property
    def is_excluded(self) -> bool:
        """Whether readers have not to be on the list."""
        return bool(self.unlisted) if self.match is Match.ANY else not self.listed

    @property
    def ids(self) -> IdList | None:
        """The lists as one."""
        first, then = (self.listed, self.unlisted) if self.match is Match.ALL else (self.unlisted, self.listed)
        if first:
            return merging.on_all(first, then)
        return merging.on_any(then) if then else None

    @property
    def test(self) -> Test:
        """The tests as one."""
        if not self.tests:
            return true() if self.match is Match.ALL else false()
        return and_(*self.tests) if self.match is Match.ALL else or_(*self.tests)

    def as_test(self, taking: Taking) -> Test:
        """All of it as one."""
        ids = self.ids
        if ids is None:
            return self.test
        # With + 0 SQLite goes through the subscriptions in their order; without, it may look up each of the ids.
        column = Subscription.id + 0 if taking is Taking.IN_ORDER else Subscription.id
        is_listed = column.in_(merging.in_order(ids))
        belongs = not_(is_listed) if self.is_excluded else is_listed
        return and_(belongs, *self.tests) if self.match is Match.ALL else or_(belongs, *self.tests)


def _part(asked: Question, one: Condition | Rule) -> tuple[IdList, bool] | Test:
    """A list of ids, and whether readers have not to be on it; or a test."""
    if isinstance(one, Condition):
        return test_of(asked, one)
    parts = _Parts.from_rule(asked, one)
    ids = parts.ids
    return parts.as_test(asked.taking) if ids is None or parts.tests else (ids, parts.is_excluded)


def _flat(rule: Rule, is_negated: bool = False) -> tuple[Match, Sequence[tuple[Condition | Rule, bool]]]:
    """A rule's conditions, each with whether it is negated; those of a segment that combines alike are among them."""
    is_any = (rule.match is Match.ANY and bool(rule.conditions)) != is_negated
    match, found = Match.ANY if is_any else Match.ALL, list[tuple[Condition | Rule, bool]]()
    for one in rule.conditions:
        rule_within = _segment_rule(one)
        if rule_within is None:
            found.append((one, is_negated))
            continue
        is_negated_within = is_negated != (one.op is Op.IS_NOT)
        match_within, within = _flat(rule_within, is_negated_within)
        found += within if match_within is match or len(within) == 1 else [(rule_within, is_negated_within)]
    return match, found


def _segment_rule(condition: Condition) -> Rule | None:
    """The rule of the segment that a condition is about, if it is about one."""
    if condition.field is not Field.SEGMENT:
        return None
    if condition.rule is None:
        raise ValueError("the rule's segments are not resolved")
    return condition.rule
