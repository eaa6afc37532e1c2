import re

import pytest
from flask.testing import FlaskClient

from newsletter.audience.models import Subscription
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.conftest import subscription

NEW = "lovelace@example.net"
SEAL = re.compile(r'name="csrf_token" value="[^"]*"')


@pytest.fixture
def fresh(reader: Subscription, services: Services, clock: Clock) -> str:
    return sample_services.path_of(services.links.manage(reader.id, clock()))


def link_sent_to(services: Services, email: str) -> str:
    letters = [letter for letter in sample_services.letters(services) if letter["address"] == email]
    return sample_services.path_of(letters[-1]["address_url"])


def test_an_address_is_changed_by_the_button_behind_the_link_and_back_by_the_other(
    browser: FlaskClient, program: FlaskClient, fresh: str, services: Services
) -> None:
    page = browser.get(browser.post(fresh, data={"do": "address", "email": NEW}).headers["Location"]).text
    assert "A link is on its way to the new address" in page
    link = link_sent_to(services, NEW)
    before = sample_services.dump(services)
    offer = program.get(f"{link}.")
    assert 'come to <strong class="whole">l…@example.net</strong> instead of' in offer.text
    assert offer.headers["Cache-Control"] == "no-store"
    assert program.post(link).status_code == 400
    assert sample_services.dump(services) == before
    assert "Your address has been changed" in browser.post(link).text
    assert "Your address has been changed" in program.get(link).text
    assert subscription(services).subscriber.email == NEW
    back = link_sent_to(services, "ada@example.org")
    assert "Change your address back?" in browser.get(back).text
    browser.post(back)
    assert subscription(services).subscriber.email == "ada@example.org"
    assert browser.get(link).status_code == 409


def test_an_old_link_says_so(browser: FlaskClient, fresh: str, services: Services, clock: Clock) -> None:
    browser.post(fresh, data={"do": "address", "email": NEW})
    clock.turn(hours=25)
    for answer in (browser.get(link_sent_to(services, NEW)), browser.post(link_sent_to(services, NEW))):
        assert (answer.status_code, "This link has expired" in answer.text) == (410, True)
    assert subscription(services).subscriber.email == "ada@example.org"


def test_nobody_learns_at_the_form_whether_an_address_is_known(
    browser: FlaskClient, fresh: str, services: Services
) -> None:
    browser.post("/subscribe", data={"email": "known@example.net", "name": ""})
    answers = [
        browser.get(browser.post(fresh, data={"do": "address", "email": email}).headers["Location"]).text
        for email in ("known@example.net", "unknown@example.net")
    ]
    # The forms' tokens tell the second in which they were made.
    assert SEAL.sub("", answers[0]) == SEAL.sub("", answers[1])
    taken = browser.post(link_sent_to(services, "known@example.net"))
    assert (taken.status_code, "already on our list" in taken.text) == (409, True)


@pytest.mark.parametrize("email", ["", "ada", "ada@example.org"])
def test_an_address_that_cannot_be_the_new_one_comes_back_with_a_sentence(
    browser: FlaskClient, fresh: str, email: str
) -> None:
    answer = browser.post(fresh, data={"do": "address", "email": email})
    assert answer.status_code == 422
    assert 'id="email-fault"' in answer.text


def test_the_link_in_an_issue_does_not_ask_for_it(
    browser: FlaskClient, reader: Subscription, services: Services
) -> None:
    path = sample_services.path_of(services.links.preferences(reader.id))
    assert browser.post(path, data={"do": "address", "email": NEW}).status_code == 403
