"""Segments: whom a rule chooses, what it refuses, and what a frozen one keeps."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from newsletter.audience import attributes, subscribers, tags
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments import rule as rules
from newsletter.audience.segments import store
from newsletter.audience.segments.rule import Condition, Match, Rule
from newsletter.db import Sessions
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause, Copy, CopyState, Letter
from newsletter.errors import Conflict, Invalid, NotFound
from newsletter.publications import Publication
from tests.audience.conftest import Press, opened, press_in
from tests.originals import Fill

ADA, BEN, CLEO = "ada@one.example", "ben@two.example", "cleo@sub.two.example"


def with_readers(sessions: Sessions, folder: Path) -> None:
    """Ada, a VIP of 41 from Łódź who got an issue; Ben, of 9, from Berlin; Cleo, paused, moved from Old List."""
    press = press_in(sessions, folder)
    for email in (ADA, BEN, CLEO):
        press.reader(email)
    press.set_status(CLEO, Status.PAUSED, source="Old 100% List")
    press.set_status(BEN, Status.ACTIVE, confirmed_at=press.now - timedelta(days=40))
    press.queue_copy(ADA)
    with press.sessions.begin() as session:
        session.execute(update(Copy).values(state=CopyState.SENT))
        session.execute(update(Letter).values(started_at=press.now))
        home = press.publication.id
        (vip,) = tags.ensure_tags(session, home, ["VIP"]).values()
        tags.add_tags(session, [(press.subscription(ADA).id, vip)])
        types = {"City": AttributeType.TEXT, "Age": AttributeType.NUMBER}
        # When somebody was born stands in another row than their city and their age.
        between = {f"Attribute {number}": AttributeType.TEXT for number in range(attributes.IN_A_ROW)}
        known = attributes.ensure_attributes(session, home, types | between | {"Born": AttributeType.DATE})
        for email, values in (
            (ADA, {"city": "Łódź", "age": "41", "born": "1985-03-04"}),
            (BEN, {"city": "Berlin", "age": "9"}),
        ):
            theirs = press.subscription(email).id
            attributes.add_values(session, home, [(theirs, values)], known)


@pytest.fixture
def filled(request: pytest.FixtureRequest) -> Fill:
    return with_readers if "letter_id" in request.fixturenames else opened


@pytest.fixture
def letter_id(press: Press) -> int:
    """The issue that Ada got (`with_readers`)."""
    with press.sessions.reading() as session:
        return session.scalars(select(Letter.id)).one()


def of(*conditions: tuple[str, ...], match: Match = Match.ALL) -> Rule:
    return Rule(match, tuple(Condition.parse(*condition) for condition in conditions))


def members(press: Press, rule: Rule, publication: Publication | None = None) -> set[str]:
    home = publication or press.publication
    with press.sessions.reading() as session:
        found = {one.subscriber.email for one in store.sample(session, home, rule, press.now, 100)}
        assert store.count(session, home, rule, press.now)[0] == len(found)
    return found


ISSUE = "the issue that Ada got"


def about(letter_id: int, condition: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(letter_id) if word == ISSUE else word for word in condition)


CHOSEN = [
    (("tag", "is", "vip"), [ADA]),
    (("tag", "is_not", "VIP"), [BEN, CLEO]),
    (("tag", "is", "no such tag"), []),
    (("tag", "is", "' OR 1=1 --"), []),
    (("attribute", "is", "berlin", "CITY"), [BEN]),
    (("attribute", "is", "Łódź", "city"), [ADA]),
    (("attribute", "is", "łÓDŹ", "city"), [ADA]),
    (("attribute", "is", "Łódz\u0301", "city"), [ADA]),
    (("attribute", "is_not", "ŁÓDŹ", "city"), [BEN, CLEO]),
    (("attribute", "contains", "ŁÓd", "city"), [ADA]),
    (("attribute", "contains", "[ł]?*", "city"), []),
    (("attribute", "is_not", "Berlin", "city"), [ADA, CLEO]),
    (("attribute", "contains", "er", "city"), [BEN]),
    (("attribute", "contains", "%", "city"), []),
    (("attribute", "over", "9", "age"), [ADA]),
    (("attribute", "under", "41", "age"), [BEN]),
    (("attribute", "before", "1985-03-05", "born"), [ADA]),
    (("attribute", "after", "1985-03-04", "born"), []),
    (("attribute", "known", "", "born"), [ADA]),
    (("attribute", "unknown", "", "born"), [BEN, CLEO]),
    (("joined", "within_days", "30"), [ADA, CLEO]),
    (("status", "is", "paused"), [CLEO]),
    (("status", "is_not", "paused"), [ADA, BEN]),
    (("source", "contains", "100% l"), [CLEO]),
    (("source", "is_not", "Old 100% List"), [ADA, BEN]),
    (("source", "known"), [CLEO]),
    (("source", "unknown"), [ADA, BEN]),
    (("issue", "received", ISSUE), [ADA]),
    (("issue", "missed", ISSUE), [BEN, CLEO]),
    (("domain", "is", "@Two.example"), [BEN]),
    (("domain", "is_not", "two.example"), [ADA, CLEO]),
]
"""Whom a condition chooses."""


@pytest.mark.parametrize(("condition", "chosen"), CHOSEN, ids=" ".join)
def test_a_condition_chooses_whom_it_says(
    press: Press, letter_id: int, condition: tuple[str, ...], chosen: list[str]
) -> None:
    rule = of(about(letter_id, condition))
    assert members(press, rule) == set(chosen)
    assert rules.from_json(rules.to_json(rule)) == rule


TEXTS = (
    "41",
    "-2.5",
    "0",
    "9.5",
    "1-2",
    "[1]",
    "old enough",
    "2024-02-03",
    "2024-02-03 04:05",
    "2024",
    "now",
    "1e5",
    "007",
    "Yes",
    "off",
)
COMPARED = [
    ("number", "over", "9.5", {"41", "2024"}),
    ("number", "under", "9.5", {"-2.5", "0"}),
    ("number", "after", "2020-01-01", set()),
    ("date", "before", "2024-02-04", {"2024-02-03", "2024-02-03 04:05"}),
    ("date", "before", "2024-02-03", set()),
    ("date", "after", "2024-02-02", {"2024-02-03", "2024-02-03 04:05"}),
    ("date", "after", "2024-02-03", set()),
    ("date", "over", "9.5", set()),
    ("boolean", "over", "0.5", {"Yes"}),
    ("boolean", "under", "1", {"0", "off"}),
    ("text", "over", "9.5", set()),
    ("text", "before", "2025-01-01", set()),
]
"""Of which type, how it is compared with what, and which of the texts are chosen."""


def test_a_value_is_compared_as_the_attributes_type_asks_and_chosen_by_no_other(press: Press) -> None:
    addresses = {f"reader{number}@example.org": text for number, text in enumerate(TEXTS)}
    readers = [(press.reader(email).id, text) for email, text in addresses.items()]
    types, home = {type_.value: type_ for type_ in AttributeType}, press.publication.id
    with press.sessions.begin() as session:
        known = attributes.ensure_attributes(session, home, types)
        attributes.add_values(session, home, [(one, dict.fromkeys(types, text)) for one, text in readers], known)
    chosen = [
        (*one[:3], {addresses[each] for each in members(press, of(("attribute", *one[1:3], one[0])))})
        for one in COMPARED
    ]
    assert chosen == COMPARED


Tree = tuple[Match, list[tuple[str, Any]]]
"""A rule: for each part, a condition and whom it chooses, or "is" or "is_not" and the rule of a segment."""


def trees() -> st.SearchStrategy[Tree]:
    conditions = st.tuples(st.just("chooses"), st.sampled_from(CHOSEN))
    return st.recursive(
        st.tuples(st.sampled_from(Match), st.lists(conditions, max_size=4)),
        lambda inner: st.tuples(
            st.sampled_from(Match),
            st.lists(conditions | st.tuples(st.sampled_from(["is", "is_not"]), inner), min_size=1, max_size=4),
        ),
        max_leaves=4,
    )


def grown(letter_id: int, tree: Tree) -> tuple[Rule, set[str]]:
    """A tree's rule, and whom its conditions choose together."""
    match, parts = tree
    conditions, chosen = [], []
    for kind, part in parts:
        if kind == "chooses":
            conditions.append(Condition.parse(*about(letter_id, part[0])))
            chosen.append(set(part[1]))
        else:
            inner, theirs = grown(letter_id, part)
            conditions.append(Condition.parse("segment", kind, "1", rule=inner))
            chosen.append(theirs if kind == "is" else {ADA, BEN, CLEO} - theirs)
    together = set.union(*chosen) if match is Match.ANY and chosen else {ADA, BEN, CLEO}.intersection(*chosen)
    return Rule(match, tuple(conditions)), together


def test_conditions_and_segments_combine_in_whatever_way(
    press: Press, letter_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with press.sessions.reading() as session:
        readers = select(Subscription.id, Subscriber.email).join(Subscription.subscriber).order_by(Subscription.id)
        emails = dict(session.execute(readers).all())

        @given(trees(), st.booleans())
        @settings(suppress_health_check=[HealthCheck.too_slow])
        def chooses(tree: Tree, is_counted_in_halves: bool) -> None:
            monkeypatch.setattr(store, "_LARGE", 1 if is_counted_in_halves else 100_000)
            rule, expected = grown(letter_id, tree)
            asked = session, press.publication, rule, press.now
            assert {one.subscriber.email for one in store.sample(*asked, 9)} == expected
            assert store.count(*asked) == (len(expected), len(expected - {CLEO}))
            assert [email for email, _ in store.members(*asked)] == [one for one in emails.values() if one in expected]
            belongs = select(Subscription.id).where(store.condition(*asked))
            assert {emails[one] for one in session.scalars(belongs)} == expected

        chooses()


@pytest.mark.usefixtures("letter_id")
def test_days_begin_in_the_publications_time_zone(press: Press, now: datetime) -> None:
    with press.sessions.begin() as session:
        session.get_one(Publication, press.publication.id).time_zone = "Pacific/Kiritimati"
    press.set_status(ADA, Status.ACTIVE, confirmed_at=datetime.fromisoformat("2026-03-01T10:30:00+00:00"))
    with press.sessions.reading() as session:
        home = session.get_one(Publication, press.publication.id)
        for condition, is_in in (
            (("joined", "before", "2026-03-02"), False),
            (("joined", "after", "2026-03-01"), True),
        ):
            found = store.sample(session, home, of(condition), now, 9)
            assert (ADA in {one.subscriber.email for one in found}) is is_in


@pytest.mark.usefixtures("letter_id")
def test_all_any_and_other_segments_combine(press: Press, now: datetime) -> None:
    vip, paused = ("tag", "is", "vip"), ("status", "is", "paused")
    assert members(press, of(vip, paused)) == set()
    assert members(press, of(vip, paused, match=Match.ANY)) == {ADA, CLEO}
    assert members(press, of()) == {ADA, BEN, CLEO}
    with press.sessions.begin() as session:
        inner = store.save(session, press.publication, "VIPs", of(vip), now)
        outer = store.save(session, press.publication, "others", of(("segment", "is_not", str(inner.id))), now)
        frozen = store.freeze(session, outer)
        assert store.count(session, press.publication, outer.rule, now)[0] == 2
        # What is frozen does not follow the segment that it refers to.
        store.save(session, press.publication, "VIPs", of(paused), now, inner.id)
        (belongs,) = store.frozen_conditions(session, press.publication, frozen, now)
        assert subscribers.audience_size(session, press.publication.id, belongs) == 1
        with pytest.raises(Invalid, match="refer to itself"):
            store.save(session, press.publication, "VIPs", of(("segment", "is", str(outer.id))), now, inner.id)
        with pytest.raises(Conflict, match="“others” refers to “VIPs”"):
            store.delete(session, inner)
        with pytest.raises(Conflict, match="another name"):
            store.save(session, press.publication, " vips ", of(vip), now)
        assert [one.name for one in store.every(session, press.publication.id)] == ["others", "VIPs"]


@pytest.mark.usefixtures("letter_id")
def test_whoever_is_suppressed_belongs_but_is_not_written_to(press: Press, now: datetime) -> None:
    with press.sessions.begin() as session:
        suppression.add(session, ADA, Cause.COMPLAINT, now)
        assert store.count(session, press.publication, of(("tag", "is", "vip")), now) == (1, 0)


def test_another_publications_readers_and_segments_are_out_of_reach(
    press: Press, letter_id: int, other_publication: Publication, now: datetime
) -> None:
    assert members(press, of(("tag", "is_not", "x")), other_publication) == set()
    with press.sessions.begin() as session:
        segment = store.save(session, press.publication, "VIPs", of(("tag", "is", "vip")), now)
        with pytest.raises(NotFound):
            store.save(session, other_publication, "theirs", of(("segment", "is", str(segment.id))), now)
        with pytest.raises(Invalid, match="has not gone out"):
            store.save(session, other_publication, "theirs", of(("issue", "received", str(letter_id))), now)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (("colour", "is", "red"), "a condition is about one of"),
        (("tag", "over", "3"), "a condition on tag is one of"),
        (("tag", "is", " "), "needs a value"),
        (("attribute", "is", "x"), "needs the attribute's name"),
        (("attribute", "over", "many", "age"), "compares with a number"),
        (("joined", "before", "yesterday"), "a day is written as"),
        (("joined", "before", "0001-01-01"), "a day has a year"),
        (("joined", "after", "9999-12-31"), "a day has a year"),
        (("tag", "is", "a\x00b"), "in plain characters"),
        (("source", "contains", "\ud800"), "in plain characters"),
        (("joined", "within_days", "0"), "number of days"),
        (("status", "is", "happy"), "a status is one of"),
        (("issue", "received", "latest"), "named by its number"),
        (("issue", "received", "999999"), "has not gone out"),
        (("domain", "is", "two words"), "a domain is written as"),
        (("tag", "is", "x" * 201), "at most 200"),
    ],
    ids=lambda one: " ".join(one)[:40] if isinstance(one, tuple) else "",
)
@pytest.mark.usefixtures("letter_id")
def test_what_cannot_be_asked_is_refused_with_the_reason(press: Press, condition: tuple[str, ...], reason: str) -> None:
    with press.sessions.begin() as session, pytest.raises(Invalid, match=reason):
        store.save(session, press.publication, "new", of(condition), press.now)


@pytest.mark.parametrize(
    "data",
    [
        *(None, [], {}, {"match": "some", "conditions": []}, {"match": "all"}),
        {"match": "all", "conditions": ["x"]},
        {"match": "all", "conditions": [{"field": "tag", "op": "is", "value": 3}]},
        {"match": "all", "conditions": [{"field": "tag", "op": "is", "value": "a", "sql": "x"}]},
        {"match": "all", "conditions": [{"field": "tag", "op": "is", "value": "a"}] * 21},
    ],
    ids=lambda data: repr(data)[:70],
)
def test_what_is_no_rule_is_refused(data: object) -> None:
    with pytest.raises(Invalid):
        rules.from_json(data)


def test_segments_of_segments_do_not_grow_beyond_what_a_database_can_read(press: Press, now: datetime) -> None:
    with press.sessions.begin() as session:
        one = store.save(
            session, press.publication, "one", of(*(("tag", "is", str(number)) for number in range(20))), now
        )
        refers = ("segment", "is", str(one.id))
        assert store.count(session, press.publication, of(*[refers] * 9), now) == (0, 0)
        with pytest.raises(Invalid, match="at most 200 conditions"):
            store.count(session, press.publication, of(*[refers] * 10), now)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("op", ["is", "is_not"])
def test_of_many_lists_none_is_joined_for_planning_their_order_takes_half_a_minute(
    press: Press, now: datetime, op: str
) -> None:
    def joins(session: Session, wanted: Rule) -> int:
        belongs = store.condition(session, press.publication, wanted, now)
        asked = select(Subscription.id).where(belongs)
        plan = session.scalars(
            text("EXPLAIN " + str(asked.compile(session.get_bind(), compile_kwargs={"literal_binds": True})))
        )
        return sum("Join" in line or "Nested Loop" in line for line in plan)

    tags_asked = [("tag", op, str(number)) for number in range(20)]
    with press.sessions.begin() as session:
        one = store.save(session, press.publication, "one", of(*tags_asked), now)
        assert joins(session, of(tags_asked[0])) > 0
        assert joins(session, of(*[("segment", "is", str(one.id))] * 2)) == 0


def test_a_rule_that_was_sent_is_not_nested_without_end() -> None:
    sent: dict[str, object] = {"match": "all", "conditions": []}
    for _ in range(2_000):
        sent = {"match": "all", "conditions": [{"field": "segment", "op": "is", "value": "1", "rule": sent}]}
    with pytest.raises(Invalid, match="5 deep"):
        rules.from_json(sent)


def test_an_issue_whose_copies_were_dropped_chooses_nobody_silently(
    press: Press, letter_id: int, now: datetime
) -> None:
    with press.sessions.begin() as session:
        segment = store.save(session, press.publication, "missed it", of(("issue", "missed", str(letter_id))), now)
        frozen = store.freeze(session, segment)
        session.execute(update(Letter).values(final_counts={"sent": 1}))
        with pytest.raises(Invalid, match="has been deleted"):
            store.frozen_conditions(session, press.publication, frozen, now)
