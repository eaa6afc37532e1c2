"""What editors do for one reader at the desk."""

import re
from datetime import datetime

import pytest
from sqlalchemy import select

from newsletter.audience import erasures, privacy, subscribers
from newsletter.audience.models import Act, Channel, Status, Subscription
from newsletter.delivery.bounces import suppression
from newsletter.delivery.models import Cause, OutboxMessage
from newsletter.editors import Role
from newsletter.wiring import Services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

ADD = "/desk/readers/add"


def add(editor: Visitor, email: str = "new@reader.example", name: str = "Nóra", source: str = "asked by phone") -> str:
    """Add a reader; returns their page."""
    answer = editor.press(ADD, "", email=email, name=name, source=source)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def subscription(services: Services, email: str = "new@reader.example") -> Subscription:
    with services.sessions.reading() as session:
        found = subscribers.find(session, email).subscriptions[0]
        assert found.events is not None
        session.expunge_all()
        return found


def letters(services: Services) -> int:
    with services.sessions.reading() as session:
        return len(session.scalars(select(OutboxMessage.id).where(OutboxMessage.kind == "confirm")).all())


def test_an_added_reader_is_asked_to_confirm_and_the_source_is_on_record(editor: Visitor, services: Services) -> None:
    page = add(editor)
    found = subscription(services)
    assert (found.status, letters(services)) == (Status.PENDING, 1)
    (step,) = found.events
    assert (step.act, step.channel, step.note) == (Act.ASKED, Channel.DESK, "asked by phone")
    assert step.operator == "editor@desk.example"
    read = editor.read(page)
    assert "A confirmation email is on its way" in read
    assert "Signed up through our team, by editor@desk.example" in read


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"email": "nobody", "source": "phone"}, "nobody"),
        ({"email": "a@b.example", "source": "  "}, "Say where the consent comes from"),
        ({"email": "a@b.example", "source": "phone", "name": "x" * 500}, "name"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(editor: Visitor, typed: dict[str, str], words: str) -> None:
    answer = editor.press(ADD, "", **typed)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{typed["email"]}"' in answer.text


def test_each_fault_stands_beside_its_field(editor: Visitor) -> None:
    answer = editor.press(ADD, "", email="nobody", name="x" * 500, source=" ")
    marked = re.findall(r'class="form-control is-invalid"[^>]* name="(\w+)"', answer.text)
    assert (answer.status_code, marked) == (422, ["email", "name", "source"])
    for field, fault in (("email", "the @ is missing"), ("name", "the limit is 100"), ("source", "where the consent")):
        assert re.search(rf'id="{field}-fault"[^>]*>[^<]*{fault}', answer.text)


def test_a_reader_an_erased_person_and_a_suppressed_address_get_nothing(
    editor: Visitor, services: Services, now: datetime
) -> None:
    add(editor)
    with services.sessions.begin() as session:
        subscribers.find(session, "new@reader.example").subscriptions[0].status = Status.ACTIVE
        erasures.record_erasure(session, services.links.seal, "erased@reader.example", now)
        suppression.add(session, "gone@reader.example", Cause.DESK, now, "by hand")
    for email, reason in (
        ("NEW@reader.example", "is a reader already"),
        ("Erased@reader.example", "had their data erased"),
        ("gone@reader.example", "is suppressed"),
    ):
        answer = editor.press(ADD, "", email=email, source="phone")
        assert answer.status_code == 409
        assert reason in answer.text
    assert letters(services) == 1


def test_the_confirmation_email_is_sent_again_until_the_address_has_had_enough(
    editor: Visitor, services: Services
) -> None:
    page = add(editor)
    answers = [editor.press(page, f"{page}confirm").status_code for _ in range(6)]
    assert answers[0] == 303
    assert answers[-1] == 409
    assert letters(services) == answers.count(303) + 1


def test_a_name_and_a_note_are_changed_and_the_note_is_among_the_readers_data(
    editor: Visitor, services: Services
) -> None:
    page = add(editor)
    editor.press(page, f"{page}name", name="<b>שלום</b> 🙂")
    editor.press(page, f"{page}note", note="Prefers\nthe phone <script>")
    read = editor.open(page).text
    assert "&lt;b&gt;שלום&lt;/b&gt; 🙂" in read
    assert "Prefers\nthe phone &lt;script&gt;" in read
    assert editor.press(page, f"{page}name", name="x" * 500).status_code == 422
    with services.sessions.reading() as session:
        reader = subscribers.find(session, "new@reader.example")
        assert privacy.export_data(session, reader)["subscriptions"][0]["note"] == "Prefers\nthe phone <script>"


def test_of_two_notes_written_at_once_the_later_comes_back_beside_the_first(editor: Visitor) -> None:
    page = add(editor)
    opened = hidden(editor.open(page).text, f"{page}note")
    editor.press(page, f"{page}note", note="Prefers the phone.")
    late = editor.client.post(f"{page}note", data=opened | {"note": "Call <b>Ann</b>."})
    assert (late.status_code, "The note has changed since this page was opened." in words(late)) == (409, True)
    assert "\nCall &lt;b&gt;Ann&lt;/b&gt;.</textarea>" in late.text
    assert "The note as it is now: Prefers the phone." in words(late)
    both = hidden(late.text, f"{page}note") | {"note": "Prefers the phone.\r\nCall Ann."}
    assert [editor.client.post(f"{page}note", data=both).status_code for _ in range(2)] == [303, 303]
    long = editor.press(page, f"{page}note", note="x" * 2_001)
    assert (long.status_code, "shorten the note" in words(long), "x" * 2_001 in long.text) == (422, True, True)


def test_of_two_names_given_at_once_the_later_comes_back_beside_the_first(editor: Visitor) -> None:
    page = add(editor)
    opened = hidden(editor.open(page).text, f"{page}name")
    editor.press(page, f"{page}name", name="Ann")
    late = editor.client.post(f"{page}name", data=opened | {"name": "<b>Anne</b>"})
    assert (late.status_code, "The name has changed since this page was opened." in words(late)) == (409, True)
    assert 'value="&lt;b&gt;Anne&lt;/b&gt;"' in late.text
    assert "The name as it is now: Ann" in words(late)
    both = hidden(late.text, f"{page}name") | {"name": "Anne"}
    assert [editor.client.post(f"{page}name", data=both).status_code for _ in range(2)] == [303, 303]


def test_a_reader_who_asked_is_unsubscribed_with_the_reason_on_record(editor: Visitor, services: Services) -> None:
    page = add(editor)
    assert editor.press(page, f"{page}unsubscribe", reason="wrote a letter").status_code == 303
    found = subscription(services)
    left = found.events[-1]
    assert (found.status, left.act, left.note, left.operator) == (
        *(Status.UNSUBSCRIBED, Act.LEFT),
        *("wrote a letter", "editor@desk.example"),
    )
    # A second tab still shows the form.
    late = editor.client.post(f"{page}unsubscribe", data=_token(editor))
    assert late.status_code == 409
    assert "This reader is unsubscribed already" in late.text


def test_a_reader_is_erased_once_that_is_confirmed(editor: Visitor, services: Services) -> None:
    page = add(editor)
    assert "Tick this first" in editor.press(page, f"{page}erase").text
    assert editor.press(page, f"{page}erase", sure="yes").location == "/desk/readers/"
    assert editor.open(page).status_code == 404
    with services.sessions.reading() as session:
        assert erasures.erased_at(session, services.links.seal, "new@reader.example")


def test_only_editors_see_and_do_these(editor: Visitor, enter: Enter, services: Services) -> None:
    page = add(editor)
    author = enter(Role.AUTHOR)
    assert "For this reader" not in author.open(page).text
    assert author.open(ADD).status_code == 403
    for act in ("name", "note", "confirm", "unsubscribe", "erase"):
        assert author.client.post(f"{page}{act}", data=_token(author)).status_code == 403
    assert subscription(services).status is Status.PENDING


def _token(visitor: Visitor) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.open("/desk/issues/").text)
    assert found
    return {"csrf_token": found[1]}


def test_what_a_search_finds_is_counted_and_exported_alone(editor: Visitor) -> None:
    for number in range(3):
        add(editor, f"knee-{number}@reader.example", "Ñandú")
    add(editor, "hip@reader.example")
    page = editor.open("/desk/readers/?q=nandu&status=pending").text
    assert "3 readers found" in page
    assert 'href="/desk/readers.csv?q=nandu&amp;status=pending"' in page
    sheet = editor.open("/desk/readers.csv?q=nandu&status=pending").text
    assert sheet.count("knee-") == 3
    assert "hip@" not in sheet
    assert "knee-" not in editor.open("/desk/readers.csv?q=nandu&status=active").text
    assert "1 reader found" in editor.open("/desk/readers/?q=hip").text
