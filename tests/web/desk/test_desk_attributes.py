"""Attributes at the desk, without a script: shown, renamed, given another type and deleted by forms alone."""

import pytest
from sqlalchemy import select

from newsletter import publications
from newsletter.audience import attributes
from newsletter.audience.attribute_types import AttributeType
from newsletter.audience.attributes import Attribute
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.audit import AuditEntry
from newsletter.editors import Role
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import NOW
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

LIST = "/desk/readers/attributes/"
AGE, CITY = f"{LIST}1/", f"{LIST}2/"


@pytest.fixture(autouse=True)
def _readers(services: Services) -> None:
    """Three readers, whose ages an import took for texts because of the first, and the city of one."""
    known = {"ada": {"Age": "old enough", "City": "Łódź"}, "bo": {"Age": "41"}, "cy": {"Age": "38"}}
    with services.sessions.begin() as session:
        home = publications.find(session)
        for name, values in known.items():
            person = Subscriber(email=f"{name}@example.org", key=f"{name}@example.org", created_at=NOW)
            theirs = Subscription(publication=home, status=Status.ACTIVE, created_at=NOW)
            person.subscriptions.append(theirs)
            session.add(person)
            session.flush()
            for attribute, value in values.items():
                attributes.set_value(session, home.id, theirs.id, attribute, value)
        older = Rule(conditions=(Condition.parse("attribute", "over", "40", "Age"),))
        segments.save(session, home, "Over 40", older, NOW)


def found(services: Services, attribute_id: int = 1) -> tuple[str, AttributeType]:
    with services.sessions.reading() as session:
        one = session.get_one(Attribute, attribute_id)
        return one.name, one.type


def test_a_type_is_changed_once_the_page_has_said_which_values_it_makes_no_sense_of(
    editor: Visitor, services: Services
) -> None:
    listed = editor.read(LIST)
    assert "Age Such as “38” and “41” Used by Over 40 text 3 readers" in listed
    assert "City Such as “Łódź” text 1 reader" in listed
    unmet = "because the attribute is compared as text"
    assert f"no reader meets their “Age” is more than “40” , {unmet}." in editor.read(AGE)
    assert "No reader meets their “Age” is more than “40”" in editor.read("/desk/readers/segments/1/?counted=1")
    question = editor.read(f"{AGE}type?to=number")
    assert "3 readers have a value. 1 of these values is not a number: “old enough”." in question
    assert "Nothing is lost" in question
    answer = editor.press(f"{AGE}type?to=number", f"{AGE}type")
    assert (answer.location, found(services)) == (AGE, ("Age", AttributeType.NUMBER))
    assert unmet not in editor.read(AGE)
    assert "1 reader belongs to it." in editor.read("/desk/readers/segments/1/?counted=1")
    away = editor.read(f"{AGE}type?to=date")
    assert "no reader would meet their “Age” is more than “40” ." in away
    with services.sessions.reading() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert (entry.act, entry.kind, entry.about) == ("changed an attribute's type", "attribute", "Age")
        assert entry.details == {"was": "text", "type": "number"}


def test_an_unknown_type_is_refused(editor: Visitor, services: Services) -> None:
    assert editor.open(f"{AGE}type?to=colour").status_code == 400
    form = hidden(editor.open(f"{AGE}type?to=number").text, f"{AGE}type")
    assert editor.client.post(f"{AGE}type", data=form | {"to": "colour"}).status_code == 400
    assert found(services) == ("Age", AttributeType.TEXT)


def test_a_name_that_is_taken_is_named_beside_its_field_and_a_new_one_goes_with_the_segments(
    editor: Visitor, services: Services
) -> None:
    for name, code, sentence in (
        ("CITY", 409, "There is an attribute called “CITY” already"),
        (" ", 422, "needs 1 to"),
    ):
        refused = editor.press(AGE, f"{AGE}name", name=name)
        assert (refused.status_code, sentence in words(refused)) == (code, True)
        assert 'id="name-fault"' in refused.text
        assert f'value="{name}"' in refused.text
    assert editor.press(AGE, f"{AGE}name", name="Years").location == AGE
    assert found(services) == ("Years", AttributeType.TEXT)
    assert "their “Years” is more than “40”" in editor.read("/desk/readers/segments/")


def test_one_that_a_segment_uses_is_kept_and_another_is_deleted_with_its_values(editor: Visitor) -> None:
    refused = editor.open(f"{AGE}delete")
    assert (refused.status_code, "“Age” is used by “Over 40”" in words(refused)) == (409, True)
    assert "deletes the attribute “City” and the value that 1 reader has" in editor.read(f"{CITY}delete")
    assert editor.press(f"{CITY}delete", f"{CITY}delete").location == LIST
    assert "Łódź" not in editor.read("/desk/readers/1/")
    assert editor.open(CITY).status_code == 404


def test_what_somebody_else_has_changed_meanwhile_is_not_changed(editor: Visitor, services: Services) -> None:
    forms = [
        (f"{AGE}name", hidden(editor.open(AGE).text, f"{AGE}name") | {"name": "Years"}),
        (f"{AGE}type", hidden(editor.open(f"{AGE}type?to=number").text, f"{AGE}type")),
        (f"{CITY}delete", hidden(editor.open(f"{CITY}delete").text, f"{CITY}delete")),
    ]
    with services.sessions.begin() as session:
        for one in session.scalars(select(Attribute)):
            one.type = AttributeType.DATE
    before = sample_services.dump(services)
    for address, form in forms:
        refused = editor.client.post(address, data=form)
        assert (refused.status_code, "has changed since this page was opened" in words(refused)) == (409, True)
    assert sample_services.dump(services) == before


def test_many_readers_are_counted_by_a_request_of_its_own(editor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_LARGE", 1)
    for page, count in (
        (LIST, "3 readers"),
        (AGE, "3 readers"),
        (f"{AGE}type?to=number", "1 of these values"),
        (f"{CITY}delete", "1 reader"),
    ):
        quick = editor.open(page).text.partition("<h1>")[2]
        counted = editor.open(f"{page}{'&' if '?' in page else '?'}counted=1").text.partition("<h1>")[2]
        assert (count in quick, "counted=1" in quick, count in counted) == (False, True, True)
    # What would be done is said before it can be done.
    assert not any(hidden(editor.open(page).text) for page in (f"{AGE}type?to=number", f"{CITY}delete"))


def test_a_long_list_has_pages(editor: Visitor, services: Services) -> None:
    assert "No attributes yet" not in editor.read(LIST)
    with services.sessions.begin() as session:
        names = {f"name {number:03}": AttributeType.TEXT for number in range(60)}
        attributes.ensure_attributes(session, 1, names)
    first, second = editor.read(LIST), editor.read(f"{LIST}?page=2")
    assert ("name 047" in first, "name 048" in first, "name 048" in second) == (True, False, True)
    assert "No more attributes" in editor.read(f"{LIST}?page=99")


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.VIEWER])
def test_who_may_not_manage_readers_sees_no_values(enter: Enter, role: Role) -> None:
    looker = enter(role)
    assert [looker.open(page).status_code for page in (LIST, AGE, f"{AGE}type?to=number", f"{CITY}delete")] == [403] * 4
    assert LIST not in looker.open("/desk/readers/").text
