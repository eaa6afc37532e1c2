from datetime import datetime

import pytest
from flask.testing import FlaskClient

from newsletter import publications
from newsletter.audience import privacy, status_transitions
from newsletter.audience.models import Act, Channel, Pace, Status, Subscription
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.conftest import subscription

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def link(reader: Subscription, services: Services) -> str:
    """The path that the List-Unsubscribe header of Ada's letters carries."""
    return sample_services.path_of(services.links.unsubscribe(reader.id))


def last_event(services: Services) -> tuple[Act, Channel, str | None]:
    with services.sessions.reading() as session:
        event = session.get_one(Subscription, subscription(services).id).events[-1]
        return event.act, event.channel, event.note


def test_opening_the_link_takes_nobody_off_the_list(program: FlaskClient, link: str, services: Services) -> None:
    before = sample_services.dump(services)
    assert program.get(link).status_code == program.head(link).status_code == 200
    assert sample_services.dump(services) == before


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_one_tap_in_the_mail_program_needs_no_cookie_and_no_token(
    program: FlaskClient, link: str, services: Services, encoding: str
) -> None:
    for _ in range(2):
        answer = program.post(link, data=ONE_CLICK, content_type=encoding)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    assert subscription(services).status is Status.UNSUBSCRIBED
    assert last_event(services)[:2] == (Act.LEFT, Channel.ONE_CLICK)


def test_the_button_needs_no_token_either(program: FlaskClient, link: str, services: Services) -> None:
    assert "You have unsubscribed" in program.post(link).text
    assert last_event(services)[:2] == (Act.LEFT, Channel.LINK)


def test_leaving_can_be_taken_back_for_a_day(browser: FlaskClient, link: str, services: Services, clock: Clock) -> None:
    browser.post(link)
    assert f'action="{link}/undo"' in browser.get(link).text
    assert "Welcome back" in browser.post(f"{link}/undo").text
    assert subscription(services).status is Status.ACTIVE
    browser.post(link)
    clock.turn(days=2)
    assert f'action="{link}/undo"' not in browser.get(link).text
    assert browser.post(f"{link}/undo").status_code == 409
    assert subscription(services).status is Status.UNSUBSCRIBED


def test_a_reason_is_kept_and_never_asked_for_twice(browser: FlaskClient, link: str, services: Services) -> None:
    browser.post(link)
    page = browser.post(f"{link}/reason", data={"reason": "Too many\r\nletters <b>"}).text
    assert "Thank you for your feedback" in page
    assert 'name="reason"' not in page
    assert last_event(services) == (Act.EXPLAINED, Channel.LINK, "Too many letters <b>")


def test_one_email_a_month_is_another_way_before_leaving_and_after(
    browser: FlaskClient, link: str, services: Services
) -> None:
    monthly = f"{link}/monthly"
    assert monthly not in browser.get(link).text
    assert browser.post(monthly).status_code == 409
    with services.sessions.begin() as session:
        publications.find(session).offers_digest = True
    assert "Get one email a month instead" in browser.get(link).text
    assert monthly in browser.post(link).text
    answer = browser.post(monthly)
    assert (answer.status_code, subscription(services).status) == (303, Status.ACTIVE)
    assert subscription(services).pace is Pace.MONTHLY
    assert "once a month" in browser.get(sample_services.path_of(answer.headers["Location"])).text
    assert monthly not in browser.get(link).text
    # Whoever takes the leaving back has what they had; whoever signs up again has what the form says.
    browser.post(link)
    assert "once a month, as before" in browser.post(f"{link}/undo").text
    browser.post(link)
    link_to_preferences = sample_services.path_of(services.links.preferences(1))
    for wish in ({"do": "pace", "pace": "each"}, {"do": "topics"}):
        assert browser.post(link_to_preferences, data=wish).status_code == 409
    with services.sessions.begin() as session:
        status_transitions.reopen(session, 1, sample_services.NOW)
    assert subscription(services).pace is Pace.EACH


@pytest.mark.parametrize("part", ["undo", "reason", "pause", "monthly"])
def test_the_rest_of_the_page_is_guarded_like_any_form(
    program: FlaskClient, browser: FlaskClient, link: str, services: Services, part: str
) -> None:
    browser.post(link)
    before = sample_services.dump(services)
    assert program.post(f"{link}/{part}", data={"reason": "x"}).status_code == 400
    assert sample_services.dump(services) == before


@pytest.mark.parametrize("has_left", [False, True])
def test_a_break_is_offered_instead(browser: FlaskClient, link: str, services: Services, has_left: bool) -> None:
    if has_left:
        browser.post(link)
    assert f'action="{link}/pause"' in browser.get(link).text
    refused = browser.post(f"{link}/pause", data={"date": "2020-01-01"})
    assert (refused.status_code, 'id="pause-fault"' in refused.text) == (422, True)
    assert subscription(services).status is (Status.UNSUBSCRIBED if has_left else Status.ACTIVE)
    page = browser.get(browser.post(f"{link}/pause", data={"until": "2026-12-04"}).headers["Location"]).text
    assert "Your break has started" in page
    assert "again from <strong>Friday 4 December 2026</strong>." in page
    assert subscription(services).status is Status.PAUSED


def test_who_left_more_than_a_day_ago_is_not_brought_back_by_a_break(
    browser: FlaskClient, link: str, services: Services, clock: Clock
) -> None:
    browser.post(link)
    clock.turn(days=2)
    assert f'action="{link}/pause"' not in browser.get(link).text
    assert browser.post(f"{link}/pause", data={"until": "2026-12-04"}).status_code == 409
    assert subscription(services).status is Status.UNSUBSCRIBED


def test_the_pages_name_the_address_that_leaves_in_a_mask(browser: FlaskClient, link: str) -> None:
    for page in (browser.get(link), browser.post(link), browser.get(link), browser.post(f"{link}/undo")):
        assert ">a…@example.org<" in page.text
        assert "ada@example.org" not in page.text


ADDED = [
    ".",
    ")",
    ">",
    "/",
    ",",
    ";",
    "”",
    "&gt;",
    "&amp;utm_source=x",
    "=",
    "=3D",
    "=20",
    ".)",
    ">/",
    "%0D%0A",
    "\u200b",
]


def test_a_link_that_a_mail_program_added_to_works(program: FlaskClient, link: str, services: Services) -> None:
    whole = [f"{link}{added}" for added in ADDED]
    broken = [f"{link[:30]}{broken}{link[30:]}" for broken in ("=%0D%0A", "%0A", "%20", "=", "%C2%AD")]
    for url in (*whole, *broken):
        assert "Unsubscribe from" in program.get(url).text, url
    assert program.post(url, data=ONE_CLICK).status_code == 200
    assert subscription(services).status is Status.UNSUBSCRIBED


def test_half_a_link_takes_nobody_off_the_list(program: FlaskClient, link: str, services: Services) -> None:
    for cut in (-1, -4, 30):
        assert program.post(f"{link[:cut]}.", data=ONE_CLICK).status_code == 404
    assert subscription(services).status is Status.ACTIVE


def test_every_other_link_of_a_mail_bears_the_same(
    browser: FlaskClient, reader: Subscription, services: Services, now: datetime
) -> None:
    links = services.links
    for url in (links.preferences(reader.id), links.manage(reader.id, now), links.confirm(reader.id, now)):
        for added in (".", ")/", "=3D"):
            assert browser.get(f"{sample_services.path_of(url)}{added}").status_code == 200


def test_one_tap_of_somebody_who_was_erased_is_answered_as_any(
    program: FlaskClient, link: str, reader: Subscription, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        gone = session.get_one(Subscription, reader.id).subscriber
        privacy.erase_reader(session, services.audience, gone, now)
    for _ in range(2):
        assert program.post(link, data=ONE_CLICK).status_code == 200
    assert program.post(link).status_code == program.get(link).status_code == 404


def test_a_reason_is_not_asked_for_again_when_the_page_is_opened_again(browser: FlaskClient, link: str) -> None:
    browser.post(link)
    browser.post(f"{link}/reason", data={"reason": "Too long"})
    assert 'name="reason"' not in browser.get(link).text
    browser.post(f"{link}/undo")
    assert 'name="reason"' in browser.post(link).text
