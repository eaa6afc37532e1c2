import re

import pytest
from flask.testing import FlaskClient

from newsletter.audience import privacy, refusals
from newsletter.audience.models import Status, Subscription
from newsletter.audience.refusals import Reason
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.conftest import subscription


@pytest.fixture
def link(browser: FlaskClient, services: Services) -> str:
    """The path of the confirm link that Ada was sent."""
    browser.post("/subscribe", data={"email": "ada@example.org", "name": "Ada"})
    return sample_services.path_of(sample_services.letters(services)[-1]["confirm_url"])


def test_a_scanner_that_opens_the_link_confirms_nothing(program: FlaskClient, link: str, services: Services) -> None:
    before = sample_services.dump(services)
    assert program.get(link).status_code == program.head(link).status_code == 200
    assert sample_services.dump(services) == before


def test_the_button_makes_a_reader_and_welcomes_them_once(browser: FlaskClient, link: str, services: Services) -> None:
    pages = [browser.post(link) for _ in range(2)]
    assert all("Welcome" in page.text for page in pages)
    assert subscription(services).status is Status.ACTIVE
    assert [letter["kind"] for letter in sample_services.letters(services)] == ["confirm", "welcome"]


def test_the_words_beside_the_button_are_what_the_record_keeps(
    browser: FlaskClient, link: str, services: Services
) -> None:
    page = browser.get(link).text
    browser.post(link)
    with services.sessions.reading() as session:
        confirmed = session.get_one(Subscription, subscription(services).id).events[-1]
        assert confirmed.wording is not None
        assert confirmed.wording.text in page


def test_a_program_without_a_token_confirms_nothing(program: FlaskClient, link: str, services: Services) -> None:
    answer = program.post(link)
    assert answer.status_code == 400
    assert f'href="{link}"' in answer.text
    assert subscription(services).status is Status.PENDING


def test_a_link_of_last_week_offers_a_fresh_one_that_works(
    browser: FlaskClient, link: str, services: Services, clock: Clock
) -> None:
    clock.turn(days=8)
    for answer in (browser.get(link), browser.post(link)):
        assert answer.status_code == 410
        assert f'action="{link}/again"' in answer.text
    assert "Check your email" in browser.post(f"{link}/again").text
    fresh = sample_services.path_of(sample_services.letters(services)[-1]["confirm_url"])
    assert browser.post(fresh).status_code == 200
    assert subscription(services).status is Status.ACTIVE


def test_an_old_link_of_one_who_was_erased_tells_nothing(
    browser: FlaskClient, link: str, services: Services, clock: Clock
) -> None:
    clock.turn(days=8)
    here = browser.get(link)
    # The form's token bears the second in which it was made.
    token = re.compile(r'(name="csrf_token" value=")[^"]*')
    with services.sessions.begin() as session:
        privacy.erase(session, services.audience, "ada@example.org", clock())
    gone = browser.get(link)
    assert (gone.status_code, token.sub(r"\1", gone.text)) == (410, token.sub(r"\1", here.text))
    assert browser.post(f"{link}/again").status_code == 200
    assert [letter["kind"] for letter in sample_services.letters(services)] == []


@pytest.mark.parametrize("page", ["confirm", "unsubscribe", "preferences"])
def test_a_forged_link_is_not_there_and_tells_nothing(browser: FlaskClient, page: str) -> None:
    for token in ("x", "AAAA" * 12, "é", "%00", "a" * 3000):
        for answer in (browser.get(f"/{page}/{token}"), browser.post(f"/{page}/{token}", data={"do": "leave"})):
            assert answer.status_code == 404
            assert "This link does not work" in answer.text


def test_a_link_of_one_kind_opens_no_other_page(browser: FlaskClient, link: str) -> None:
    token = link.rpartition("/")[2]
    assert browser.get(f"/unsubscribe/{token}").status_code == 404
    assert browser.get(f"/preferences/{token}").status_code == 404


def test_the_link_of_one_who_left_leads_to_the_form(browser: FlaskClient, link: str, services: Services) -> None:
    browser.post(link)
    browser.post(sample_services.path_of(services.links.unsubscribe(subscription(services).id)))
    assert browser.get(link).headers["Location"] == "/subscribe?publication=backpainhelp"
    assert browser.post(link).status_code == 409


def test_asking_again_too_often_is_counted_by_its_reason(
    browser: FlaskClient, services: Services, clock: Clock
) -> None:
    browser.post("/subscribe", data={"email": "ada@example.org"})
    link = sample_services.path_of(sample_services.letters(services)[-1]["confirm_url"])
    answers = []
    for _ in range(services.audience.caps.client):
        answers.append(browser.post(f"{link}/again").status_code)
        clock.turn(seconds=6)
    assert answers == [200] * (services.audience.caps.client - 1) + [429]
    with services.sessions.reading() as session:
        counted = refusals.of_last_week(session, clock())
    assert counted == {
        Reason.ADDRESS_CAP: services.audience.caps.client - services.audience.caps.address,
        Reason.CLIENT_CAP: 1,
    }
