from datetime import datetime

import pytest
from sqlalchemy import select

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.delivery.models import OutboxMessage
from newsletter.delivery.transactional import outbox
from newsletter.delivery.workers import heartbeat
from newsletter.editorial.issues import issue_store
from newsletter.editorial.source import issue_file
from newsletter.editors import Role
from newsletter.publications import find
from newsletter.wiring import Services
from newsletter.workflows import test_mail
from tests import sample_services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

ISSUE = f"/desk/issues/{sample_services.WAITING}"
PAGE = f"{ISSUE}/test"
FATES = f"{PAGE}/fates"


def posts(services: Services) -> list[OutboxMessage]:
    with services.sessions.reading() as session:
        return list(
            session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "test").order_by(OutboxMessage.id))
        )


def send(visitor: Visitor, *to: str, **fields: str) -> object:
    data = hidden(visitor.open(PAGE).text) | {"to": list(to), "sample": "0"} | fields
    return visitor.client.post(PAGE, data=data)


def test_the_team_is_suggested_and_oneself_chosen(editor: Visitor, enter: Enter) -> None:
    enter(Role.VIEWER)
    page = editor.open(PAGE).text
    assert 'name="to" value="editor@desk.example" checked' in page
    assert 'name="to" value="viewer@desk.example">' in page


def test_a_test_goes_to_the_chosen_and_the_typed(editor: Visitor, services: Services) -> None:
    answer = send(editor, "editor@desk.example", others="friend@example.org, Other@example.org")
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert [post.address for post in posts(services)] == [
        "editor@desk.example",
        "friend@example.org",
        "Other@example.org",
    ]
    said = editor.read(PAGE)
    assert "3 test emails on the way." in said
    assert "friend@example.org waiting" in said
    assert 'name="to" value="friend@example.org">' in editor.open(PAGE).text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Choose someone, or enter an address."),
        ("nobody", "“nobody”: Please give an address"),
        ("a@example.org\r\nBcc: x@example.org", "“Bcc:”"),
        ("<script>alert(1)</script>", "“<script>alert(1)</script>”"),
        (" ".join(f"r{number}@example.org" for number in range(21)), "These are 21 addresses"),
    ],
)
def test_what_is_no_address_is_named_beside_the_field_and_stays_there(
    editor: Visitor, services: Services, typed: str, said: str
) -> None:
    answer = send(editor, others=typed)
    assert answer.status_code == 422
    assert said in words(answer)
    assert 'aria-invalid="true"' in answer.text
    assert "<script>alert" not in answer.text
    assert words(answer).count(typed.split()[0] if typed else "") >= 1
    assert posts(services) == []


def test_more_than_the_hour_allows_is_refused(editor: Visitor, services: Services) -> None:
    for batch in range(3):
        send(editor, others=" ".join(f"b{batch}n{number}@example.org" for number in range(20)))
    answer = send(editor, others="one@example.org")
    assert answer.status_code == 400
    assert "You sent 60 test emails within an hour" in words(answer)
    assert len(posts(services)) == 60


@pytest.mark.parametrize("role", [Role.VIEWER])
def test_a_viewer_sends_none(enter: Enter, services: Services, role: Role) -> None:
    viewer = enter(role)
    assert viewer.client.post(PAGE, data={"to": "viewer@desk.example"}).status_code == 403
    assert viewer.open(PAGE).status_code == 403
    assert viewer.open(FATES).status_code == 403
    page = viewer.open(f"{ISSUE}/")
    assert "No test email has been sent yet." in words(page)
    assert PAGE not in page.text
    assert posts(services) == []


def test_the_mail_is_written_to_the_reader_who_was_looked_for(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        person = Subscriber(email="zofia@reader.example", key="zofia@reader.example", name="Zofia", created_at=now)
        session.add(Subscription(subscriber=person, publication=find(session), status=Status.ACTIVE, created_at=now))
    page = editor.open(f"{PAGE}?q=ZOFIA").text
    assert 'name="sample" value="1"' in page
    assert "No reader has “nobody at all”" in editor.read(f"{PAGE}?q=nobody+at+all")
    send(editor, "editor@desk.example", sample="1")
    [post] = posts(services)
    assert post.message
    assert b"zofia@reader.example" in post.message
    assert b"To: editor@desk.example" in post.message


@pytest.mark.parametrize("sample", ["99", "2147483648", "-1", "x", "9" * 30])
def test_a_sample_that_there_is_not_sends_nothing_to_or_about_a_reader(
    editor: Visitor, services: Services, sample: str
) -> None:
    answer = send(editor, "editor@desk.example", sample=sample)
    assert answer.status_code in {303, 422}
    if answer.status_code == 303:
        [post] = posts(services)
        assert post.message
        assert test_mail.BUILT_IN.email.encode() in post.message


def test_the_fate_of_each_is_told_with_the_servers_words_and_only_when_it_changes(
    editor: Visitor, services: Services, now: datetime
) -> None:
    send(editor, "editor@desk.example", others="friend@example.org")
    page = editor.open(PAGE).text
    asked = page.partition(f'hx-get="{FATES}')[2].partition('"')[0]
    assert asked.startswith("?seen=")
    asked = FATES + asked
    assert editor.open(asked).status_code == 204
    assert "No worker is running, so this waits." in editor.read(PAGE)
    with services.sessions.begin() as session:
        heartbeat.beat(session, "w", now)
    assert "No worker" not in editor.read(asked)
    with services.sessions.begin() as session:
        first, second = outbox.claim(session, "w", 9, now)
        outbox.sent(session, "w", first.id, "250 2.0.0 Taken", now)
        outbox.failed(session, "w", second.id, "550 5.1.1 <nobody> & nothing here", now)
    answer = editor.open(asked)
    assert "editor@desk.example sent The server said: 250 2.0.0 Taken" in words(answer)
    assert "friend@example.org refused" in words(answer)
    assert "The server said: 550 5.1.1 <nobody> & nothing here" in words(answer)
    assert "hx-get" not in answer.text


def test_one_that_is_put_off_says_until_when_and_why(editor: Visitor, services: Services, now: datetime) -> None:
    send(editor, "editor@desk.example")
    with services.sessions.begin() as session:
        [post] = outbox.claim(session, "w", 9, now)
        outbox.put_off(session, "w", post.id, "451 4.7.1 later", now)
    said = editor.read(PAGE)
    assert "editor@desk.example waiting The server said: 451 4.7.1 later Next try" in said


def test_what_changed_since_the_last_test_is_told_and_nothing_as_nothing(
    editor: Visitor, services: Services, now: datetime
) -> None:
    assert "No test email has been sent yet." in editor.read(PAGE)
    send(editor, "editor@desk.example")
    assert "Nothing in the text." in editor.read(PAGE)
    assert "Unchanged since the last test email" in editor.read(f"{ISSUE}/")
    with services.sessions.begin() as session:
        issue = issue_store.find(session, sample_services.WAITING)
        source = f"{issue.revision.source}\nA most particular word.\n"
        pictures = issue_store.picture_names(issue.revision)
        text = issue_store.Text(issue_file.parse(source, issue.file_name), issue.file_name, pictures)
        issue_store.save(session, issue.publication, text, "owner@desk.example", now)
    assert "[added: A most particular word. ]" in editor.read(PAGE)
    assert "Changed since the last test email" in editor.read(f"{ISSUE}/")
