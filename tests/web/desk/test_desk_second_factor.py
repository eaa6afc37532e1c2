"""The second step of the door, and how somebody gets, keeps and loses their second factor."""

import re
from collections.abc import Callable
from datetime import datetime

import pyotp
import pytest
from flask import Flask

from newsletter.editors import Editor, Role, accounts, attempt_limits
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.desk.conftest import Enter, visitor
from tests.web.desk.visits import PASSWORD, Visitor, hidden, words

Engage = Callable[..., Editor]
PAGE = "/desk/account/second-factor"
OWNER = "owner@desk.example"


class Phone:
    """An authenticator, and the recovery codes that were printed when it was set up."""

    def __init__(self, visitor: Visitor, clock: Clock) -> None:
        self.clock = clock
        page = visitor.open(PAGE).text
        letters = re.search(r'class="mono secret">(.*?)</p>', page, re.DOTALL)
        assert letters
        self.secret = "".join(re.findall(r"<span>(\w+)</span>", letters[1]))
        shown = visitor.client.post(PAGE, data=hidden(page, PAGE) | {"current": PASSWORD, "code": self.code})
        assert shown.status_code == 200
        self.recovery_codes = re.findall(r"<li>([a-z2-7-]{19})</li>", shown.text)
        clock.turn(seconds=30)

    @property
    def code(self) -> str:
        return pyotp.TOTP(self.secret).at(self.clock.moment)


@pytest.fixture
def owner(enter: Enter) -> Visitor:
    return enter(Role.OWNER)


@pytest.fixture
def phone(owner: Visitor, clock: Clock) -> Phone:
    return Phone(owner, clock)


@pytest.fixture
def newcomer(app: Flask, phone: Phone) -> Visitor:
    """The owner in another browser, who has shown the password and not yet the code."""
    assert phone
    come = visitor(app)
    assert come.sign_in(OWNER, to="/desk/readers/").location == "/desk/sign-in/code"
    return come


def test_setting_it_up_shows_ten_codes_once_and_nothing_of_it_twice(owner: Visitor, phone: Phone) -> None:
    assert len(set(phone.recovery_codes)) == 10
    page = owner.open(PAGE).text
    assert phone.secret not in page
    assert not any(code in page for code in phone.recovery_codes)
    assert "10 recovery codes left" in owner.read(PAGE)


def test_the_picture_is_an_image_that_the_policy_lets_in(owner: Visitor) -> None:
    answer = owner.open(PAGE)
    assert 'src="data:image/svg+xml' in answer.text
    assert "img-src 'self' data:" in answer.headers["Content-Security-Policy"]
    assert "<svg" not in answer.text.partition('class="qr"')[2].partition(">")[0]


def test_a_wrong_first_code_keeps_the_picture(owner: Visitor, services: Services) -> None:
    offered = owner.open(PAGE).text
    refused = owner.client.post(PAGE, data=hidden(offered, PAGE) | {"current": PASSWORD, "code": "000000"})
    assert refused.status_code == 422
    assert "not the current code" in words(refused)
    assert hidden(refused.text, PAGE)["offer"] == hidden(offered, PAGE)["offer"]
    assert not factor_of(services)


def test_an_unlocked_desk_is_not_enough_to_bind_another_phone_to_it(owner: Visitor, services: Services) -> None:
    offered = hidden(owner.open(PAGE).text, PAGE)
    for typed in ({}, {"current": "wrong"}):
        refused = owner.client.post(PAGE, data=offered | typed | {"code": "000000"})
        assert refused.status_code == 422
        assert "This is not your password." in words(refused)
    guesses = [
        owner.client.post(PAGE, data=offered | {"current": "wrong"}).status_code for _ in range(attempt_limits.ACCOUNT)
    ]
    assert guesses[-1] == 429
    assert not factor_of(services)


def test_whoever_came_by_a_link_and_has_no_password_sets_it_up_without_one(
    stranger: Visitor, engage: Engage, services: Services, clock: Clock, now: datetime
) -> None:
    newcomer = engage(Role.OWNER, password=None)
    stranger.press(sample_services.path_of(services.links.sign_in(newcomer.id, newcomer.nonce, now)))
    assert 'name="current"' not in stranger.open(PAGE).text
    assert len(Phone(stranger, clock).recovery_codes) == 10


def test_whoever_it_is_learns_by_mail_of_each_change_to_how_they_sign_in(
    owner: Visitor, phone: Phone, services: Services, clock: Clock
) -> None:
    owner.client.post(f"{PAGE}/codes", data={"code": phone.code})
    clock.turn(seconds=30)
    owner.client.post(f"{PAGE}/off", data={"current": PASSWORD, "off_code": phone.code})
    new = {"current": PASSWORD, "new": "another long one", "again": "another long one"}
    owner.client.post("/desk/account/password", data=new)
    mails = sample_services.letters(services)
    assert {(mail["kind"], mail["address"]) for mail in mails} == {("changed", OWNER)}
    told = [mail["changed"].partition(",")[0].partition(".")[0] for mail in mails]
    assert told == [
        "Two-factor authentication was set up for you",
        "You have new recovery codes",
        "Two-factor authentication is off",
        "Your password was changed at the desk",
    ]


def test_setting_it_up_ends_the_sessions_that_knew_none(app: Flask, owner: Visitor, clock: Clock) -> None:
    elsewhere = visitor(app)
    elsewhere.sign_in(OWNER)
    Phone(owner, clock)
    assert owner.open("/desk/issues/").status_code == 200
    assert elsewhere.open("/desk/issues/").status_code == 303


def test_the_password_alone_opens_nothing(newcomer: Visitor) -> None:
    for path in ("/desk/issues/", "/desk/account/", PAGE):
        assert newcomer.open(path).location.startswith("/desk/sign-in?next="), path
    assert newcomer.client.post(f"{PAGE}/off").status_code == 303


def test_the_code_lets_in_to_the_page_that_was_asked_for(newcomer: Visitor, phone: Phone) -> None:
    entered = newcomer.press("/desk/sign-in/code", code=phone.code)
    assert (entered.status_code, entered.location) == (303, "/desk/readers/")
    assert newcomer.open("/desk/readers/").status_code == 200


def test_a_code_that_was_seen_is_of_no_use(app: Flask, newcomer: Visitor, phone: Phone) -> None:
    newcomer.press("/desk/sign-in/code", code=phone.code)
    thief = visitor(app)
    thief.sign_in(OWNER)
    assert thief.press("/desk/sign-in/code", code=phone.code).status_code == 422
    assert thief.open("/desk/issues/").status_code == 303


def test_a_recovery_code_stands_in_once(app: Flask, newcomer: Visitor, phone: Phone) -> None:
    assert "?by=recovery" in newcomer.open("/desk/sign-in/code").text
    shown = {"by": "recovery", "code": phone.recovery_codes[3].upper()}
    assert newcomer.client.post("/desk/sign-in/code", data=shown).status_code == 303
    assert "9 recovery codes left" in newcomer.read("/desk/account/").lower()
    again = visitor(app)
    again.sign_in(OWNER)
    refused = again.client.post("/desk/sign-in/code", data=shown)
    assert refused.status_code == 422
    assert "already been used" in words(refused)


def test_codes_cannot_be_guessed(newcomer: Visitor, phone: Phone, clock: Clock) -> None:
    wrong = [newcomer.press("/desk/sign-in/code", code="000000").status_code for _ in range(attempt_limits.CODES)]
    assert wrong == [422] * attempt_limits.CODES
    assert newcomer.press("/desk/sign-in/code", code=phone.code).status_code == 429
    assert newcomer.press("/desk/sign-in/code", by="recovery", code=phone.recovery_codes[0]).status_code == 429
    clock.turn(minutes=15)
    newcomer.sign_in(OWNER)
    assert newcomer.press("/desk/sign-in/code", code=phone.code).status_code == 303


def test_the_second_step_waits_ten_minutes(newcomer: Visitor, phone: Phone, clock: Clock) -> None:
    clock.turn(minutes=10, seconds=1)
    assert newcomer.open("/desk/sign-in/code").location == "/desk/sign-in"
    late = newcomer.client.post("/desk/sign-in/code", data={"code": phone.code})
    assert late.location == "/desk/sign-in"
    assert newcomer.open("/desk/issues/").status_code == 303
    assert "longer than ten minutes" in newcomer.read("/desk/sign-in")


def test_without_a_password_first_there_is_no_second_step(stranger: Visitor, phone: Phone) -> None:
    assert stranger.open("/desk/sign-in/code").location == "/desk/sign-in"
    assert stranger.client.post("/desk/sign-in/code", data={"code": phone.code}).location == "/desk/sign-in"
    assert stranger.open("/desk/issues/").status_code == 303


def test_a_one_time_link_does_not_skip_the_code(
    stranger: Visitor, phone: Phone, services: Services, now: datetime
) -> None:
    with services.sessions.reading() as session:
        editor = accounts.find(session, OWNER)
    link = sample_services.path_of(services.links.sign_in(editor.id, editor.nonce, now))
    assert stranger.press(link).location == "/desk/sign-in/code"
    assert stranger.open("/desk/issues/").status_code == 303
    assert stranger.press("/desk/sign-in/code", code=phone.code).location == "/desk/"


def test_a_password_changed_between_the_steps_ends_the_first(newcomer: Visitor, owner: Visitor, phone: Phone) -> None:
    new = {"current": PASSWORD, "new": "another long one", "again": "another long one"}
    assert owner.client.post("/desk/account/password", data=new).status_code == 303
    assert newcomer.press("/desk/sign-in/code", code=phone.code).status_code == 422
    assert newcomer.open("/desk/issues/").status_code == 303


def test_turning_it_off_takes_password_and_code(owner: Visitor, phone: Phone, services: Services) -> None:
    for typed, sentence in (
        ({"current": "wrong", "off_code": phone.code}, "This is not your password"),
        ({"current": PASSWORD, "off_code": "000000"}, "not the current code"),
    ):
        refused = owner.client.post(f"{PAGE}/off", data=typed)
        assert refused.status_code == 422
        assert sentence in words(refused)
        assert factor_of(services)
    done = owner.client.post(f"{PAGE}/off", data={"current": PASSWORD, "off_code": phone.code})
    assert (done.status_code, done.location) == (303, "/desk/account/")
    assert not factor_of(services)
    assert owner.sign_in(OWNER).location == "/desk/"


def test_a_stolen_session_cannot_guess_its_way_to_turning_it_off(owner: Visitor, phone: Phone) -> None:
    assert phone
    codes = [
        owner.client.post(f"{PAGE}/off", data={"current": "wrong"}).status_code for _ in range(attempt_limits.CODES + 1)
    ]
    assert codes == [422] * attempt_limits.CODES + [429]


def test_new_recovery_codes_take_a_code_and_void_the_old(newcomer: Visitor, owner: Visitor, phone: Phone) -> None:
    assert owner.client.post(f"{PAGE}/codes", data={"code": "000000"}).status_code == 422
    shown = owner.client.post(f"{PAGE}/codes", data={"code": phone.code})
    fresh = re.findall(r"<li>([a-z2-7-]{19})</li>", shown.text)
    assert len(set(fresh)) == 10
    old, new = ({"by": "recovery", "code": codes[0]} for codes in (phone.recovery_codes, fresh))
    assert newcomer.client.post("/desk/sign-in/code", data=old).status_code == 422
    assert newcomer.client.post("/desk/sign-in/code", data=new).status_code == 303


def test_whoever_has_none_is_led_to_it_while_the_team_needs_one(
    owner: Visitor, phone: Phone, enter: Enter, clock: Clock
) -> None:
    editor = enter(Role.EDITOR)
    assert owner.client.post("/desk/people/second-factor", data={"needed": "yes"}).status_code == 303
    for path in ("/desk/issues/", "/desk/readers/"):
        assert editor.open(path).location == PAGE
    assert editor.client.post("/desk/issues/looser-by-degrees/readiness").location == PAGE
    assert "Your team requires two-factor authentication" in editor.read(PAGE)
    Phone(editor, clock)
    assert editor.open("/desk/issues/").status_code == 200
    refused = owner.client.post(f"{PAGE}/off", data={"current": PASSWORD, "off_code": phone.code})
    assert "cannot be turned off" in words(refused)


def test_an_owner_without_one_cannot_ask_it_of_everybody(owner: Visitor) -> None:
    refused = owner.client.post("/desk/people/second-factor", data={"needed": "yes"})
    assert refused.status_code == 409
    assert "lock you out" in words(refused)


def test_the_fields_say_what_a_browser_may_fill_in(newcomer: Visitor, stranger: Visitor, owner: Visitor) -> None:
    assert 'autocomplete="one-time-code" inputmode="numeric"' in newcomer.open("/desk/sign-in/code").text
    assert 'autocomplete="current-password"' in stranger.open("/desk/sign-in").text
    assert owner.open("/desk/account/").text.count('autocomplete="new-password"') == 2


def factor_of(services: Services) -> str | None:
    with services.sessions.reading() as session:
        return accounts.find(session, OWNER).factor
