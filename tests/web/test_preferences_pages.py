import json

import pytest
from flask.testing import FlaskClient

from newsletter import audit
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.wiring import Services
from tests import sample_services
from tests.web.conftest import subscription
from tests.web.desk.visits import words


@pytest.fixture
def link(reader: Subscription, services: Services) -> str:
    return sample_services.path_of(services.links.preferences(reader.id))


def test_the_page_says_where_the_reader_stands(browser: FlaskClient, link: str) -> None:
    page = browser.get(link).text
    assert "comes to <strong>ada@example.org</strong> every Tuesday" in page
    assert "because you confirmed this address on 20 November 2026." in page
    assert 'value="Ada"' in page


def test_a_new_name_is_saved_and_shown(browser: FlaskClient, link: str) -> None:
    answer = browser.post(link, data={"do": "rename", "name": "Ada <b>Lovelace</b>"})
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"]).text
    assert "Your name has been saved" in page
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in page


@pytest.mark.parametrize("name", ["Ada\nBcc: x@example.org", "x" * 101])
def test_a_name_that_cannot_be_kept_comes_back_with_a_sentence(
    browser: FlaskClient, link: str, services: Services, name: str
) -> None:
    before = sample_services.dump(services)
    answer = browser.post(link, data={"do": "rename", "name": name})
    assert answer.status_code == 422
    assert 'id="name-fault"' in answer.text
    assert sample_services.dump(services) == before


def test_a_break_begins_and_ends_at_the_readers_word(browser: FlaskClient, link: str, services: Services) -> None:
    browser.post(link, data={"do": "pause", "weeks": "4"})
    assert subscription(services).status is Status.PAUSED
    assert "until <strong>Friday 18 December 2026</strong>" in browser.get(link).text
    browser.post(link, data={"do": "resume"})
    assert subscription(services).status is Status.ACTIVE


@pytest.mark.parametrize("weeks", ["", "0", "-1", "99", "two"])
def test_a_break_of_no_sensible_length_is_refused_beside_the_choice(
    browser: FlaskClient, link: str, services: Services, weeks: str
) -> None:
    answer = browser.post(link, data={"do": "pause", "weeks": weeks})
    assert answer.status_code == 422
    assert 'id="pause-fault"' in answer.text
    assert subscription(services).status is Status.ACTIVE


def test_leaving_is_one_button_here_too(browser: FlaskClient, link: str, services: Services) -> None:
    browser.post(link, data={"do": "leave"})
    assert subscription(services).status is Status.UNSUBSCRIBED
    page = browser.get(link).text
    assert "/subscribe?publication=backpainhelp" in page
    assert "Take a break" not in page


def test_a_break_of_one_who_left_is_refused(browser: FlaskClient, link: str) -> None:
    browser.post(link, data={"do": "leave"})
    assert browser.post(link, data={"do": "pause", "weeks": "2"}).status_code == 409


def test_my_data_is_a_file_for_this_reader_alone(browser: FlaskClient, link: str) -> None:
    answer = browser.get(f"{link}/my-data.json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    assert json.loads(answer.data)["email"] == "ada@example.org"


def test_my_data_can_be_read_by_a_person(browser: FlaskClient, link: str) -> None:
    page = words(browser.get(f"{link}/my-data"))
    assert "Everything we keep about ada@example.org , Ada, since 2026-11-20 12:00 UTC" in page
    assert "Signed up by form (backpainhelp), 2026-11-20 12:00 UTC , from 127.0.0.0/24" in page
    assert "The text you saw, version" in page
    assert "backpainhelp: active since 2026-11-20 12:00 UTC" in page


def test_erasing_asks_for_a_tick_and_then_forgets(browser: FlaskClient, link: str, services: Services) -> None:
    assert browser.post(link, data={"do": "erase"}).status_code == 422
    assert "Your data has been erased" in browser.post(link, data={"do": "erase", "sure": "yes"}).text
    with services.sessions.reading() as session:
        assert session.query(Subscriber).count() == 0
        told = session.scalars(audit.matching({"kind": "reader"})).one()
    assert (told.who, told.act, told.details) == (audit.READER, "erase", {})
    assert told.about.isdecimal()
    assert browser.get(link).status_code == 404
    assert "only a fingerprint of your address is kept" in browser.get("/privacy").text


def test_a_program_without_a_token_changes_nothing(program: FlaskClient, link: str, services: Services) -> None:
    before = sample_services.dump(services)
    assert program.post(link, data={"do": "leave"}).status_code == 400
    assert sample_services.dump(services) == before


def test_a_wish_that_nobody_can_have_is_refused(browser: FlaskClient, link: str) -> None:
    assert browser.post(link, data={"do": "promote"}).status_code == 400
