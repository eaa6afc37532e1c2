"""Contact requests: the mail to the team, the reminder, and the end of what was answered."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter import publications
from newsletter.delivery.message import compose
from newsletter.delivery.models import OutboxMessage
from newsletter.delivery.transactional import outbox
from newsletter.delivery.workers.context import WorkerContext
from newsletter.engagement import requests
from newsletter.engagement.request_form import PreferredTime
from newsletter.engagement.requests import ContactRequest, NewRequest
from newsletter.wiring import Services
from newsletter.workflows import contact_requests
from newsletter.workflows.contact_requests import RequestTimes
from tests import sample_services
from tests.databases import MOSTLY_SQLITE
from tests.originals import Fill

pytestmark = MOSTLY_SQLITE

DAY = timedelta(days=1)
TIMES = RequestTimes(90 * DAY, 3 * DAY)


@pytest.fixture
def filled() -> Fill:
    return sample_services.opened


def new(text: str = "My back hurts.", **changes: object) -> NewRequest:
    typed = {
        "publication_id": 1,
        "is_booking": False,
        "topic": "My own situation",
        "name": "Ben",
        "preferred_time": PreferredTime(),
    }
    typed |= {"email": "ben@bücher.example", "key": "ben@xn--bcher-kva.example", "is_proven": False}
    typed |= {"time_zone": "Europe/Warsaw", "text": text, "consent": "I agree.", "consent_version": 0}
    return NewRequest(**typed | changes)  # type: ignore[arg-type]


def receive(services: Services, now: datetime, *asked: NewRequest) -> None:
    for number, one in enumerate(asked):
        with services.sessions.begin() as session:
            client = f"192.0.2.{number % 250}"
            contact_requests.receive_request(session, services.audience, publications.find(session), one, client, now)


def tend(services: Services, now: datetime, times: RequestTimes = TIMES) -> None:
    contact_requests.tend(services.sessions, services.audience, WorkerContext("w", lambda: now), times)


def kinds(services: Services) -> list[str]:
    return [letter["kind"] for letter in sample_services.letters(services)]


def test_a_reply_to_the_mail_goes_to_the_person_who_asked_and_nothing_of_them_stays_in_the_outbox(
    services: Services, now: datetime
) -> None:
    receive(services, now, new())
    with services.sessions.begin() as session:
        [post] = outbox.claim(session, "w", 9, now)
        head = compose.transactional_message(post.content, now).partition(b"\r\n\r\n")[0]
        assert b"\r\nReply-To: ben@xn--bcher-kva.example\r\n" in head
        assert b"\r\nTo: desk@backpainhelp.example\r\n" in head
        outbox.sent(session, "w", post.id, "250 OK", now)
    with services.sessions.reading() as session:
        assert "ben@" not in str(vars(session.scalars(select(OutboxMessage)).one()))


def test_the_team_hears_of_an_address_that_no_plain_header_can_hold(services: Services, now: datetime) -> None:
    receive(services, now, new(email="bén@example.org", key="bén@example.org"))
    with services.sessions.begin() as session:
        [post] = outbox.claim(session, "w", 9, now)
        head = compose.transactional_message(post.content, now).partition(b"\r\n\r\n")[0]
    assert head.isascii()


def test_a_flood_of_requests_is_no_flood_of_mails(
    services: Services, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_requests, "MAILS_A_DAY", 3)
    receive(services, now, *(new(f"Question {number}") for number in range(5)))
    assert kinds(services) == ["contact_request"] * 3
    receive(services, now + 2 * DAY, new("Another"))
    assert kinds(services) == ["contact_request"] * 4
    with services.sessions.reading() as session:
        assert requests.count_waiting(session, 1) == 6


def test_the_same_may_be_asked_again_once_it_is_answered(services: Services, now: datetime) -> None:
    receive(services, now, new(), new(), new(consent="Other words."))
    with services.sessions.begin() as session:
        [asked] = session.scalars(select(ContactRequest)).all()
        requests.mark_answered(session, asked, "ann@desk.example", now)
    receive(services, now, new())
    assert kinds(services) == ["contact_request"] * 2


def test_the_team_is_reminded_once_of_what_waits(services: Services, now: datetime) -> None:
    receive(services, now, new("One"), new("Two"))
    receive(services, now + 2 * DAY, new("Three"))
    tend(services, now + 2 * DAY)
    assert "requests_waiting" not in kinds(services)
    tend(services, now + 3 * DAY + timedelta(hours=1))
    tend(services, now + 4 * DAY)
    [reminder] = [one for one in sample_services.letters(services) if one["kind"] == "requests_waiting"]
    assert (reminder["count"], reminder["days"]) == ("2 requests", "3 days")
    assert reminder["desk_url"].endswith("/desk/requests/?publication=backpainhelp")
    tend(services, now + 9 * DAY, RequestTimes(90 * DAY, timedelta()))
    assert kinds(services).count("requests_waiting") == 1


def test_what_was_answered_is_deleted_after_its_time_and_what_waits_is_not(services: Services, now: datetime) -> None:
    receive(services, now - 200 * DAY, new("Answered"), new("Waiting"))
    with services.sessions.begin() as session:
        answered = session.scalars(select(ContactRequest).where(ContactRequest.text == "Answered")).one()
        requests.mark_answered(session, answered, "ann@desk.example", now)
    tend(services, now + 89 * DAY)
    tend(services, now + 90 * DAY)
    with services.sessions.reading() as session:
        assert session.scalars(select(ContactRequest.text)).all() == ["Waiting"]
