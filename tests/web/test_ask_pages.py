"""Asking and booking: what the form takes, what becomes of it, and what nobody gets to see."""

import html
import re
from datetime import date, time

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from newsletter.audience import privacy
from newsletter.audience.models import SignupCount, Subscription
from newsletter.audience.refusals import FormKind
from newsletter.delivery.models import OutboxMessage
from newsletter.engagement.requests import ContactRequest
from newsletter.publications import Publication
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.conftest import shown

ASKED = {
    "name": "Ben",
    "email": "ben@example.org",
    "topic": "My own situation",
    "text": "My back hurts.\r\nWhat now?",
    "agree": "yes",
    "agreed": "0",
}


def stored(services: Services) -> list[ContactRequest]:
    with services.sessions.reading() as session:
        return list(session.scalars(select(ContactRequest).order_by(ContactRequest.id)))


def mails(services: Services) -> list[OutboxMessage]:
    with services.sessions.reading() as session:
        ours = select(OutboxMessage).where(OutboxMessage.kind == "contact_request").order_by(OutboxMessage.id)
        return list(session.scalars(ours))


def set_publication(services: Services, **values: object) -> None:
    with services.sessions.begin() as session:
        session.execute(update(Publication).values(values))


def fault_of(answer: TestResponse, field: str) -> str:
    found = re.search(rf'id="{field}-fault">([^<]*)<', answer.text)
    return html.unescape(found[1]) if found else ""


def is_ticked(page: str) -> bool:
    [box] = re.findall(r'<input type="checkbox" name="agree"[^>]*>', page)
    return "checked" in box


def own_page(services: Services, reader: Subscription) -> str:
    return sample_services.path_of(services.links.preferences(reader.id)).replace("preferences", "ask")


def test_a_question_is_stored_and_the_team_is_told_without_a_word_of_it(
    browser: FlaskClient, services: Services, clock: Clock
) -> None:
    answer = browser.post("/ask", data=ASKED, follow_redirects=True)
    assert "We have your question" in answer.text
    [asked] = stored(services)
    assert (asked.name, asked.email, asked.text) == ("Ben", "ben@example.org", "My back hurts.\nWhat now?")
    assert (asked.topic, asked.is_booking, asked.is_proven) == ("My own situation", False, False)
    assert asked.received_at == clock()
    assert "which may be about my health" in asked.consent
    assert "90 days" in asked.consent
    [letter] = sample_services.letters(services)
    assert (letter["kind"], letter["address"]) == ("contact_request", "desk@backpainhelp.example")
    assert letter["topic"] == "My own situation"
    assert letter["desk_url"] == f"{sample_services.BASE_URL}/desk/requests/1/?publication=backpainhelp"
    assert "hurts" not in str(letter)
    assert mails(services)[0].reply_to == "ben@example.org"


def test_the_mail_contains_what_they_wrote_where_the_team_wants_it(browser: FlaskClient, services: Services) -> None:
    set_publication(services, mails_request_text=True)
    browser.post("/ask", data=ASKED)
    assert sample_services.letters(services)[0]["text"] == "My back hurts.\nWhat now?"


def test_a_booking_comes_with_its_preferred_time(browser: FlaskClient, services: Services) -> None:
    assert "Book a session" in browser.get("/book").text
    answer = browser.post("/book", data=ASKED | {"day": "2026-12-01", "time": "14:30"}, follow_redirects=True)
    assert "We have your request" in answer.text
    [asked] = stored(services)
    assert (asked.is_booking, asked.wished_day, asked.wished_time) == (True, date(2026, 12, 1), time(14, 30))
    assert sample_services.letters(services)[0]["preferred_time"] == "Tuesday 1 December 2026, 14:30 (Europe/Warsaw)"


@pytest.mark.parametrize(
    ("changed", "field", "fault"),
    [
        ({"agree": ""}, "agree", "Please tick the box"),
        ({"email": "ben@example"}, "email", "Please give an address"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "email", "Please give an address"),
        ({"topic": ""}, "topic", "Please choose a topic"),
        ({"topic": "<script>"}, "topic", "Please choose a topic"),
        ({"topic": "My own\0 situation!"}, "topic", "Please choose a topic"),
        ({"text": " \n "}, "text", "Please write"),
        ({"text": "x" * 100_000}, "text", "it has 100,000 characters; the limit is 5,000"),
        ({"text": "turned \u202e round"}, "text", "Please correct line 1"),
        ({"name": "A\nB"}, "name", "in one line"),
        ({"name": "x" * 101}, "name", "Please shorten"),
        ({"day": "2026-11-19"}, "preferred_time", "from today on"),
    ],
)
def test_a_fault_is_told_at_its_field_and_nothing_is_lost(
    browser: FlaskClient, services: Services, changed: dict[str, str], field: str, fault: str
) -> None:
    answer = browser.post("/ask", data=ASKED | changed)
    assert answer.status_code == 422
    assert fault in fault_of(answer, field)
    typed = ASKED | changed
    assert html.escape(typed["text"].replace("\r\n", "\n")) in answer.text.replace("\r\n", "\n")
    assert is_ticked(answer.text) == bool(typed["agree"])
    assert stored(services) == []
    assert mails(services) == []


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "👩‍👩‍👧 " * 700, "كيف أخفف ألم الظهر؟", "{{ name }} {% 1 %}", "'; DROP TABLE x; --"],
)
def test_whatever_is_written_is_stored_as_it_is(browser: FlaskClient, services: Services, text: str) -> None:
    assert browser.post("/ask", data=ASKED | {"text": text, "name": "<b>Ada</b>"}).status_code == 303
    assert (stored(services)[0].text, stored(services)[0].name) == (text.strip(), "<b>Ada</b>")


def test_the_box_is_not_ticked_at_first_and_the_form_holds_no_address(browser: FlaskClient) -> None:
    page = browser.get("/ask?topic=My+own+situation&email=x@example.org").text
    assert not is_ticked(page)
    assert '<option value="My own situation" selected>' in page
    assert "x@example.org" not in page


def test_a_form_sent_twice_is_one_request_until_it_is_answered(browser: FlaskClient, services: Services) -> None:
    for _ in range(2):
        assert browser.post("/ask", data=ASKED).status_code == 303
    assert len(stored(services)) == len(mails(services)) == 1
    browser.post("/ask", data=ASKED | {"text": "Something else"})
    assert len(stored(services)) == 2


def test_a_reader_who_comes_by_their_link_need_not_type_their_address(
    browser: FlaskClient, services: Services, reader: Subscription
) -> None:
    page = own_page(services, reader)
    preferences = page.replace("ask", "preferences")
    assert f'href="{page}"' in browser.get(preferences).text
    shown_page = browser.get(page).text
    assert "a…@example.org" in shown_page
    assert "ada@example.org" not in shown_page
    typed = ASKED | {"email": "other@example.org", "shown": shown(browser.application)}
    answer = browser.post(page, data=typed, follow_redirects=True)
    assert "We have your question" in answer.text
    [asked] = stored(services)
    assert (asked.email, asked.is_proven) == ("ada@example.org", True)
    assert browser.get(page[:-1]).status_code == browser.get("/ask/forged").status_code == 404


def test_while_many_ask_one_waits_and_a_reader_who_came_by_a_link_is_not_named(
    browser: FlaskClient, services: Services, clock: Clock, reader: Subscription
) -> None:
    with services.sessions.begin() as session:
        session.add(SignupCount(bucket="ask.press:a", window=int(clock().timestamp()) // 3600, hits=30))
    page = own_page(services, reader)
    answer = browser.post(page, data=ASKED | {"shown": shown(browser.application)})
    assert "Please wait 30 seconds" in answer.text
    assert "ada@example.org" not in answer.text
    fields = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text)
    }
    clock.turn(seconds=31)
    assert browser.post(page, data=fields).status_code == 303
    [asked] = stored(services)
    assert (asked.email, asked.text) == ("ada@example.org", "My back hurts.\nWhat now?")


def test_a_robot_gets_the_same_answer_and_nothing_is_stored(
    browser: FlaskClient, services: Services, program: FlaskClient
) -> None:
    assert browser.post("/ask", data=ASKED | {"message": "Buy!"}).location == "/ask?publication=backpainhelp&done=sent"
    quick = browser.post("/ask", data=ASKED | {"shown": shown(browser.application, 0)})
    assert quick.status_code == 400
    assert "that was so quick" in html.unescape(quick.text)
    foreign = program.post("/ask", data=ASKED)
    assert foreign.status_code == 400
    assert "What now?" in foreign.text
    assert stored(services) == []


def test_one_client_asks_only_so_often_in_an_hour_and_keeps_its_words(browser: FlaskClient, services: Services) -> None:
    most = services.audience.caps.client
    answers = [browser.post("/ask", data=ASKED | {"text": f"Question {number}"}) for number in range(most + 1)]
    assert [answer.status_code for answer in answers] == [303] * most + [429]
    assert f"Question {most}" in answers[-1].text
    assert len(stored(services)) == most
    assert FormKind.ASK.words == "questions and bookings"


def test_a_probable_typing_error_in_the_address_is_asked_about_once(browser: FlaskClient, services: Services) -> None:
    typed = ASKED | {"email": "ben@gmial.com"}
    first = browser.post("/ask", data=typed)
    assert "Did you mean ben@gmail.com?" in html.unescape(first.text)
    assert stored(services) == []
    assert browser.post("/ask", data=typed | {"checked": "ben@gmial.com"}).status_code == 303
    assert stored(services)[0].email == "ben@gmial.com"


def test_the_pages_are_linked_from_every_page_unless_turned_off_or_elsewhere(
    browser: FlaskClient, services: Services
) -> None:
    for path in ("/", "/subscribe", "/link", "/privacy", "/nothing"):
        assert re.search(r'href="/ask">Ask us a question</a>.*href="/book">Book', browser.get(path).text, re.DOTALL)
    set_publication(services, ask_url="https://elsewhere.example/ask", takes_requests=False)
    page = browser.get("/link").text
    assert 'href="https://elsewhere.example/ask"' in page
    assert "Book a session" not in page
    assert browser.get("/ask").status_code == browser.post("/ask", data=ASKED).status_code == 404
    assert "takes no questions here" in browser.get("/book").text


def test_a_person_gets_what_they_asked_with_their_data_and_it_is_erased_with_them(
    browser: FlaskClient, services: Services, clock: Clock, reader: Subscription
) -> None:
    browser.post("/ask", data=ASKED | {"email": "Ada@example.org"})
    browser.post("/ask", data=ASKED)
    manage = sample_services.path_of(services.links.manage(reader.id, clock()))
    [theirs] = browser.get(f"{manage}/my-data.json").json["requests"]
    assert theirs["text"] == "My back hurts.\nWhat now?"
    assert theirs["agreed_to"]
    assert "What now?" in browser.get(f"{manage}/my-data").text
    with services.sessions.begin() as session:
        privacy.erase(session, services.audience, "ada@example.org", clock())
    assert [each.email for each in stored(services)] == ["ben@example.org"]
    assert [mail.reply_to for mail in mails(services)] == ["ben@example.org"]


def test_nothing_of_it_is_logged(browser: FlaskClient, services: Services) -> None:
    with capture_logs() as logged:
        browser.post("/ask", data=ASKED)
        browser.post("/ask", data=ASKED | {"topic": ""})
        for _ in range(services.audience.caps.client):
            browser.post("/ask", data=ASKED)
    assert logged
    assert not re.search("hurts|ben@|Ben|situation", str(logged))
