"""Acts on all readers of a segment, and one reader's tags and attributes, at the desk."""

import pytest
from sqlalchemy import select

from newsletter import publications
from newsletter.audience import attributes, bulk_acts, tags
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.audit import AuditEntry
from newsletter.delivery.workers import heartbeat
from newsletter.delivery.workers.context import WorkerContext
from newsletter.editors import Role
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import NOW
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

PAGE = "/desk/readers/segments/1/"
ACT = f"{PAGE}act"
READER = "/desk/readers/1/"


@pytest.fixture(autouse=True)
def _segment(services: Services) -> None:
    """A segment of two readers."""
    with services.sessions.begin() as session:
        home = publications.find(session)
        for name in ("ada", "bo"):
            person = Subscriber(email=f"{name}@example.org", key=f"{name}@example.org", created_at=NOW)
            person.subscriptions.append(Subscription(publication=home, status=Status.ACTIVE, created_at=NOW))
            session.add(person)
        session.flush()
        segments.save(session, home, "Ones", Rule(conditions=(Condition.parse("status", "is", "active"),)), NOW)


def work(services: Services) -> None:
    bulk_acts.work(services.sessions, services.audience, WorkerContext("w", lambda: NOW))


def test_all_readers_of_a_segment_are_unsubscribed_followed_and_put_back(editor: Visitor, services: Services) -> None:
    assert "2 readers belong to the segment “Ones” now." in editor.read(f"{ACT}?kind=unsubscribe")
    nameless = editor.press(f"{ACT}?kind=unsubscribe")
    assert (nameless.status_code, "Say in 1 to 200 characters why" in words(nameless)) == (422, True)
    assert editor.press(f"{ACT}?kind=unsubscribe", reason="the club has closed").status_code == 303
    started = editor.read(PAGE)
    assert "0 of 2 readers changed; under way" in started
    assert "No worker is running, so this waits." in started
    with services.sessions.begin() as session:
        heartbeat.beat(session, "w", NOW)
    assert "No worker" not in editor.read(f"{PAGE}acts")
    work(services)
    assert "2 of 2 readers changed; finished" in editor.read(f"{PAGE}acts")
    assert editor.press(PAGE, f"{PAGE}acts/1/undo").status_code == 303
    work(services)
    assert "undone, 2 restored" in editor.read(PAGE)
    assert editor.client.post(f"{PAGE}acts/1/undo").status_code == 409
    with services.sessions.reading() as session:
        assert set(session.scalars(select(Subscription.status))) == {Status.ACTIVE}
        acts = select(AuditEntry.act).where(AuditEntry.kind == "segment").order_by(AuditEntry.id)
        assert list(session.scalars(acts)) == ["acted on all readers of a segment", "undid an act on a segment"]


def test_erasing_takes_the_number_typed_and_the_readers_that_the_page_showed(
    editor: Visitor, services: Services
) -> None:
    before = sample_services.dump(services)
    form = hidden(editor.open(f"{ACT}?kind=erase").text)
    for typed in ("", "3", "two"):
        refused = editor.client.post(ACT, data=form | {"confirmed": typed})
        assert (refused.status_code, "type how many they are: 2" in words(refused)) == (422, True)
    assert editor.client.post(ACT, data=form | {"members": "3", "confirmed": "3"}).status_code == 409
    assert editor.client.post(ACT, data=form | {"rule": "another", "confirmed": "2"}).status_code == 409
    assert editor.client.post(ACT, data=form | {"kind": "sell"}).status_code in (400, 422)
    assert sample_services.dump(services) == before
    assert editor.client.post(ACT, data=form | {"confirmed": "2"}).status_code == 303
    work(services)
    with services.sessions.reading() as session:
        assert session.scalar(select(Subscriber.id)) is None
    assert "2 of 2 readers changed; finished" in editor.read(PAGE)
    assert "Undo" not in editor.read(PAGE)


def test_an_editor_changes_a_readers_tags_and_attributes(editor: Visitor, services: Services) -> None:
    editor.press(READER, f"{READER}tag", tag=" Big  Fan ")
    editor.press(READER, f"{READER}attribute", attribute="City", value="Łódź")
    page = editor.read(READER)
    assert "Big Fan" in page
    assert "City Łódź" in page
    for action, fields in (("tag", {"tag": "a\0b"}), ("attribute", {"attribute": "", "value": "kept as typed"})):
        odd = editor.press(READER, f"{READER}{action}", **fields)
        assert odd.status_code == 422
    assert 'value="kept as typed"' in odd.text
    editor.press(READER, f"{READER}untag", tag="BIG FAN")
    editor.press(READER, f"{READER}attribute", attribute="city", value="")
    with services.sessions.reading() as session:
        assert (tags.tags_of(session, 1), attributes.values_of(session, 1)) == ([], {})
        told = [
            (row.act, row.about, row.details) for row in session.scalars(select(AuditEntry)) if row.kind == "reader"
        ]
    assert ("set a reader's attribute", "1", {"attribute": "City"}) in told
    assert "Łódź" not in str(told)


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.VIEWER])
def test_who_may_not_send_can_do_none_of_it(enter: Enter, role: Role) -> None:
    looker = enter(role)
    assert "Actions for all its readers" in looker.read(PAGE)
    assert "Continue" not in looker.read(PAGE)
    for path in (ACT, f"{PAGE}acts/1/stop", f"{READER}tag", f"{READER}attribute"):
        assert looker.client.post(path).status_code == 403
