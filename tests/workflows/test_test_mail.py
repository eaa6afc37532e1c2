"""A test mail is the real copy but for its marks, acts on nobody, and goes to nobody who was not chosen."""

import email
import email.policy
import re
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from newsletter import editors, publications
from newsletter.audience.address import Address
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Session, Sessions
from newsletter.delivery.bounces import suppression
from newsletter.delivery.ledger import ClaimedCopy
from newsletter.delivery.message import compose
from newsletter.delivery.models import Cause, Copy, OutboxMessage, OutboxState
from newsletter.delivery.transactional import outbox
from newsletter.editorial.issues import diff, issue_store
from newsletter.editorial.source import issue_file
from newsletter.editors import Role
from newsletter.errors import Invalid, Refused
from newsletter.wiring import Services
from newsletter.workflows import build_letter, issue_readiness, publish, test_mail
from newsletter.workflows.test_mail import BUILT_IN, Sample, SentTestStatus
from tests import sample_services
from tests.databases import MOSTLY_SQLITE
from tests.sample_source import issue_source

pytestmark = MOSTLY_SQLITE

NAME = "2026-11-24-a-tight-back.md"
SLUG = "a-tight-back"
SOURCE = issue_source(subject="{title}, dear {{ name | friend }}", body="Lie down for ten minutes, więcej nie trzeba.")
ANNA, BEN = "anna@desk.example", "ben@desk.example"
READER = Sample("Zofia {{ email }} <b>", "zofia@reader.example", 7)


@pytest.fixture
def services(sessions: Sessions, tmp_path: Path, now: datetime) -> Services:
    """One issue, a reader, and a team of two."""
    made = sample_services.build(sessions, tmp_path)
    sample_services.open_publication(made, now)
    with sessions.begin() as session:
        text = issue_store.Text(issue_file.parse(SOURCE, NAME), NAME, {})
        issue_store.save(session, publications.find(session), text, issue_store.BY_FILE, now)
        for address in (ANNA, BEN):
            editors.add(session, address, Role.EDITOR, now)
        person = Subscriber(email=READER.email, key=READER.email, name="Zofia", created_at=now)
        home = publications.find(session)
        session.add(Subscription(subscriber=person, publication=home, status=Status.ACTIVE, created_at=now))
    return made


def send(services: Services, to: str, now: datetime, reader: Sample = BUILT_IN, person: str = ANNA) -> None:
    with services.sessions.begin() as session:
        addresses = test_mail.recipients(session, to)
        order = test_mail.Order(person, addresses, reader)
        test_mail.send_test(session, services.letters, issue_store.find(session, SLUG), order, now)


def posts(session: Session) -> list[OutboxMessage]:
    return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def parsed(content: bytes | None) -> EmailMessage:
    assert content
    return email.message_from_bytes(content, policy=email.policy.default)


def parts(message: EmailMessage) -> list[str]:
    return [part.get_content() for part in message.iter_parts()]


def both(services: Services, now: datetime) -> tuple[bytes, bytes]:
    """The same letter as the real copy for a reader, and as a test mail written to that reader."""
    address = Address.parse("anna@desk.example")
    with services.sessions.reading() as session:
        letter = build_letter.draft_letter(issue_store.find(session, SLUG), services.letters, now)
        copy = ClaimedCopy(1, 1, READER.subscription_id, READER.email, READER.name, 0)
        real = bytes(compose.compile(letter.content, services.links).message(copy, now))
        return real, test_mail.build_message(letter, services.links, address, READER, 1, now)


def test_a_test_mail_is_the_real_copy_byte_for_byte_but_for_its_marks(services: Services, now: datetime) -> None:
    real, test = both(services, now)
    text_note, html_note = b"[This is a test email.", b'<table role=3D"presentation"'
    head, _, body = test.partition(b"\r\n\r\n")
    real_head, _, real_body = real.partition(b"\r\n\r\n")
    assert text_note in body
    assert html_note in body.replace(b"=\r\n", b"")  # wherever its line is broken (RFC 2045, 6.7)
    changed = {b"To", b"Subject", b"Message-ID", b"List-Unsubscribe"}
    names = [line.partition(b":")[0] for line in head.split(b"\r\n")]
    assert [name for name in names if name != b"X-Newsletter-Test"] == [
        line.partition(b":")[0] for line in real_head.split(b"\r\n")
    ]
    for line in real_head.split(b"\r\n"):
        assert (line in head.split(b"\r\n")) is (line.partition(b":")[0] not in changed), line
    assert unmarked(services, body) == unmarked(services, real_body)


def unmarked(services: Services, body: bytes) -> list[str]:
    """The parts without the lines that say it is a test, and with the harmless links for the real ones."""
    message = parsed(
        b"Content-Type: multipart/alternative; boundary=" + body[4 : body.index(b"\r\n", 4)] + b"\r\n\r\n" + body
    )
    return [_plain(services, part) for part in parts(message)]


def _plain(services: Services, part: str) -> str:
    part = re.sub(r"\[This is a test email\..*?\]\s*", "", part, flags=re.DOTALL)
    part = re.sub(r'<table role="presentation"[^>]*><tr><td[^>]*><strong>This is a test email.*?</table>\s*', "", part)
    for link in ("unsubscribe", "preferences"):
        part = re.sub(rf"{re.escape(services.links.base_url)}/(?:test-mail/)?{link}\S*?(?=[\"\s])", link, part)
    return part


def test_a_test_mail_says_so_in_its_subject_a_header_and_at_its_top(services: Services, now: datetime) -> None:
    message = parsed(both(services, now)[1])
    text, html = parts(message)
    assert message["Subject"].startswith("[Test] A tight back, dear Zofia")
    assert message["X-Newsletter-Test"] == "yes"
    assert text.startswith("[This is a test email.")
    body = html.partition("<body")[2]
    assert body.index("This is a test email") < body.index("BackPainHelp</a>")
    assert body.index("A short routine") < body.index("This is a test email"), "the inbox shows the preheader"


def test_a_test_mail_is_written_to_its_sample_and_addressed_to_whoever_was_chosen(
    services: Services, now: datetime
) -> None:
    message = parsed(both(services, now)[1])
    text, html = parts(message)
    assert message["To"] == "anna@desk.example"
    assert "Dear Zofia {{ email }} <b>," in text
    assert "Dear Zofia {{ email }} &lt;b&gt;," in html
    assert READER.email in text
    assert READER.email not in str(message["To"])


def test_no_link_of_a_test_mail_can_act_on_the_reader_it_is_written_to(services: Services, now: datetime) -> None:
    real, test = both(services, now)
    tokens = set(re.findall(r"/(?:unsubscribe|preferences)/([\w-]{20,})", "".join(parts(parsed(real)))))
    assert tokens
    message = parsed(test)
    everything = "".join([*parts(message), str(message["List-Unsubscribe"])])
    assert not [token for token in tokens if token in everything]
    assert message["List-Unsubscribe"] == "<https://letters.example.org/test-mail/unsubscribe>"
    assert "https://letters.example.org/test-mail/preferences" in everything


def test_no_two_mails_share_a_message_id(services: Services, now: datetime) -> None:
    send(services, f"{ANNA} {BEN}", now)
    with services.sessions.reading() as session:
        ids = [parsed(post.message)["Message-ID"] for post in posts(session)]
    assert len({*ids, parsed(both(services, now)[0])["Message-ID"]}) == 3


def test_a_test_mail_waits_in_the_outbox_and_keeps_nothing_once_it_is_over(services: Services, now: datetime) -> None:
    send(services, BEN, now)
    with services.sessions.begin() as session:
        [post] = outbox.claim(session, "w", 9, now)
        assert (post.kind, post.address, post.sender_address) == ("test", BEN, "letter@backpainhelp.example")
        outbox.failed(session, "w", post.id, "550 5.1.1 nobody here", now)
    with services.sessions.reading() as session:
        [fate] = test_mail.recent_tests(session, issue_store.find(session, SLUG))
        assert fate.post
        assert (fate.post.state, fate.post.reply) == (OutboxState.FAILED, "550 5.1.1 nobody here")
        assert fate.post.message is None
        assert not fate.is_open
        assert session.scalars(select(Copy.id)).all() == []


def test_a_fate_that_the_outbox_forgot_is_told_as_forgotten(services: Services, now: datetime) -> None:
    send(services, BEN, now)
    with services.sessions.begin() as session:
        outbox.erase_letters(session, [BEN])
    send(services, ANNA, now + timedelta(minutes=1))
    with services.sessions.reading() as session:
        newest, oldest = test_mail.recent_tests(session, issue_store.find(session, SLUG))
    assert newest.post
    assert newest.post.address == ANNA
    assert (oldest.post, oldest.is_open) == (None, False)


def test_every_word_that_is_no_address_is_named(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        suppression.add(session, "gone@example.org", Cause.COMPLAINT, now)
        with pytest.raises(Invalid) as refused:
            test_mail.recipients(session, "anna@desk.example, nobody; Gone@example.org\r\nBcc:x@example.org")
    said = str(refused.value)
    assert "“nobody”: Please give an address" in said
    assert "“Bcc:x@example.org”" in said
    assert "Gone@example.org is suppressed" in said
    assert "anna@desk.example" not in said


def test_twenty_at_once_are_all_and_each_gets_one(services: Services) -> None:
    with services.sessions.begin() as session:
        assert len(test_mail.recipients(session, f"{ANNA}, ANNA@desk.example {ANNA}")) == 1
        with pytest.raises(Invalid, match="these are 21 addresses; the limit is 20 at once"):
            test_mail.recipients(session, " ".join(f"reader{number}@example.org" for number in range(21)))
        with pytest.raises(Invalid, match="Choose someone,"):
            test_mail.recipients(session, " \n ")


def test_a_person_sends_only_so_many_within_an_hour(services: Services, now: datetime) -> None:
    for batch in range(test_mail.AN_HOUR // 20):
        send(services, " ".join(f"r{batch}n{number}@example.org" for number in range(20)), now)
    with pytest.raises(Refused, match="You sent 60 test emails within an hour"):
        send(services, ANNA, now + timedelta(minutes=59))
    send(services, ANNA, now + timedelta(minutes=59), person=BEN)
    send(services, ANNA, now + timedelta(hours=1))


def test_many_at_the_same_instant_are_counted_like_many_in_a_row(services: Services, now: datetime) -> None:
    barrier, refused = Barrier(4), []

    def run(batch: int) -> None:
        barrier.wait()
        try:
            send(services, " ".join(f"r{batch}n{number}@example.org" for number in range(20)), now)
        except Refused as error:
            refused.append(str(error))

    threads = [Thread(target=run, args=(batch,)) for batch in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    with services.sessions.reading() as session:
        assert len(posts(session)) == test_mail.AN_HOUR


def test_the_last_recipients_are_suggested_before_the_team(services: Services, now: datetime) -> None:
    send(services, "friend@example.org", now)
    send(services, "other@example.org", now, person=BEN)
    with services.sessions.reading() as session:
        team = session.scalars(editors.team()).all()
        assert test_mail.suggested_addresses(test_mail.recent_addresses(session, ANNA), team) == [
            "friend@example.org",
            ANNA,
            BEN,
        ]
        assert test_mail.suggested_addresses(test_mail.recent_addresses(session, "new@desk.example"), team) == [
            ANNA,
            BEN,
        ]


def test_a_sample_is_found_by_address_or_name_and_only_of_the_same_publication(
    services: Services, now: datetime
) -> None:
    sample_services.open_another_publication(services, now)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        [found] = test_mail.samples(session, issue, "zOfi")
        assert test_mail.sample(session, issue, found.subscription_id) == replace(
            READER, name="Zofia", subscription_id=found.subscription_id
        )
        assert test_mail.sample(session, issue, 0) == BUILT_IN
        assert test_mail.samples(session, issue, "") == []
        assert test_mail.samples(session, issue, "%") == []
        other = publications.find(session, "other")
        stranger = Subscriber(email="s@example.org", key="s@example.org", created_at=now)
        tie = Subscription(subscriber=stranger, publication=other, status=Status.ACTIVE, created_at=now)
        session.add(tie)
        session.flush()
        for number in (tie.id, 2**31 - 1):
            with pytest.raises(Invalid, match="choose another one"):
                test_mail.sample(session, issue, number)


def test_what_changed_since_a_test_is_told_word_by_word_and_nothing_as_nothing(
    services: Services, now: datetime
) -> None:
    send(services, ANNA, now)
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        test = test_mail.latest_test(session, issue)
        assert test
        assert not diff.is_changed(test_mail.changed_since(session, issue, test.revision_number))
        text = issue_store.Text(issue_file.parse(SOURCE.replace("ten", "five"), NAME), NAME, {})
        issue_store.save(session, issue.publication, text, ANNA, now)
        pieces = test_mail.changed_since(session, issue, test.revision_number)
    assert [piece.text for piece in pieces if piece.kind is not diff.Kind.SAME] == ["ten ", "five "]


def test_a_test_of_a_scheduled_issue_is_of_what_was_frozen(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        issue_readiness.mark_ready(session, issue, services.links)
        publish.schedule_next(session, services.letters, issue, now, grace=services.grace)
        issue.publication.postal_address = "2 New Street"
    send(services, ANNA, now)
    with services.sessions.reading() as session:
        [post] = posts(session)
        assert "2 New Street" not in parts(parsed(post.message))[0]
        assert [
            fate.test.content_hash for fate in test_mail.recent_tests(session, issue_store.find(session, SLUG))
        ] == [issue_readiness.approvable_content(issue_store.find(session, SLUG), services.links).content_hash]


def test_a_fate_is_open_while_its_letter_is_on_its_way(services: Services, now: datetime) -> None:
    send(services, ANNA, now)
    with services.sessions.begin() as session:
        [fate] = test_mail.recent_tests(session, issue_store.find(session, SLUG))
        assert isinstance(fate, SentTestStatus)
        assert fate.is_open
        [post] = outbox.claim(session, "w", 9, now)
        assert compose.transactional_message(post.content, now) == post.message
