"""Readers choose the hour of their day at which issues arrive, on their preferences page."""

import html
import re
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from newsletter import publications
from newsletter.audience import delivery_hours
from newsletter.audience.models import Act, Subscription
from newsletter.wiring import Services
from tests import sample_services
from tests.web.conftest import subscription


@pytest.fixture
def link(reader: Subscription, services: Services) -> str:
    return sample_services.path_of(services.links.preferences(reader.id))


def chosen(page: str) -> list[str]:
    """The words of the options that are selected."""
    return [html.unescape(words) for words in re.findall(r"<option value=\"[^\"]*\" selected>([^<]*)<", page)]


def stored(services: Services) -> tuple[str | None, int | None]:
    found = subscription(services)
    return found.delivery_zone, found.delivery_hour


def test_the_hour_that_a_reader_chooses_is_kept_and_shown(browser: FlaskClient, link: str, services: Services) -> None:
    assert chosen(browser.get(link).text) == ["Warsaw (UTC+1)"]
    assert stored(services) == (None, None)
    answer = browser.post(link, data={"do": "hour", "hour": "7", "zone": "Asia/Kathmandu"})
    page = browser.get(answer.headers["Location"]).text
    assert "Your choice has been saved. It applies from the next issue on." in page
    assert chosen(page) == ["07:00", "Kathmandu (UTC+5:45)"]
    assert stored(services) == ("Asia/Kathmandu", 7)


def test_the_record_of_consent_says_what_was_chosen_and_once_only(
    browser: FlaskClient, link: str, services: Services
) -> None:
    for _ in range(2):
        browser.post(link, data={"do": "hour", "hour": "7", "zone": "Asia/Kathmandu"})
    browser.post(link, data={"do": "hour", "hour": "", "zone": "Asia/Kathmandu"})
    assert stored(services) == (None, None)
    with services.sessions.reading() as session:
        steps = session.get_one(Subscription, subscription(services).id).events
        notes = [step.note for step in steps if step.act is Act.CHOSE]
    assert notes == ["delivery hour: 7 in Asia/Kathmandu", "delivery hour: none"]


@pytest.mark.parametrize(
    ("hour", "zone"), [("24", "Asia/Tokyo"), ("7", ""), ("7", "<b>Nowhere</b>\0"), ("7", "😀" * 99)]
)
def test_what_is_not_on_the_lists_is_refused_beside_them_and_changes_nothing(
    browser: FlaskClient, link: str, services: Services, hour: str, zone: str
) -> None:
    before = sample_services.dump(services)
    answer = browser.post(link, data={"do": "hour", "hour": hour, "zone": zone})
    assert answer.status_code == 422
    assert 'id="hour-fault"' in answer.text
    assert "<b>Nowhere" not in answer.text
    assert sample_services.dump(services) == before


def test_a_time_zone_that_is_no_longer_known_is_named_and_another_asked_for(
    browser: FlaskClient, link: str, services: Services
) -> None:
    with services.sessions.begin() as session:
        session.execute(update(Subscription).values(delivery_zone="Europe/Atlantis", delivery_hour=7))
    page = browser.get(link).text
    assert "The time zone “Europe/Atlantis” is no longer known here, so issues come as soon as they are sent." in page
    assert chosen(page) == ["07:00"]


def test_a_zone_by_a_name_that_is_on_no_list_stays_chosen(browser: FlaskClient, link: str) -> None:
    browser.post(link, data={"do": "hour", "hour": "7", "zone": "UTC"})
    assert chosen(browser.get(link).text) == ["07:00", "UTC (UTC+0)"]


def test_a_publication_that_offers_no_hours_asks_for_none_and_waits_for_none(
    browser: FlaskClient, link: str, services: Services, now: datetime
) -> None:
    browser.post(link, data={"do": "hour", "hour": "7", "zone": "Asia/Kathmandu"})
    with services.sessions.begin() as session:
        publication = publications.find(session)
        assert len(delivery_hours.hour_starts(session, publication, now, now)) == 1
        publication.offers_delivery_hours = False
    assert "When issues arrive" not in browser.get(link).text
    with services.sessions.reading() as session:
        assert delivery_hours.hour_starts(session, publications.find(session), now, now) == []
