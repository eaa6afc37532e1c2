"""Attributes renamed, retyped and deleted, with whatever asks for them by their names."""

import pytest
from sqlalchemy import select

from newsletter.audience import attribute_changes, attributes, bulk_acts
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.attributes import Attribute, AttributeValues
from newsletter.audience.bulk_acts import ActOrder
from newsletter.audience.models import BulkKind
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.audience.segments.store import Segment
from newsletter.db import Session
from newsletter.editorial.issues import issue_store
from newsletter.errors import Conflict, Invalid
from newsletter.publications import Publication
from newsletter.wiring import Services
from newsletter.workflows import issue_readiness, publish
from newsletter.workflows.build_letter import audience_hash
from newsletter.workflows.change_attribute import delete_attribute, rename_attribute, set_type
from newsletter.workflows.recipients import Recipients
from tests import sample_services
from tests.originals import Fill
from tests.sample_services import NOW, WAITING
from tests.workflows.test_segments_sent_to import HOUR, subscribe

IN_OSLO = Rule(conditions=(Condition.parse("attribute", "is", "Oslo", "city"),))


@pytest.fixture
def filled() -> Fill:
    return sample_services.stocked


@pytest.fixture
def session(services: Services) -> Session:
    """Ada lives in Oslo and Ben in Rome, of whom the publication also knows the ages."""
    with services.sessions.begin() as session:
        for name, city, age in (("ada", "Oslo", "41"), ("ben", "Rome", "9")):
            reader = subscribe(session, f"{name}@example.org")
            attributes.set_value(session, 1, reader, "City", city)
            attributes.set_value(session, 1, reader, "Age", age)
        yield session


def city(session: Session) -> Attribute:
    return session.scalars(select(Attribute).where(Attribute.key == "city")).one()


def in_oslo(session: Session) -> Segment:
    return segments.save(session, session.get_one(Publication, 1), "In Oslo", IN_OSLO, NOW)


def send(session: Session, services: Services, segment: Segment, *, at_once: bool) -> None:
    issue = issue_store.find(session, WAITING)
    issue.segment_id = segment.id
    if at_once:
        publish.send_now(session, services.letters, issue, NOW)
    else:
        issue_readiness.mark_ready(session, issue, services.links)
        publish.schedule(session, services.letters, issue, NOW + HOUR, NOW)


def test_segments_and_what_is_under_way_choose_the_same_readers_by_the_new_name(
    session: Session, services: Services
) -> None:
    segment = in_oslo(session)
    outer = Rule(conditions=(Condition.parse("segment", "is", str(segment.id)),))
    refers = segments.save(session, segment.publication, "Refers", outer, NOW)
    issue_readiness.mark_ready(session, issue_store.find(session, WAITING), services.links)
    send(session, services, refers, at_once=True)
    act = bulk_acts.start_act(session, refers, ActOrder(BulkKind.TAG, "north"), 1, "owner@desk.example", NOW)
    rename_attribute(session, city(session), "Home  town", NOW + HOUR)
    assert (segment.rule.conditions[0].name, segment.changed_at, refers.changed_at) == ("Home town", NOW + HOUR, NOW)
    letter = issue_store.find(session, WAITING).letter
    assert letter.segment == act.segment == segments.freeze(session, refers)
    assert Recipients.of_letter(session, letter).count(session, NOW) == 1


def test_an_act_under_way_keeps_the_types_of_attributes_whatever_their_names_become(session: Session) -> None:
    both = Rule(conditions=(*IN_OSLO.conditions, Condition.parse("attribute", "over", "40", "age")))
    segment = segments.save(session, session.get_one(Publication, 1), "Both", both, NOW)
    act = bulk_acts.start_act(session, segment, ActOrder(BulkKind.TAG, "north"), 1, "owner@desk.example", NOW)
    rename_attribute(session, city(session), "A town", NOW)
    assert act.segment["types"] == ["text", "number"]
    assert act.segment == segments.freeze(session, segment)


def test_a_name_that_another_one_has_or_that_a_scheduled_issue_asks_for_is_refused(
    session: Session, services: Services
) -> None:
    with pytest.raises(Conflict, match="an attribute called “AGE” already"):
        rename_attribute(session, city(session), "AGE", NOW)
    for name in (" ", "E-Mail"):
        with pytest.raises(Invalid):
            rename_attribute(session, city(session), name, NOW)
    rename_attribute(session, city(session), "CITY", NOW)
    send(session, services, in_oslo(session), at_once=False)
    with pytest.raises(Conflict, match="“Looser by degrees” goes to readers who are chosen by “CITY”"):
        rename_attribute(session, city(session), "Town", NOW)


def test_a_type_is_kept_while_an_issue_that_asks_for_it_is_scheduled_and_no_approval_outlives_it(
    session: Session, services: Services
) -> None:
    segment, issue = in_oslo(session), issue_store.find(session, WAITING)
    issue.segment_id = segment.id
    approved = audience_hash(issue)
    set_type(session, city(session), AttributeType.NUMBER)
    session.flush()
    assert audience_hash(issue) != approved
    send(session, services, segment, at_once=False)
    with pytest.raises(Conflict, match="“Looser by degrees” goes to readers who are chosen by “City”"):
        set_type(session, city(session), AttributeType.TEXT)


def test_one_that_a_segment_or_an_issue_under_way_asks_for_is_not_deleted(session: Session, services: Services) -> None:
    segment = in_oslo(session)
    with pytest.raises(Conflict, match="“City” is used by “In Oslo”; change or delete that segment first"):
        delete_attribute(session, city(session))
    send(session, services, segment, at_once=False)
    segment.stored_rule = {"match": "all", "conditions": []}
    with pytest.raises(Conflict, match="“Looser by degrees” goes to readers who are chosen by “City”"):
        delete_attribute(session, city(session))


def test_a_deleted_one_is_gone_at_once_with_its_values_and_its_place_is_never_given_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribute_changes, "_GROUP", 1)
    ada, ben = session.scalars(select(AttributeValues.subscription_id).order_by(AttributeValues.subscription_id))
    home = session.get_one(Publication, 1)
    attribute_changes.set_attribute_name(session, city(session), "Town")
    age = session.scalars(select(Attribute).where(Attribute.key == "age")).one()
    delete_attribute(session, age)
    assert (attributes.values_of(session, ada), attributes.values_of(session, ben)) == (
        {"Town": "Oslo"},
        {"Town": "Rome"},
    )
    known = attributes.ensure_attributes(session, home.id, {"Age": AttributeType.NUMBER})["age"]
    assert attributes.values_of(session, ada) == {"Town": "Oslo"}
    assert known.position == 2
    groups = 0
    while attribute_changes.has_deleted(session, NOW):
        groups += attribute_changes.clear_deleted(session, NOW)
    assert (groups, attribute_changes.clear_deleted(session, NOW)) == (3, 0)
    cells = session.execute(select(AttributeValues.__table__).order_by(AttributeValues.subscription_id)).all()
    assert [row[3:6] for row in cells] == [("Oslo", None, None), ("Rome", None, None)]
