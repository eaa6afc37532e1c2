"""Whom an issue goes to, chosen at the desk."""

import pytest

from newsletter import publications
from newsletter.audience import tags
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.editorial.issues import issue_store
from newsletter.editors import Role
from newsletter.wiring import Services
from tests.sample_services import NOW, WAITING
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

PAGE = f"/desk/issues/{WAITING}/"
CHOOSE = f"{PAGE}segment"


@pytest.fixture(autouse=True)
def vip(services: Services) -> int:
    """Three readers, one of them a VIP; the id of their segment."""
    with services.sessions.begin() as session:
        home = publications.find(session)
        for name in ("ada", "bo", "cy"):
            person = Subscriber(email=f"{name}@example.org", key=f"{name}@example.org", created_at=NOW)
            tie = Subscription(publication=home, status=Status.ACTIVE, created_at=NOW, confirmed_at=NOW)
            person.subscriptions.append(tie)
            session.add(person)
        session.flush()
        (tag,) = tags.ensure_tags(session, home.id, ["VIP"]).values()
        tags.add_tags(session, [(1, tag)])
        return segments.save(session, home, "Friends", Rule(conditions=(Condition.parse("tag", "is", "vip"),)), NOW).id


def test_an_issue_goes_to_the_segment_that_an_editor_chose_and_every_page_says_so(editor: Visitor, vip: int) -> None:
    assert "this goes to 3 readers." in editor.read(PAGE)
    assert editor.press(PAGE, CHOOSE, segment=str(vip)).location == PAGE
    assert "this goes to 1 reader of the segment “Friends”." in editor.read(PAGE)
    assert "goes to 1 reader of the segment “Friends” at once" in editor.read(f"{PAGE}send")
    moment = f"{PAGE}schedule?at=2026-11-24T09:00"
    assert "goes to 1 reader of the segment “Friends”" in editor.read(moment)
    editor.press(moment)
    assert "this goes to the segment “Friends”" in editor.read("/desk/calendar/")
    assert "to the segment “Friends”" in editor.read("/desk/issues/")
    assert editor.press(f"{PAGE}send").status_code == 303
    report = editor.read(f"/desk/reports/{WAITING}/")
    assert "It went to the segment “Friends” as it was then." in report


def test_a_form_that_showed_another_audience_sends_nothing(editor: Visitor, services: Services, vip: int) -> None:
    stale = hidden(editor.open(f"{PAGE}send").text)
    editor.press(PAGE, CHOOSE, segment=str(vip))
    assert editor.client.post(f"{PAGE}send", data=stale).status_code == 409
    stale = hidden(editor.open(f"{PAGE}send").text)
    with services.sessions.begin() as session:
        home, other = publications.find(session), Rule(conditions=(Condition.parse("tag", "is_not", "vip"),))
        segments.save(session, home, "Friends", other, NOW, vip)
    assert editor.client.post(f"{PAGE}send", data=stale).status_code == 409
    with services.sessions.reading() as session:
        assert issue_store.find(session, WAITING).letter is None


@pytest.mark.parametrize(("text", "code"), [("99", 404), ("0", 404), ("x", 422), ("9" * 30, 422), ("1\0", 422)])
def test_a_segment_that_is_none_changes_nothing(editor: Visitor, text: str, code: int) -> None:
    answer = editor.press(PAGE, CHOOSE, segment=text)
    assert answer.status_code in (code, 400 if code == 422 else code), words(answer)
    assert "this goes to 3 readers." in editor.read(PAGE)


def test_an_author_sees_whom_it_goes_to_and_cannot_change_it(enter: Enter) -> None:
    author = enter(Role.AUTHOR)
    assert "Goes to everybody." in author.read(PAGE)
    assert author.client.post(CHOOSE, data={"segment": "1"}).status_code == 403


def test_what_is_sent_again_is_narrowed_to_a_segment_as_its_page_showed_it(editor: Visitor, vip: int) -> None:
    editor.press(f"{PAGE}send")
    editor.press(f"{PAGE}cancel")
    missed = f"{PAGE}missed"
    assert "3 readers missed it" in editor.read(missed)
    narrowed = editor.open(f"{missed}?segment={vip}").text
    assert "1 reader of the segment “Friends” missed it" in editor.read(f"{missed}?segment={vip}")
    form = hidden(narrowed)
    assert editor.client.post(missed, data=form | {"segment_mark": "of another rule"}).status_code == 409
    assert editor.client.post(missed, data=form).status_code == 303
    assert "2 readers missed it" in editor.read(missed)
