import time
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from itsdangerous import TimestampSigner

from newsletter import editors
from newsletter.editors import Editor, Role, attempt_limits
from newsletter.web import auth
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import WAITING, Clock
from tests.web.desk.conftest import Enter, visitor
from tests.web.desk.visits import PASSWORD, Visitor, hidden, words

Engage = Callable[..., Editor]


def test_the_right_password_opens_the_page_that_was_asked_for(stranger: Visitor, engage: Engage) -> None:
    engage(Role.VIEWER)
    asked = stranger.open("/desk/readers/?q=ada")
    assert asked.status_code == 303
    assert asked.location == "/desk/sign-in?next=/desk/readers/?q%3Dada"
    entered = stranger.sign_in("viewer@desk.example", to="/desk/readers/?q=ada")
    assert (entered.status_code, entered.location) == (303, "/desk/readers/?q=ada")
    assert stranger.open("/desk/readers/?q=ada").status_code == 200


@pytest.mark.parametrize(("ahead", "stays"), [(2, True), (3_600, True), (-3_600, True), (12 * 3_600 + 60, False)])
def test_a_session_outlasts_a_clock_that_is_set_back_or_behind(
    stranger: Visitor, engage: Engage, monkeypatch: pytest.MonkeyPatch, ahead: int, stays: bool
) -> None:
    engage(Role.VIEWER)
    stranger.sign_in("viewer@desk.example")
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: int(time.time()) - ahead)
    assert (stranger.open("/desk/").status_code == 200) is stays


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(stranger: Visitor, engage: Engage) -> None:
    engage(Role.VIEWER)
    known, unknown = (stranger.sign_in(f"{name}@desk.example", "wrong") for name in ("viewer", "nobody"))
    assert known.status_code == unknown.status_code == 422
    assert words(known) == words(unknown)
    assert "do not match" in words(known)
    assert 'value="viewer@desk.example"' in known.text


def test_an_address_with_a_nul_is_merely_unknown(stranger: Visitor) -> None:
    assert stranger.sign_in("a\0@desk.example").status_code == 422


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/desk/",
        "//evil.example/desk/",
        "/\\evil.example",
        "/desk/\\evil.example",
        "/deskevil",
        "/subscribe",
        "javascript:alert(1)",
        "/desk/\r\nSet-Cookie: a=b",
        "//[",
        "",
    ],
)
def test_a_sign_in_leads_nowhere_but_to_the_desk(app: Flask, target: str) -> None:
    with app.test_request_context():
        assert auth.safe_target(target) == "/desk/"


def test_after_ten_tries_even_the_right_password_waits_a_quarter_of_an_hour(
    stranger: Visitor, engage: Engage, clock: Clock
) -> None:
    engage(Role.VIEWER)
    for _ in range(attempt_limits.ACCOUNT):
        assert stranger.sign_in("viewer@desk.example", "wrong").status_code == 422
    refused = stranger.sign_in("viewer@desk.example")
    assert refused.status_code == 429
    assert "Wait 15 minutes" in words(refused)
    clock.turn(minutes=15)
    assert stranger.sign_in("viewer@desk.example").status_code == 303


def test_tries_on_an_unknown_address_are_counted_alike(stranger: Visitor) -> None:
    codes = [stranger.sign_in("nobody@desk.example", "wrong").status_code for _ in range(attempt_limits.ACCOUNT + 1)]
    assert codes == [422] * attempt_limits.ACCOUNT + [429]


def test_the_right_password_starts_the_count_anew(stranger: Visitor, engage: Engage) -> None:
    engage(Role.VIEWER)
    for _ in range(2):
        for _ in range(attempt_limits.ACCOUNT - 1):
            stranger.sign_in("viewer@desk.example", "wrong")
        assert stranger.sign_in("viewer@desk.example").status_code == 303


def test_one_client_cannot_try_many_addresses(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        allowed = [attempt_limits.allow_password(session, f"{n}@desk.example", "192.0.2.1", now) for n in range(50)]
        assert allowed == [True] * attempt_limits.CLIENT + [False] * (50 - attempt_limits.CLIENT)
        assert attempt_limits.allow_password(session, "other@desk.example", "192.0.2.2", now)


def test_counting_tries_keeps_no_address(stranger: Visitor, services: Services) -> None:
    stranger.sign_in("somebody@desk.example", "wrong")
    kept = " ".join(sample_services.dump(services)["sign_in_tries"])
    assert kept
    assert "somebody" not in kept


def test_opening_a_one_time_link_changes_nothing(
    stranger: Visitor, engage: Engage, services: Services, now: datetime
) -> None:
    link = link_for(engage(Role.OWNER, password=None), services, now)
    before = sample_services.dump(services)
    for _ in range(3):
        assert "Sign in as owner@desk.example" in words(stranger.open(link))
    assert sample_services.dump(services) == before
    assert stranger.open("/desk/issues/").status_code == 303


def test_a_one_time_link_works_once_and_asks_for_a_password(
    app: Flask, stranger: Visitor, engage: Engage, services: Services, now: datetime
) -> None:
    link = link_for(engage(Role.OWNER, password=None), services, now)
    entered = stranger.press(link)
    assert (entered.status_code, entered.location) == (303, "/desk/account/")
    assert "Your name and a password" in stranger.read("/desk/account/")
    again = visitor(app).client.post(link)
    assert again.status_code == 404
    assert "already been used" in words(again)


def test_a_link_that_is_a_day_old_says_so(
    stranger: Visitor, engage: Engage, services: Services, now: datetime, clock: Clock
) -> None:
    link = link_for(engage(Role.OWNER), services, now)
    clock.turn(hours=25)
    assert "has expired" in words(stranger.open(link))
    assert stranger.client.post(link).status_code == 400


def test_whoever_came_by_a_link_need_not_tell_a_forgotten_password(
    stranger: Visitor, engage: Engage, services: Services, now: datetime
) -> None:
    stranger.press(link_for(engage(Role.OWNER), services, now))
    changed = stranger.client.post(
        "/desk/account/password", data={"new": "a new one of mine", "again": "a new one of mine"}
    )
    assert changed.status_code == 303
    assert "Current password" in stranger.read("/desk/account/")


def test_a_new_password_ends_every_other_session_and_link(
    app: Flask, editor: Visitor, services: Services, now: datetime
) -> None:
    elsewhere = visitor(app)
    elsewhere.sign_in("editor@desk.example")
    with services.sessions.reading() as session:
        link = link_for(session.scalars(editors.team()).one(), services, now)
    new = {"current": PASSWORD, "new": "another long one", "again": "another long one"}
    assert editor.client.post("/desk/account/password", data=new).status_code == 303
    assert "Your new password is saved" in editor.read("/desk/account/")
    assert elsewhere.open("/desk/issues/").status_code == 303
    assert elsewhere.client.post(link).status_code == 404
    assert elsewhere.sign_in("editor@desk.example").status_code == 422
    assert elsewhere.sign_in("editor@desk.example", "another long one").status_code == 303


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"current": "wrong", "new": "another long one", "again": "another long one"}, "not your current password"),
        ({"current": PASSWORD, "new": "another long one", "again": "another long on"}, "The two do not match"),
        ({"current": PASSWORD, "new": "short", "again": "short"}, "needs 10 to 200 characters; this one has 5"),
    ],
)
def test_what_is_wrong_with_a_new_password_stands_beside_its_field(
    editor: Visitor, services: Services, typed: dict[str, str], sentence: str
) -> None:
    before = kept_but_for_tries(services)
    refused = editor.client.post("/desk/account/password", data=typed)
    assert refused.status_code == 422
    assert sentence in words(refused)
    assert 'aria-invalid="true"' in refused.text
    assert kept_but_for_tries(services) == before


def test_signing_out_everywhere_leaves_this_session(app: Flask, editor: Visitor) -> None:
    elsewhere = visitor(app)
    elsewhere.sign_in("editor@desk.example")
    assert editor.press("/desk/account/", "/desk/account/end-sessions").status_code == 303
    assert editor.open("/desk/issues/").status_code == 200
    assert elsewhere.open("/desk/issues/").status_code == 303


def test_signing_out_ends_the_session(editor: Visitor) -> None:
    assert editor.press("/desk/issues/", "/desk/sign-out").location == "/desk/sign-in"
    assert editor.open("/desk/issues/").status_code == 303


def test_a_session_lasts_a_week_at_most(editor: Visitor, clock: Clock) -> None:
    clock.turn(days=7)
    assert editor.open("/desk/issues/").status_code == 200
    clock.turn(minutes=1)
    assert editor.open("/desk/issues/").status_code == 303


def test_a_changed_role_holds_at_once(enter: Enter, services: Services) -> None:
    editor = enter(Role.EDITOR)
    with services.sessions.begin() as session:
        session.scalars(editors.team()).one().role = Role.VIEWER
    assert editor.open("/desk/issues/looser-by-degrees/send").status_code == 403


def test_nothing_that_was_put_into_the_browser_before_lives_on_after_a_sign_in(
    app: Flask, stranger: Visitor, engage: Engage
) -> None:
    engage(Role.VIEWER)
    stranger.open("/desk/sign-in")
    with stranger.client.session_transaction(base_url="https://localhost") as planted:
        planted["publication"], planted["csrf_token"] = "other", "known to the attacker"
    cookie = stranger.client.get_cookie("__Host-newsletter")
    assert cookie
    stranger.sign_in("viewer@desk.example")
    with stranger.client.session_transaction(base_url="https://localhost") as now_kept:
        assert "_user_id" in now_kept
        assert not {"publication", "csrf_token"} & now_kept.keys()
    attacker = visitor(app)
    attacker.client.set_cookie("__Host-newsletter", cookie.value)
    assert attacker.open("/desk/issues/").status_code == 303


def test_what_one_person_opened_is_not_taken_from_another_who_has_signed_in_in_the_same_browser(
    stranger: Visitor, engage: Engage
) -> None:
    engage(Role.EDITOR)
    engage(Role.OWNER)
    stranger.sign_in("editor@desk.example")
    page = f"/desk/issues/{WAITING}/write"
    fields = hidden(stranger.open(page).text, page) | {"body": "Mine alone."}
    stranger.sign_in("owner@desk.example")
    answer = stranger.client.post(page, data=fields, headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, "Mine alone." in answer.text) == (401, True)
    assert "Mine alone." not in stranger.open(page).text
    by_script = {"Accept": "application/json", "X-Opened-By": fields.pop("opened_by"), "Sec-Fetch-Site": "same-origin"}
    assert stranger.client.post(f"{page}/keep", data=fields, headers=by_script).status_code == 401
    stranger.sign_in("editor@desk.example")
    assert stranger.client.post(f"{page}/keep", data=fields, headers=by_script).status_code == 200


def test_the_session_cookie_is_for_https_and_not_for_scripts(stranger: Visitor, engage: Engage) -> None:
    engage(Role.VIEWER)
    cookie = stranger.sign_in("viewer@desk.example").headers["Set-Cookie"]
    assert cookie.startswith("__Host-")
    assert all(flag in cookie for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


def kept_but_for_tries(services: Services) -> dict[str, list[str]]:
    return {table: rows for table, rows in sample_services.dump(services).items() if table != "sign_in_tries"}


def link_for(editor: Editor, services: Services, now: datetime) -> str:
    return sample_services.path_of(services.links.sign_in(editor.id, editor.nonce, now))
