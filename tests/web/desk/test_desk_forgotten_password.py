"""A forgotten password: nobody learns who is of the team, and the second factor is as ever."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from newsletter.editors import Editor, Role, attempt_limits, passwords
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.desk.conftest import Enter, visitor
from tests.web.desk.visits import Visitor, words

Engage = Callable[..., Editor]
NEW = {"new": "another long one", "again": "another long one"}
OWNER = "owner@desk.example"


def test_the_link_in_the_mail_sets_a_new_password_once_and_ends_every_session(
    app: Flask, enter: Enter, stranger: Visitor, services: Services
) -> None:
    signed_in = enter(Role.OWNER)
    link = link_for(stranger, services)
    assert OWNER in words(stranger.open(link))
    done = stranger.client.post(link, data=NEW)
    assert (done.status_code, done.location) == (303, "/desk/sign-in")
    assert stranger.open("/desk/issues/").status_code == 303
    assert signed_in.open("/desk/issues/").status_code == 303
    assert visitor(app).sign_in(OWNER).status_code == 422
    assert stranger.sign_in(OWNER, NEW["new"]).status_code == 303
    assert stranger.open(link).status_code == stranger.client.post(link, data=NEW).status_code == 404
    assert [mail["kind"] for mail in sample_services.letters(services)] == ["reset", "changed"]


def test_opening_the_link_changes_nothing(stranger: Visitor, engage: Engage, services: Services) -> None:
    engage(Role.OWNER)
    link = link_for(stranger, services)
    before = sample_services.dump(services)
    for _ in range(3):
        assert stranger.open(link).status_code == 200
    assert sample_services.dump(services) == before


def test_a_link_lasts_an_hour(stranger: Visitor, engage: Engage, services: Services, clock: Clock) -> None:
    engage(Role.OWNER)
    link = link_for(stranger, services)
    clock.turn(minutes=59)
    assert stranger.open(link).status_code == 200
    clock.turn(minutes=3)
    assert "has expired" in words(stranger.open(link))
    assert stranger.client.post(link, data=NEW).status_code == 400
    assert stranger.sign_in(OWNER).status_code == 303


def test_a_link_of_another_kind_does_not_fit(
    stranger: Visitor, engage: Engage, services: Services, now: datetime
) -> None:
    editor = engage(Role.OWNER)
    sign_in = services.links.sign_in(editor.id, editor.nonce, now).rpartition("/")[2]
    assert stranger.client.post(f"/desk/reset/{sign_in}", data=NEW).status_code == 400
    reset = services.links.reset(editor.id, editor.nonce, now).rpartition("/")[2]
    assert stranger.client.post(f"/desk/sign-in/{reset}").status_code == 400


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"new": "another long one", "again": "another long on"}, "The two do not match"),
        ({"new": "short", "again": "short"}, "this one has 5"),
        ({"new": "qwertyuiop", "again": "qwertyuiop"}, "first that anybody would try"),
        ({"new": OWNER, "again": OWNER}, "must not be your address"),
    ],
)
def test_a_refused_password_leaves_the_link_good(
    stranger: Visitor, engage: Engage, services: Services, typed: dict[str, str], sentence: str
) -> None:
    engage(Role.OWNER)
    link = link_for(stranger, services)
    refused = stranger.client.post(link, data=typed)
    assert refused.status_code == 422
    assert sentence in words(refused)
    assert stranger.client.post(link, data=NEW).status_code == 303


def test_it_never_skips_the_second_factor(stranger: Visitor, engage: Engage, services: Services) -> None:
    with services.sessions.begin() as session:
        session.get_one(Editor, engage(Role.OWNER).id).factor = "sealed"
    stranger.client.post(link_for(stranger, services), data=NEW)
    assert stranger.sign_in(OWNER, NEW["new"]).location == "/desk/sign-in/code"
    assert stranger.open("/desk/issues/").status_code == 303


def test_the_answer_is_the_same_for_everybody(stranger: Visitor, engage: Engage, services: Services) -> None:
    engage(Role.OWNER)
    known, unknown = ask(stranger, OWNER), ask(stranger, "guess@desk.example")
    assert known == unknown.replace("guess@desk.example", OWNER)
    assert [mail["address"] for mail in sample_services.letters(services)] == [OWNER]
    assert "guess@" not in str(sample_services.dump(services))


def test_an_address_gets_three_letters_and_then_none_with_the_same_answer(
    stranger: Visitor, engage: Engage, services: Services, clock: Clock
) -> None:
    engage(Role.OWNER)
    assert len({ask(stranger, f" {OWNER.upper()} " if number % 2 else OWNER).lower() for number in range(6)}) == 1
    assert len(sample_services.letters(services)) == attempt_limits.LETTERS
    clock.turn(minutes=15)
    ask(stranger, OWNER)
    assert len(sample_services.letters(services)) == attempt_limits.LETTERS + 1


def test_one_client_cannot_ask_for_many(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        allowed = [
            attempt_limits.allow_email(session, f"{n}@desk.example", "192.0.2.1", now)
            for n in range(attempt_limits.CLIENT + 2)
        ]
    assert allowed == [True] * attempt_limits.CLIENT + [False] * 2


@pytest.mark.parametrize("door", ["/desk/forgotten", "/desk/sign-in"])
def test_the_time_that_it_takes_tells_nothing(
    stranger: Visitor, engage: Engage, services: Services, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    engage(Role.OWNER)
    hashed: list[object] = []
    verify = passwords._hasher.verify
    monkeypatch.setattr(passwords, "_hasher", Counting(verify, hashed))
    passwords._nobodys_hash()
    works = []
    for email in (OWNER, "guess@desk.example"):
        hashed.clear()
        with statements(services) as ran:
            stranger.client.post(door, data={"email": email, "password": "wrong"})
        works.append((ran, len(hashed)))
    known, unknown = works
    assert known == unknown
    assert known[1] == (door == "/desk/sign-in")


class Counting:
    """A hasher that counts how often it is asked."""

    def __init__(self, verify: Callable[[str, str], bool], hashed: list[object]) -> None:
        self._verify, self._hashed = verify, hashed

    def hash(self, password: str) -> str:
        return passwords.PasswordHasher().hash(password)

    def verify(self, kept: str, password: str) -> bool:
        self._hashed.append(kept)
        return self._verify(kept, password)


@contextmanager
def statements(services: Services) -> Iterator[list[str]]:
    """The statements that run meanwhile, but for the savepoint's end, which differs and writes nothing."""
    ran: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "SAVEPOINT" not in statement:
            ran.append(statement)

    engines = (services.sessions.engine, services.sessions.reading_engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield ran
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def ask(visitor: Visitor, email: str) -> str:
    answer = visitor.client.post("/desk/forgotten", data={"email": email})
    assert answer.status_code == 200
    return words(answer)


def link_for(visitor: Visitor, services: Services) -> str:
    ask(visitor, OWNER)
    return sample_services.path_of(sample_services.letters(services)[-1]["reset_url"])
