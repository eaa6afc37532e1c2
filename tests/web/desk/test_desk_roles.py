import html
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from newsletter.audience.models import Subscriber
from newsletter.editors import Role
from newsletter.web.desk import typed_text
from newsletter.web.desk.roles import ANYONE, Route
from newsletter.web.desk.routes import ROUTES
from newsletter.web.desk.settings import pages as settings_pages
from newsletter.wiring import Services
from tests import sample_services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, address_of, words


def test_every_route_of_the_desk_stands_in_the_table_of_roles(app: Flask) -> None:
    served = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/desk")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == {(route.method, f"/desk{route.path}") for route in ROUTES}


def test_only_the_sign_in_pages_are_open_to_strangers() -> None:
    door = {"/sign-in", "/sign-in/<token>", "/sign-in/code", "/forgotten", "/reset/<token>", "/sign-out"}
    assert {route.path for route in ROUTES if route.least is ANYONE} == door


def test_all_that_moves_an_issue_takes_an_editor() -> None:
    acts = {route.path.rpartition("/")[2]: route.least for route in ROUTES if route.method == "POST"}
    assert {acts[name] for name in ("schedule", "send", "cancel", "pause", "resume")} == {Role.EDITOR}


def test_whoever_is_not_signed_in_is_led_to_the_sign_in_page(stranger: Visitor, services: Services) -> None:
    before = sample_services.dump(services)
    for route in closed():
        answer = stranger.client.open(address_of(route.path), method=route.method)
        assert answer.status_code == 303, route
        assert answer.location.startswith("/desk/sign-in"), route
    assert sample_services.dump(services) == before


@pytest.mark.parametrize("role", [Role.VIEWER, pytest.param(Role.AUTHOR, marks=pytest.mark.slow)])
def test_a_role_that_is_too_low_gets_a_clear_no_and_nothing_changes(
    enter: Enter, services: Services, role: Role
) -> None:
    visitor = enter(role)
    before = sample_services.dump(services)
    above = [route for route in closed() if route.least and list(Role).index(route.least) < list(Role).index(role)]
    assert above
    for route in above:
        answer = visitor.client.open(address_of(route.path), method=route.method)
        assert answer.status_code == 403, route
        assert f"yours is “{role}”" in words(answer)
    assert sample_services.dump(services) == before


def test_a_part_of_a_page_never_turns_into_the_sign_in_form(stranger: Visitor) -> None:
    answer = stranger.client.get(f"/desk/issues/{sample_services.WAITING}/progress", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Refresh"], answer.text) == (401, "true", "")


@pytest.mark.parametrize(("path", "back"), [("send", f"/desk/issues/{sample_services.WAITING}/send"), ("pause", "")])
def test_a_form_that_comes_after_the_session_leads_back_to_its_page(stranger: Visitor, path: str, back: str) -> None:
    answer = stranger.client.post(f"/desk/issues/{sample_services.WAITING}/{path}")
    assert answer.location == f"/desk/sign-in?next={back}" if back else "/desk/sign-in"


def test_what_was_written_into_a_form_that_came_after_the_session_is_given_back(stranger: Visitor) -> None:
    written = {"note": "We wrote <b>ten</b> hours.", "source": "Line 0\r\nLine 1\r\n" * 30, "base": "1"}
    answer = stranger.client.post(f"/desk/issues/{sample_services.OUT[0]}/corrections/new", data=written)
    assert answer.status_code == 401
    assert "We wrote <b>ten</b> hours." in words(answer)
    assert "Line 0\nLine 1\n" in answer.text
    assert f"/desk/sign-in?next=/desk/issues/{sample_services.OUT[0]}/corrections/new" in html.unescape(answer.text)
    sender = {"sender_name": "<b>שלום</b>", "postal_address": "1 High Street\r\nLeeds"}
    answer = stranger.client.post("/desk/settings/sender?guide=1", data=sender)
    assert "&lt;b&gt;שלום&lt;/b&gt;" in answer.text
    assert "1 High Street\nLeeds" in answer.text
    assert "/desk/sign-in?next=/desk/settings/sender?guide%3D1" in html.unescape(answer.text)
    secret = stranger.client.post(
        "/desk/account/password", data={"current": "secret words", "password": "more of them"}
    )
    assert (secret.status_code, "secret" in secret.text) == (303, False)


@pytest.mark.slow
def test_whatever_a_form_has_typed_is_given_back_but_times_colours_and_codes(enter: Enter) -> None:
    owner = enter(Role.OWNER)
    paths = [address_of(route.path) for route in ROUTES if route.method == "GET"]
    pages = [owner.open(path).text for path in (*paths, *(f"/desk/settings/{part}" for part in settings_pages.PARTS))]
    forms = re.findall(r"(?s)<form[^>]*method=.post.*?</form>", "".join(pages))
    fields = re.findall(r'<(?:input(?![^>]*type="(?!text|email|url))|textarea)[^>]*name="([^"]+)"', "".join(forms))
    short = {"at", "time_zone", "iso_week", "accent", "accent_dark", "code", "language", "close_comments_after"}
    assert set(fields) - set(typed_text.WRITTEN) == short


def test_a_form_from_elsewhere_changes_nothing(enter: Enter, services: Services) -> None:
    owner = enter(Role.OWNER)
    owner.client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    before = sample_services.dump(services)
    for route in ROUTES:
        if route.method == "POST":
            answer = owner.client.post(address_of(route.path))
            assert answer.status_code == 400, route
            assert "Nothing was changed" in words(answer) or "nothing was changed" in words(answer)
    assert sample_services.dump(services) == before


def test_no_get_changes_anything(enter: Enter, services: Services) -> None:
    owner = enter(Role.OWNER)
    with services.sessions.begin() as session:
        assert session.get(Subscriber, 1) is None
    before = sample_services.dump(services)
    for route in ROUTES:
        if route.method == "GET":
            assert owner.open(address_of(route.path)).status_code < 500, route
    assert sample_services.dump(services) == before


def test_nothing_of_the_desk_is_kept_by_a_browser_or_listed(editor: Visitor) -> None:
    headers = editor.open("/desk/issues/").headers
    assert headers["Cache-Control"] == "no-store"
    assert "noindex" in headers["X-Robots-Tag"]


def closed() -> Iterator[Route]:
    return (route for route in ROUTES if route.least is not ANYONE)
