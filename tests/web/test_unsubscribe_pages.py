import pytest
from flask.testing import FlaskClient

from newsletter.audience.models import Act, Channel, Status, Subscription
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


@pytest.mark.parametrize("part", ["undo", "reason"])
def test_the_rest_of_the_page_is_guarded_like_any_form(
    program: FlaskClient, browser: FlaskClient, link: str, services: Services, part: str
) -> None:
    browser.post(link)
    before = sample_services.dump(services)
    assert program.post(f"{link}/{part}", data={"reason": "x"}).status_code == 400
    assert sample_services.dump(services) == before


def test_a_break_is_offered_instead(browser: FlaskClient, link: str, reader: Subscription, services: Services) -> None:
    assert f"{services.links.preferences(reader.id)}#pause" in browser.get(link).text
