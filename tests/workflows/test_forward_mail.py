"""What people write to our addresses reaches the publication, whole, from our own address, and never in a circle."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from sqlalchemy import delete, select

from newsletter import publications
from newsletter.audience import privacy
from newsletter.audience.models import Subscriber
from newsletter.delivery.bounces.events import RAW_KEPT, BounceEvent, RawReport
from newsletter.delivery.bounces.intake import tally
from newsletter.delivery.bounces.intake.incoming import MOST_KEPT, IncomingMail
from newsletter.delivery.bounces.intake.reader_mails import ReaderMail
from newsletter.delivery.bounces.report import Kind
from newsletter.delivery.message import compose
from newsletter.delivery.models import OutboxMessage
from newsletter.delivery.workers.context import WorkerContext
from newsletter.publications import Publication, Slot
from newsletter.wiring import Services
from newsletter.workflows import forward_mail, receive_mail
from tests import sample_services
from tests.delivery.bounces.mails import mail
from tests.originals import Fill
from tests.sample_services import NOW

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADA = "ada@reader.example"
DESK = "desk@press.example"


@pytest.fixture
def filled() -> Fill:
    return sample_services.opened


@pytest.fixture(autouse=True)
def _answered_elsewhere(services: Services) -> None:
    with services.sessions.begin() as session:
        publications.find(session).reply_to = DESK


def written(words: str = "I liked it.\n", **headers: str) -> bytes:
    person = {"Return_Path": f"<{ADA}>", "From": f"Ada <{ADA}>", "To": "letters@press.example"}
    return mail(words, subject="Your last issue", **person | headers)


def receive(services: Services, raw: bytes, **more: object) -> Kind:
    incoming = IncomingMail.from_bytes(raw)
    given = {"now": NOW, "bounces": services.bounces} | more
    return receive_mail.receive(services.sessions, given["bounces"], incoming, "lmtp", given["now"]).kind  # type: ignore[arg-type]


def forwarded(services: Services) -> Sequence[EmailMessage]:
    with services.sessions.reading() as session:
        ours = select(OutboxMessage).where(OutboxMessage.kind == forward_mail.KIND).order_by(OutboxMessage.id)
        posts = session.scalars(ours).all()
        sent = [compose.transactional_message(post.content, NOW) for post in posts]
    return [message_from_bytes(each, policy=policy.default) for each in sent]  # type: ignore[misc]


def reasons(services: Services) -> list[str]:
    with services.sessions.reading() as session:
        return list(session.scalars(select(ReaderMail.kept_because).order_by(ReaderMail.id)))


def test_a_persons_mail_goes_to_the_reply_address_attached_as_it_came(services: Services) -> None:
    raw = written()
    assert receive(services, raw) is Kind.NOT_A_BOUNCE
    assert receive(services, raw) is Kind.NOT_A_BOUNCE, "and comes again"
    [sent] = forwarded(services)
    with services.sessions.reading() as session:
        home = publications.find(session)
        assert sent["From"].addresses[0].addr_spec == home.sender_address
    assert (sent["To"], sent["Reply-To"]) == (DESK, ADA)
    assert sent["Subject"] == "Mail from a reader: Your last issue"
    assert (sent["Auto-Submitted"], sent["X-Newsletter-Forwarded"]) == ("auto-generated", "yes")
    note, attached = sent.iter_parts()
    assert note.get_content().startswith(f"{ADA} wrote to an address")
    assert attached.get_content_type() == "message/rfc822"
    assert attached.get_content().as_bytes().split() == raw.split()
    with services.sessions.reading() as session:
        assert {one.kind: one.mails for one in tally.tallies(session)} == {"not_a_bounce": 1, "forwarded": 1}


@SQLITE
def test_a_mail_that_cannot_stand_in_another_as_it_is_arrives_all_the_same(services: Services) -> None:
    receive(services, written("Grüße\n"), now=NOW)
    receive(services, written("x" * 3000))
    receive(services, written("nul\0 and " + "y" * 3000))
    texts = []
    for sent in forwarded(services):
        raw = sent.as_bytes()
        assert raw.isascii()
        assert max(map(len, raw.splitlines())) <= 998
        attached = list(sent.iter_parts())[1]
        content = attached.get_content()
        texts.append(content if isinstance(content, bytes) else content.get_payload(decode=True))
    assert "Grüße".encode() in texts[0]
    assert b"x" * 3000 in texts[1]
    assert b"nul" in texts[2]


@SQLITE
def test_of_a_mail_that_is_too_large_only_a_note_goes_on(services: Services) -> None:
    receive(services, written("x" * 70 + "\n") + b"y" * MOST_KEPT)
    [sent] = forwarded(services)
    [note] = sent.iter_parts()
    assert "too large to be attached" in note.get_content()


@SQLITE
@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"X_Newsletter_Forwarded": "yes"}, "loop"),
        ({"Received": "from a\nReceived: from b" + "\nReceived: from c" * 25}, "loop"),
        ({"List_Id": "<list.example.org>"}, "automatic"),
        ({"Precedence": "list"}, "automatic"),
        ({"Subject": "Report domain: press.example Submitter: mail.example Report-ID: 7"}, "automatic"),
        ({"Content_Type": "multipart/report; report-type=tlsrpt; boundary=b"}, "automatic"),
        ({"From": "nobody"}, "no sender"),
        ({"From": DESK}, "loop"),
    ],
)
def test_what_could_go_in_a_circle_is_kept(services: Services, headers: dict[str, str], why: str) -> None:
    receive(services, written(**headers))
    assert (reasons(services), forwarded(services)) == ([why], [])
    with services.sessions.reading() as session:
        assert session.scalars(select(RawReport)).one()


@SQLITE
def test_nothing_is_forwarded_to_an_address_whose_mail_comes_back_here(services: Services) -> None:
    receive(services, written(), bounces=replace(services.bounces, own_addresses={DESK}))
    assert (reasons(services), forwarded(services)) == (["no other address"], [])


@SQLITE
def test_nothing_is_forwarded_that_says_it_is_from_an_address_whose_mail_comes_back_here(services: Services) -> None:
    ours = "reports@press.example"
    receive(services, written(From=ours), bounces=replace(services.bounces, own_addresses={ours}))
    assert (reasons(services), forwarded(services)) == (["loop"], [])


@SQLITE
def test_a_mail_that_comes_before_there_is_a_publication_is_recorded_and_goes_nowhere(services: Services) -> None:
    with services.sessions.begin() as session:
        session.execute(delete(Slot))
        session.execute(delete(Publication))
    assert receive(services, written()) is Kind.NOT_A_BOUNCE
    assert (forwarded(services), reasons(services)) == ([], [])


def test_more_than_a_person_writes_is_kept(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_mail, "A_DAY_OF_ONE", 2)
    monkeypatch.setattr(forward_mail, "A_DAY_OF_ALL", 3)
    for number in range(3):
        receive(services, written(f"{number}"))
    for number in range(2):
        receive(services, written(f"{number}", From=f"{number}@reader.example"))
    assert reasons(services) == ["", "", "too many of one sender", "", "too many"]
    receive(services, written("tomorrow"), now=NOW + timedelta(days=1))
    assert reasons(services)[-1] == ""


@SQLITE
def test_who_asks_to_leave_without_proof_is_answered_by_a_person(services: Services) -> None:
    raw = mail("Unsubscribe me", subject="unsubscribe", Return_Path=f"<{ADA}>", From=ADA, To="letters@press.example")
    assert receive(services, raw) is Kind.UNSUBSCRIBE
    assert len(forwarded(services)) == 1


@SQLITE
def test_auto_replies_are_counted_and_nothing_else(services: Services) -> None:
    assert receive(services, written(Auto_Submitted="auto-replied")) is Kind.AUTO_REPLY
    assert (forwarded(services), reasons(services)) == ([], [])
    with services.sessions.reading() as session:
        assert [(one.kind, one.mails) for one in tally.tallies(session)] == [("auto_reply", 1)]


def test_an_erased_persons_mail_is_gone_and_all_go_after_ninety_days(services: Services) -> None:
    receive(services, written())
    receive(services, written("other", From="bo@reader.example"))
    with services.sessions.begin() as session:
        session.add(Subscriber(email=ADA, key=ADA, name="Ada", created_at=NOW))
        session.flush()
        reader = session.scalars(select(Subscriber)).one()
        told = {"at": NOW.isoformat(), "forwarded": True, "subject": "Your last issue", "text": "I liked it."}
        assert privacy.export_data(session, reader)["mails"] == [told]
        privacy.erase(session, services.audience, ADA, NOW)
    assert [each["Reply-To"] for each in forwarded(services)] == ["bo@reader.example"]
    with services.sessions.begin() as session:
        assert session.scalars(select(OutboxMessage.subject)).all() == ["Mail from a reader"]
        assert session.scalars(select(ReaderMail.key)).all() == ["bo@reader.example"]
        assert len(session.scalars(select(RawReport)).all()) == 1
        services.mail_intake(WorkerContext("one", lambda: NOW)).prune(session, NOW + RAW_KEPT)
        assert session.scalars(select(ReaderMail)).all() == session.scalars(select(RawReport)).all() == []
        assert len(session.scalars(select(BounceEvent)).all()) == 2
