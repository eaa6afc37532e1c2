"""Forms on other sites: what they post is stored only by the button on our own page, with the place it came from."""

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from newsletter.audience import privacy
from newsletter.audience.models import Subscription
from newsletter.delivery.models import Letter
from newsletter.web import forms
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.conftest import shown, subscription
from tests.web.desk.visits import hidden

ADA = {"email": "ada@example.org", "name": "Ada"}
HOSTED, FRAMED = "/subscribe/backpainhelp", "/embed/backpainhelp"


def recorded_source(services: Services) -> str | None:
    with services.sessions.reading() as session:
        return session.get_one(Subscription, subscription(services).id).events[0].note


def test_a_post_from_elsewhere_fills_in_our_page_and_stores_nothing(program: FlaskClient, services: Services) -> None:
    before = sample_services.dump(services)
    page = program.post(HOSTED, data=ADA, headers={"Origin": "https://clinic.example", "Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 200
    assert "One more step" in page.text
    assert 'value="ada@example.org"' in page.text
    assert 'value="Ada"' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert sample_services.dump(services) == before


def test_one_button_there_signs_up_and_the_record_names_the_site(
    browser: FlaskClient, services: Services, clock: Clock
) -> None:
    page = browser.post(HOSTED, data=ADA, headers={"Origin": "https://clinic.example"}).text
    assert page.count("<button") == 1
    fields = hidden(page, "/subscribe") | ADA
    assert browser.post("/subscribe", data=fields).status_code == 400
    assert sample_services.letters(services) == []
    clock.turn(seconds=3)
    assert "Check your email" in browser.post("/subscribe", data=fields).text
    assert recorded_source(services) == "clinic.example"
    with services.sessions.reading() as session:
        reader = session.get_one(Subscription, subscription(services).id).subscriber
        assert privacy.export_data(session, reader)["events"][0]["note"] == "clinic.example"


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        ("poster at reception", "poster at reception"),
        ("x" * 500, "x" * 100),
        ("a\r\nBcc: b\0\u202ec", "a Bcc: b c"),
        ("<script>alert(1)</script> 🧘", "<script>alert(1)</script> 🧘"),
        ("=cmd|'/c calc'!A1", "=cmd|'/c calc'!A1"),
        ("   ", None),
    ],
)
def test_a_source_is_one_short_line_wherever_it_is_shown(
    browser: FlaskClient, services: Services, clock: Clock, typed: str, recorded: str | None
) -> None:
    page = browser.get(HOSTED, query_string={"source": typed}).text
    assert "<script>alert" not in page
    clock.turn(seconds=3)
    browser.post("/subscribe", data={name: unescape(value) for name, value in hidden(page, "/subscribe").items()} | ADA)
    assert recorded_source(services) == recorded


def test_the_source_survives_a_fault_a_question_and_a_form_sent_too_soon(
    browser: FlaskClient, app: Flask, services: Services
) -> None:
    asked = ADA | {"source": "clinic", forms.SHOWN: shown(app)}
    for change in ({"email": "ada"}, {"email": "ada@gmial.com"}, {forms.SHOWN: ""}):
        page = browser.post("/subscribe", data=asked | change).text
        assert hidden(page, "/subscribe")["source"] == "clinic", change
    browser.post("/subscribe", data=ADA | {forms.SHOWN: shown(app)})
    assert recorded_source(services) is None


@pytest.mark.parametrize("origin", ["null", "", "https://[", "javascript:alert(1)"])
def test_a_strange_origin_is_no_source(program: FlaskClient, origin: str) -> None:
    page = program.post(HOSTED, data=ADA, headers={"Origin": origin})
    assert (page.status_code, 'name="source"' in page.text) == (200, False)


def test_a_fault_in_what_was_typed_elsewhere_is_shown_beside_its_field(program: FlaskClient) -> None:
    page = program.post(HOSTED, data={"email": "ada", "name": "Ada"})
    assert (page.status_code, 'id="email-fault"' in page.text) == (422, True)
    assert "fault" not in program.post(HOSTED, data={}).text
    assert program.post("/subscribe/nothing", data=ADA).status_code == 404


def test_the_framed_form_needs_no_cookie_and_opens_outside_its_frame(
    browser: FlaskClient, services: Services, clock: Clock
) -> None:
    page = browser.get(FRAMED, headers={"Referer": "https://clinic.example/"})
    assert "Set-Cookie" not in page.headers
    assert '<base target="_blank">' in page.text
    clock.turn(seconds=3)
    assert "Check your email" in browser.post("/subscribe", data=hidden(page.text, "/subscribe") | ADA).text
    assert recorded_source(services) == "clinic.example"


@pytest.mark.usefixtures("stocked")
def test_what_a_friend_is_offered_is_never_a_personal_link(browser: FlaskClient, services: Services) -> None:
    with services.sessions.reading() as session:
        html = session.scalars(select(Letter)).first().html
    (link,) = re.findall(r'forwarded to you\? <a href="([^"]+)"', html)
    assert link == services.links.home()
    assert "/subscribe" in browser.get(sample_services.path_of(link)).text
