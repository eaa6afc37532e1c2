"""Stored segments: save, find, delete, resolve what one refers to, count and sample its readers."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import JSON, ColumnElement, ForeignKey, Select, String, UniqueConstraint, and_, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from newsletter.audience import attributes, paces, subscribers
from newsletter.audience.attributes import KnownAttribute
from newsletter.audience.models import Pace, Status, Subscriber, Subscription
from newsletter.audience.segments import compile as compiling
from newsletter.audience.segments import rule as rules
from newsletter.audience.segments.conditions import Question, Taking
from newsletter.audience.segments.rule import MAX_DEPTH, Condition, Field, Op, Rule
from newsletter.audience.tag_names import MAX_NAME, clean_tag, folded_name
from newsletter.db import Base, can_read_in_parallel, is_postgresql, read_in_parallel
from newsletter.delivery.models import Letter
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.publications import Publication

Frozen = Mapping[str, Any]
"""A segment as it was at one moment, in JSON (`freeze`)."""

_LARGE = 100_000
"""From so many subscriptions on, a count takes a while; fewer are counted before a thread has begun."""

_GONE = "there is no such segment; it may have been deleted"


class Segment(Base):
    """A named choice of a publication's readers; `key` is the same for every spelling of its name."""

    __tablename__ = "segments"
    __table_args__ = (
        UniqueConstraint("publication_id", "key"),
        # An issue in the bin may still name a deleted one, whose id must never be reused.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    key: Mapped[str] = mapped_column(String(MAX_NAME * 2))
    stored_rule: Mapped[dict[str, Any]] = mapped_column("rule", JSON)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    publication: Mapped[Publication] = relationship(lazy="joined", innerjoin=True)

    @property
    def rule(self) -> Rule:
        return rules.from_json(self.stored_rule)


class SegmentCount(NamedTuple):
    """How many readers belong to a segment, and how many of them an issue would go to."""

    readers: int
    recipients: int


def save(
    session: Session, publication: Publication, name: str, wanted: Rule, now: datetime, segment_id: int | None = None
) -> Segment:
    """Store a new segment, or change one; Invalid if its rule cannot be used, Conflict if the name is taken."""
    name = clean_tag(name, "the segment's name")
    taken = select(Segment.id).where(Segment.publication_id == publication.id, Segment.key == folded_name(name))
    if session.scalar(taken.where(Segment.id != (segment_id or 0))):
        raise Conflict(f"there is a segment called “{name}” already; give this one another name")
    condition(session, publication, wanted, now, _outer=(segment_id,) if segment_id else ())
    found = get_segment(session, publication.id, segment_id) if segment_id else Segment(created_at=now)
    try:
        with session.begin_nested():
            found.publication_id, found.name, found.key = publication.id, name, folded_name(name)
            found.stored_rule, found.changed_at = rules.to_json(wanted), now
            session.add(found)
    except IntegrityError:
        raise Conflict(f"somebody else has just made a segment called “{name}”; give this one another name") from None
    return found


def get_segment(session: Session, publication_id: int, segment_id: int) -> Segment:
    """The publication's segment of that id; NotFound if there is none."""
    found = load(session, segment_id)
    if found.publication_id != publication_id:
        raise NotFound(_GONE)
    return found


def load(session: Session, segment_id: int) -> Segment:
    """The segment of that id, of whichever publication; NotFound if there is none."""
    found = session.get(Segment, segment_id)
    if found is None:
        raise NotFound(_GONE)
    return found


def find(session: Session, publication_id: int, name: str) -> Segment:
    """The publication's segment of that name, however it is spelled; NotFound if there is none."""
    found = session.scalar(
        select(Segment).where(Segment.publication_id == publication_id, Segment.key == folded_name(name))
    )
    if found is None:
        raise NotFound(f"there is no segment called “{name.strip()}”")
    return found


def every(session: Session, publication_id: int) -> list[Segment]:
    """The publication's segments, by name."""
    return list(session.scalars(select(Segment).where(Segment.publication_id == publication_id).order_by(Segment.key)))


def asking_of(session: Session, publication_id: int, attribute_key: str) -> list[Segment]:
    """The publication's segments with a condition on this attribute, by name."""
    return [one for one in every(session, publication_id) if attribute_key in rules.attribute_keys(one.rule)]


def unmet(session: Session, publication_id: int, wanted: Rule) -> list[Condition]:
    """The conditions of a rule that no reader meets, because an attribute's type has no such comparison."""
    known = attributes_in(session, publication_id, wanted)
    return [one for key, each in known.items() for one in rules.unmet_under(wanted, key, each.type)]


def attributes_in(session: Session, publication_id: int, resolved: Rule) -> dict[str, KnownAttribute]:
    """The attributes that a rule asks for and that there are, by their keys, in the order of its conditions."""
    keys = rules.attribute_keys(resolved)
    known = attributes.known_attributes(session, publication_id, keys)
    return {key: known[key] for key in keys if key in known}


def require_unreferred(session: Session, segment: Segment) -> None:
    """Raise Conflict if another segment refers to this one."""
    mine = str(segment.id)
    for other in every(session, segment.publication_id):
        if any(one.field is Field.SEGMENT and one.value == mine for one in other.rule.conditions):
            raise Conflict(f"the segment “{other.name}” refers to “{segment.name}”; change that one first")


def delete(session: Session, segment: Segment) -> None:
    """Delete a segment; Conflict if another one refers to it."""
    require_unreferred(session, segment)
    session.delete(segment)
    session.flush()


def freeze(session: Session, segment: Segment) -> dict[str, Any]:
    """The segment as it is now, in JSON that a letter keeps whatever becomes of the segment.

    With the types of the attributes that it asks for: readers meet other conditions once a type is changed.
    """
    resolved = resolve(session, segment.publication_id, segment.rule)
    known = attributes_in(session, segment.publication_id, resolved)
    types = {"types": [each.type.value for each in known.values()]} if known else {}
    return {"id": segment.id, "name": segment.name, "rule": rules.to_json(resolved), **types}


def frozen_conditions(
    session: Session, publication: Publication, frozen: Frozen | None, now: datetime, *, taking: Taking = Taking.ALL
) -> tuple[ColumnElement[bool], ...]:
    """What a subscription has to meet to belong to a frozen segment: nothing if there is none.

    Invalid, saying why, if the segment's rule can no longer be resolved.
    """
    if frozen is None:
        return ()
    return (condition(session, publication, rules.from_json(frozen["rule"]), now, taking=taking),)


def resolve(session: Session, publication_id: int, wanted: Rule, _outer: tuple[int, ...] = ()) -> Rule:
    """The rule with those of the segments that it refers to, as they are now; Invalid if they go in a circle.

    Resolved, it means the same whatever becomes of those segments.
    """
    return replace(
        wanted, conditions=tuple(_resolved(session, publication_id, one, _outer) for one in wanted.conditions)
    )


def condition(
    session: Session,
    publication: Publication,
    wanted: Rule,
    now: datetime,
    _outer: tuple[int, ...] = (),
    *,
    taking: Taking = Taking.ALL,
) -> ColumnElement[bool]:
    """The SQL condition that a subscription belongs to this rule; Invalid, saying why, if it cannot be resolved."""
    return compiling.matching(*_asked(session, publication, wanted, now, _outer, taking=taking))


def count(session: Session, publication: Publication, wanted: Rule, now: datetime) -> SegmentCount:
    """How many readers belong to a rule, and how many of them an issue would go to now."""
    # An issue goes to those who get each of them.
    at_pace = (Subscription.pace == Pace.EACH,) if paces.is_used(session, publication) else ()
    return _count(session, *_asked(session, publication, wanted, now), *at_pace)


def count_recipients(
    session: Session, publication: Publication, frozen: Frozen, now: datetime, *columns: ColumnElement[bool]
) -> int:
    """How many active readers, not suppressed, belong to a frozen segment, of those whose columns meet conditions."""
    return _count(session, *_asked_of_frozen(session, publication, frozen, now), *columns).recipients


def count_reached(
    session: Session, publication: Publication, frozen: Frozen | None, letter_ids: Collection[int], now: datetime
) -> SegmentCount:
    """How many readers of a frozen segment, or of all, one of these letters reached, and another would reach."""
    if not letter_ids:
        return SegmentCount(0, 0)
    asked, rule = _asked_of_frozen(session, publication, frozen, now)
    belongs = Condition(Field.SEGMENT, Op.IS, rule=rule)
    return _count(session, asked, Rule(conditions=(rules.reached_by(letter_ids), belongs)))


def is_slow_to_count(session: Session) -> bool:
    """Whether there are so many subscriptions that a count of some of them takes a while."""
    return _highest_id(session) >= _LARGE


def _asked_of_frozen(
    session: Session, publication: Publication, frozen: Frozen | None, now: datetime
) -> tuple[Question, Rule]:
    return _asked(session, publication, rules.from_json(frozen["rule"]) if frozen else Rule(), now)


def _count(session: Session, asked: Question, rule: Rule, *columns: ColumnElement[bool]) -> SegmentCount:
    active = and_(Subscription.status == Status.ACTIVE, *columns)
    parts = [list(compiling.counts(replace(asked, ids=ids), rule, active)) for ids in _parts_of_ids(session)]
    of_few = compiling.matching(replace(asked, taking=Taking.FEW), rule)
    readings: list[Callable[[Session], tuple[int, int]]] = [partial(_sum, counts=counts) for counts in parts]
    readings.append(lambda each: (0, -subscribers.suppressed_count(each, asked.publication.id, of_few, *columns)))
    sums = read_in_parallel(session, readings) if len(parts) > 1 else [read(session) for read in readings]
    readers, recipients = map(sum, zip(*sums, strict=True))
    # The parts are read as of moments of their own, so one who was suppressed may have left by the next one.
    return SegmentCount(readers, max(0, recipients))


def _parts_of_ids(session: Session) -> Sequence[range | None]:
    """The ids of all subscriptions, in as many parts as they are best counted in."""
    if is_postgresql(session) or not can_read_in_parallel(session):
        return [None]
    highest = _highest_id(session)
    if highest < _LARGE:
        return [None]
    middle = (highest + 1) // 2
    return [range(middle), range(middle, highest + 1)]


def _highest_id(session: Session) -> int:
    return session.scalar(select(func.max(Subscription.id))) or 0


def _sum(session: Session, counts: Sequence[tuple[int, Select[int, int]]]) -> tuple[int, int]:
    found = [(sign, *session.execute(counting).one()) for sign, counting in counts]
    return sum(sign * readers for sign, readers, _ in found), sum(sign * active for sign, _, active in found)


def members(session: Session, publication: Publication, wanted: Rule, now: datetime) -> Iterator[tuple[str, Status]]:
    """The address and status of each reader who belongs to a rule, oldest first, read in batches."""
    belongs = condition(session, publication, wanted, now, taking=Taking.IN_ORDER)
    theirs = select(Subscriber.email, Subscription.status).join(Subscription.subscriber)
    theirs = theirs.where(Subscription.publication_id == publication.id, belongs).order_by(Subscription.id)
    yield from session.execute(theirs.execution_options(yield_per=1_000))


def sample(session: Session, publication: Publication, wanted: Rule, now: datetime, size: int) -> list[Subscription]:
    """The newest readers who belong to a rule."""
    ids = compiling.newest_first(*_asked(session, publication, wanted, now)).limit(size)
    return list(session.scalars(select(Subscription).where(Subscription.id.in_(ids)).order_by(Subscription.id.desc())))


def _asked(
    session: Session,
    publication: Publication,
    wanted: Rule,
    now: datetime,
    outer: tuple[int, ...] = (),
    taking: Taking = Taking.ALL,
) -> tuple[Question, Rule]:
    resolved = resolve(session, publication.id, wanted, outer)
    _require_copies(session, publication.id, resolved)
    known = attributes_in(session, publication.id, resolved)
    return Question(publication, now, is_postgresql(session), taking, attributes=known), resolved


def _resolved(session: Session, publication_id: int, one: Condition, outer: tuple[int, ...]) -> Condition:
    if one.field is not Field.SEGMENT or one.rule is not None:
        return one
    segment = get_segment(session, publication_id, int(one.value))
    if segment.id in outer:
        raise Invalid(f"the segment “{segment.name}” would refer to itself; choose another one")
    if len(outer) >= MAX_DEPTH:
        raise Invalid(f"segments refer to segments {MAX_DEPTH} deep at most")
    return replace(one, rule=resolve(session, publication_id, segment.rule, (*outer, segment.id)))


def _require_copies(session: Session, publication_id: int, resolved: Rule) -> None:
    """Invalid if a condition names an issue that has no copies, or whose copies have been deleted."""
    for one in resolved.walk():
        if one.field is not Field.ISSUE:
            continue
        letter = session.get(Letter, int(one.value))
        if letter is None or letter.publication_id != publication_id or letter.started_at is None:
            raise Invalid("a condition names an issue that has not gone out to these readers; choose another one")
        if letter.final_counts is not None:
            raise Invalid(
                "a condition names an issue whose record of copies has been deleted, so nobody knows who got it"
            )
