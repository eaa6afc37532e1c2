from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
from sqlalchemy import select

from newsletter.db import Session, Sessions
from newsletter.editors import Editor, Role, accounts, add, desk_sessions, find, second_factor, set_password
from newsletter.editors.desk_sessions import ClientInfo
from newsletter.editors.models import DeskSession, RecoveryCode
from newsletter.errors import Conflict, Invalid, NotFound
from tests import caches

PASSWORD = "correct horse battery"
HERE = ClientInfo("Firefox on Linux", "192.0.2.0/24")


@pytest.fixture
def owners(sessions: Sessions, now: datetime) -> list[int]:
    """Two owners who can sign in."""
    return [engage(sessions, f"{name}@desk.example", now).id for name in ("ann", "bo")]


def test_an_address_is_taken_once_whatever_its_letters(sessions: Sessions, now: datetime) -> None:
    engage(sessions, "ann@desk.example", now)
    with sessions.begin() as session:
        with pytest.raises(Conflict, match="may already sign in"):
            add(session, "Ann@desk.example", Role.VIEWER, now)
        assert len(session.scalars(accounts.team()).all()) == 1


def test_two_people_whose_addresses_fold_to_one_are_two_people(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        for email in ("weiß@press.example", "weiss@press.example"):
            accounts.add(session, email, Role.EDITOR, now)
        assert accounts.find(session, "WEIẞ@press.example").email == "weiß@press.example"
        assert accounts.find(session, "Weiss@press.example").email == "weiss@press.example"


@pytest.mark.parametrize("act", [accounts.remove, lambda session, one: accounts.change_role(session, one, Role.EDITOR)])
def test_the_last_owner_can_be_neither_removed_nor_demoted(
    sessions: Sessions, owners: list[int], act: Callable[[Session, Editor], None]
) -> None:
    with sessions.begin() as session:
        act(session, session.get_one(Editor, owners[0]))
    with sessions.begin() as session, pytest.raises(Conflict, match="last owner who can sign in"):
        act(session, session.get_one(Editor, owners[1]))
    assert owners_left(sessions) == [owners[1]]


def test_an_owner_who_never_came_in_does_not_count(sessions: Sessions, now: datetime) -> None:
    ann = engage(sessions, "ann@desk.example", now)
    with sessions.begin() as session:
        add(session, "invited@desk.example", Role.OWNER, now)
        with pytest.raises(Conflict):
            accounts.remove(session, session.get_one(Editor, ann.id))
        accounts.remove(session, find(session, "invited@desk.example"))
    assert owners_left(sessions) == [ann.id]


@pytest.mark.parametrize("attempt", range(5))
@pytest.mark.parametrize("act", [accounts.remove, lambda session, one: accounts.change_role(session, one, Role.VIEWER)])
def test_of_two_owners_who_act_on_each_other_at_once_one_stays(
    sessions: Sessions, owners: list[int], act: Callable[[Session, Editor], None], attempt: int
) -> None:
    both = Barrier(2)

    def turn_on(other: int) -> bool:
        both.wait()
        try:
            with sessions.begin() as session:
                act(session, session.get_one(Editor, other))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(turn_on, owners)) == [False, True], attempt
    assert len(owners_left(sessions)) == 1


def test_whoever_is_removed_leaves_no_session_and_no_code(sessions: Sessions, owners: list[int], now: datetime) -> None:
    with sessions.begin() as session:
        ann = session.get_one(Editor, owners[0])
        begun = desk_sessions.start_session(session, ann, HERE, now)
        second_factor.renew_recovery_codes(session, ann)
    with sessions.begin() as session:
        accounts.remove(session, session.get_one(Editor, owners[0]))
    with sessions.reading() as session:
        assert desk_sessions.active_session(session, begun.id, begun.nonce, now) is None
        assert session.scalars(select(DeskSession.id)).all() == session.scalars(select(RecoveryCode.digest)).all() == []
        with pytest.raises(NotFound, match="no longer on the team"):
            accounts.get(session, owners[0])


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("short", "needs 10 to 200 characters; this one has 5"),
        ("x" * 201, "this one has 201"),
        ("qwertyuiop", "first that anybody would try"),
        ("password123", "first that anybody would try"),
        ("aaaaaaaaaaaa", "first that anybody would try"),
        ("Ann@Desk.example", "must not be your address"),
        ("my ann@desk.example", "must not be your address"),
    ],
)
def test_a_password_that_is_soon_guessed_is_refused(
    sessions: Sessions, now: datetime, password: str, sentence: str
) -> None:
    with sessions.begin() as session:
        ann = add(session, "ann@desk.example", Role.OWNER, now)
        with pytest.raises(Invalid, match=sentence):
            set_password(ann, password)
        assert ann.password_hash is None


@pytest.mark.parametrize("password", [PASSWORD, "korrekt pferd ł ß", "x9" + "Lq4-" * 49])
def test_a_password_of_some_length_is_taken(sessions: Sessions, now: datetime, password: str) -> None:
    with sessions.begin() as session:
        set_password(add(session, "ann@desk.example", Role.OWNER, now), password)


def test_the_rule_of_the_team_is_one_row(sessions: Sessions) -> None:
    for needed in (True, True, False):
        with sessions.begin() as session:
            accounts.set_second_factor_required(session, needed)
            assert accounts.requires_second_factor(session) is needed


def engage(sessions: Sessions, email: str, now: datetime) -> Editor:
    with sessions.begin() as session:
        editor = add(session, email, Role.OWNER, now)
        set_password(editor, PASSWORD)
        return editor


def owners_left(sessions: Sessions) -> list[int]:
    with sessions.reading() as session:
        return list(session.scalars(select(Editor.id).where(Editor.role == Role.OWNER)))


def test_a_password_costs_a_guesser_what_argon2_asks_for() -> None:
    assert (caches.EARNEST.time_cost, caches.EARNEST.memory_cost) >= (3, 64 * 1024)
