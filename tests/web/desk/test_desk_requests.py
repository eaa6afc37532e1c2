"""Contact requests at the desk: who may read them, what the audit log tells of it, answering, reopening, deleting."""

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from newsletter import audit
from newsletter.editors import Role
from newsletter.engagement import requests
from newsletter.engagement.request_form import PreferredTime
from newsletter.engagement.requests import ContactRequest, NewRequest
from newsletter.wiring import Services
from tests import sample_services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

PAGE = "/desk/requests/"


def new(**changes: object) -> NewRequest:
    typed = {
        "publication_id": 1,
        "is_booking": False,
        "topic": "My own situation",
        "name": "<b>Ben</b>",
        "email": "ben@example.org",
        "key": "ben@example.org",
        "is_proven": False,
        "preferred_time": PreferredTime(),
        "time_zone": "Europe/Warsaw",
        "text": "My <i>back</i> hurts.",
        "consent": "I agree.",
        "consent_version": 0,
    }
    return NewRequest(**typed | changes)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def asked(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        requests.store(session, new(), now)
        preferred_time = PreferredTime(date(2026, 12, 1), time(14, 30))
        requests.store(
            session, new(is_booking=True, topic="Prices", preferred_time=preferred_time), now + timedelta(hours=1)
        )


def log(services: Services) -> list[tuple[str, str]]:
    with services.sessions.reading() as session:
        rows = session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.id)).all()
        assert not [row for row in rows if "ben@" in str(vars(row)) or "hurts" in str(vars(row))]
        return [(row.act, row.about) for row in rows if row.kind == "request"]


def test_they_wait_under_issues_with_the_longest_waiting_first(editor: Visitor) -> None:
    assert "Requests: 2 waiting" in editor.read("/desk/issues/")
    listed = editor.read(PAGE)
    assert listed.index("My own situation") < listed.index("Prices")
    assert "Preferred time: Tuesday 1 December 2026, 14:30 (Europe/Warsaw)" in listed
    assert "hurts" not in listed
    for strange in ("?before=-1", "?after=abc", "?state=nothing", "?before=99999999999999999999"):
        assert editor.open(f"{PAGE}{strange}").status_code == 200
    for unknown in ("3", "4", "9223372036854775807"):
        assert editor.open(f"{PAGE}{unknown}/").status_code == 404


def test_those_to_another_publication_are_not_here(editor: Visitor, services: Services, now: datetime) -> None:
    sample_services.open_another_publication(services, now)
    with services.sessions.begin() as session:
        requests.store(session, new(publication_id=2, topic="Elsewhere"), now)
    assert "Elsewhere" not in editor.read(f"{PAGE}?publication=backpainhelp")
    assert "Elsewhere" in editor.read(f"{PAGE}?publication=other")
    assert editor.open(f"{PAGE}3/?publication=backpainhelp").status_code == 404
    assert editor.open(f"{PAGE}3/?publication=other").status_code == 200


def test_what_they_wrote_is_shown_only_at_the_press_of_a_button_and_each_time_is_logged(
    editor: Visitor, services: Services
) -> None:
    closed = editor.open(f"{PAGE}1/").text
    assert "hurts" not in closed
    assert "ben@example.org" not in closed
    assert log(services) == []
    opened = editor.press(f"{PAGE}1/", f"{PAGE}1/")
    assert "My &lt;i&gt;back&lt;/i&gt; hurts." in opened.text
    assert "&lt;b&gt;Ben&lt;/b&gt;" in opened.text
    assert 'href="mailto:ben@example.org?subject=Re%3A%20My%20own%20situation"' in opened.text
    assert "not proven to be theirs" in opened.text
    assert opened.headers["Cache-Control"] == "no-store"
    assert "Last read by editor@desk.example" in editor.read(f"{PAGE}1/")
    editor.press(f"{PAGE}1/", f"{PAGE}1/")
    assert log(services) == [("read a request", "1")] * 2


def test_one_is_answered_once_and_can_be_reopened(editor: Visitor, services: Services) -> None:
    form = hidden(editor.open(f"{PAGE}1/").text, f"{PAGE}1/answered")
    assert "Marked as answered" in words(editor.client.post(f"{PAGE}1/answered", data=form, follow_redirects=True))
    twice = editor.client.post(f"{PAGE}1/answered", data=form)
    assert twice.status_code == 409
    assert "marked as answered already, by editor@desk.example" in words(twice)
    assert "My own situation" not in editor.read(PAGE)
    assert "answered by editor@desk.example" in editor.read(f"{PAGE}?state=answered")
    assert "deleted 90 days later" in editor.read(f"{PAGE}1/")
    assert editor.press(f"{PAGE}1/", f"{PAGE}1/reopen").status_code == 303
    assert "My own situation" in editor.read(PAGE)
    assert log(services) == [("marked a request as answered", "1"), ("reopened a request", "1")]


def test_one_is_deleted_only_when_the_box_is_ticked(editor: Visitor, services: Services) -> None:
    assert editor.press(f"{PAGE}1/", f"{PAGE}1/delete").status_code == 409
    assert editor.press(f"{PAGE}1/", f"{PAGE}1/delete", sure="yes").location == PAGE
    assert editor.open(f"{PAGE}1/").status_code == 404
    with services.sessions.reading() as session:
        assert set(session.scalars(select(ContactRequest.id))) == {2}
    assert log(services) == [("deleted a request", "1")]


def test_whoever_deletes_an_answered_one_stays_among_the_answered(editor: Visitor) -> None:
    editor.press(f"{PAGE}1/", f"{PAGE}1/answered")
    assert editor.press(f"{PAGE}1/", f"{PAGE}1/delete", sure="yes").location == f"{PAGE}?state=answered"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUTHOR])
def test_nobody_below_an_editor_sees_that_there_are_any(enter: Enter, role: Role) -> None:
    visitor = enter(role)
    assert "Requests" not in visitor.read("/desk/issues/")
    for path in (PAGE, f"{PAGE}1/"):
        assert visitor.open(path).status_code == 403
    for path in (f"{PAGE}1/", f"{PAGE}1/answered", f"{PAGE}1/reopen", f"{PAGE}1/delete"):
        assert visitor.client.post(path, data={"sure": "yes"}).status_code == 403
