"""The audit log at the desk: every act leaves its row, by the guard and not by the view's good memory."""

import csv
import io
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from newsletter.audit import NOBODY, Entry, Witness, record
from newsletter.editors import Editor, Role
from newsletter.web.desk.roles import Route
from newsletter.web.desk.routes import ROUTES
from newsletter.wiring import House
from tests import houses
from tests.houses import WAITING
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import PASSWORD, Visitor, address_of, words

PAGE = f"/desk/issues/{WAITING}/"
NEW = {"current": PASSWORD, "new": "another long one", "again": "another long one"}
ACTS: dict[str, Callable[[Visitor], object]] = {
    "schedule_issue": lambda visitor: visitor.press(PAGE, f"{PAGE}schedule"),
    "send": lambda visitor: visitor.press(f"{PAGE}send"),
    "change_password": lambda visitor: visitor.client.post("/desk/account/password", data=NEW),
    "end_sessions": lambda visitor: visitor.client.post("/desk/account/end-sessions"),
    "invite": lambda visitor: visitor.client.post(
        "/desk/people/", data={"email": "new@desk.example", "role": "author"}
    ),
}
UNNOTED = {
    # They take their own notes, for nobody is signed in yet.
    "sign_in": "signed in",
    "use_link": "signed in",
    "check_code": "signed in",
    "sign_out": "signed out",
    "ask_reset": "asked for a new password",
    "reset_password": "set a new password by mail",
    # Which publication one looks at is no act; nor is what is typed, until it is saved.
    "switch_publication": "",
    "preview": "",
    "judge_text": "",
    "say_hello": "",
    "keep_draft": "",
    "leave_page": "",
}


def test_every_route_that_is_no_mere_look_has_a_name_in_the_audit_log() -> None:
    unnamed = {route.name for route in ROUTES if route.method != "GET" and not route.noted}
    assert unnamed <= UNNOTED.keys()
    names = [route.noted for route in ROUTES if route.noted]
    assert all(len(name) <= 60 for name in names)


@pytest.mark.parametrize("name", ACTS)
def test_an_act_leaves_one_row_that_says_who_did_what(enter: Enter, house: House, now: datetime, name: str) -> None:
    owner = enter(Role.OWNER)
    route = next(route for route in ROUTES if route.name == name)
    ACTS[name](owner)
    row = rows(house)[-1]
    assert [each.act for each in rows(house)] == ["signed in", route.noted]
    assert (row.who, row.role, row.at, row.network) == ("owner@desk.example", "owner", now, "127.0.0.0/24")
    if "<slug>" in route.path:
        assert (row.kind, row.about) == ("issue", WAITING)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.noted], ids=lambda route: route.name)
def test_what_is_refused_leaves_no_row_and_what_is_done_leaves_one(enter: Enter, house: House, route: Route) -> None:
    # An empty form is refused by most, and done by some; each is held to what it answered.
    before = houses.dump(house)
    answer = enter(Role.OWNER).client.post(address_of(route.path), data={"version": "stale"})
    came_in, *acts = [row.act for row in rows(house)]
    assert came_in == "signed in"
    if answer.status_code >= 400:
        assert acts == []
    elif acts or changed(house, before):
        assert acts == [route.noted]


def test_whoever_may_not_leaves_no_row(enter: Enter, house: House) -> None:
    viewer = enter(Role.VIEWER)
    for route in ROUTES:
        if route.method != "GET" and route.least is not None and route.least is not Role.VIEWER:
            assert viewer.client.post(address_of(route.path)).status_code == 403
    assert [row.act for row in rows(house)] == ["signed in"]


def test_failures_at_the_door_are_noted_without_the_address_of_a_stranger(
    stranger: Visitor, engage: Callable[..., Editor], house: House
) -> None:
    engage(Role.OWNER)
    stranger.sign_in("owner@desk.example", "wrong")
    stranger.sign_in("secret-that-i-typed-into-the-wrong-field", "wrong")
    stranger.sign_in("owner@desk.example")
    told = [(row.who, row.act) for row in rows(house)]
    assert told == [
        ("owner@desk.example", "gave a wrong password"),
        (NOBODY, "gave a wrong password"),
        ("owner@desk.example", "signed in"),
    ]
    assert "secret" not in str(houses.dump(house)["audit_log"])


def test_the_log_is_narrowed_by_person_and_act_and_goes_on(enter: Enter, house: House) -> None:
    owner = enter(Role.OWNER)
    for number in range(60):
        owner.client.post("/desk/people/", data={"email": f"new{number}@desk.example", "role": "viewer"})
    page = owner.open("/desk/audit/?act=invited+somebody")
    assert words(page).count("owner@desk.example invited somebody") == 50
    assert "new59@desk.example" in page.text
    assert "signed in" not in page.text.partition("<ol")[2]
    older = owner.read(f"/desk/audit/?act=invited+somebody&before={oldest(house, 50)}")
    assert older.count("owner@desk.example invited somebody") == 10
    assert "Nothing of that kind was done" in owner.read("/desk/audit/?who=nobody")


def test_the_sheet_holds_no_formula(enter: Enter, house: House, now: datetime) -> None:
    owner = enter(Role.OWNER)
    with house.sessions.begin() as session:
        record(session, Witness('=cmd|" /C calc"!A0', "did", now, details={"+1": "-2"}))
    sheet = owner.open("/desk/audit.csv")
    assert sheet.mimetype == "text/csv"
    lines = list(csv.reader(io.StringIO(sheet.text)))
    assert lines[0] == ["at", "who", "role", "act", "kind", "about", "details", "network"]
    assert lines[1][1] == '\'=cmd|" /C calc"!A0'
    assert lines[1][6] == "'+1: -2"


def test_an_issue_has_its_own_history(enter: Enter) -> None:
    editor = enter(Role.EDITOR)
    assert "Nothing was done about this issue yet" in editor.read(f"{PAGE}acts")
    editor.press(PAGE, f"{PAGE}schedule")
    assert "editor@desk.example scheduled it" in editor.read(f"{PAGE}acts")
    assert f'href="{PAGE}acts"' in editor.open(PAGE).text


@pytest.mark.parametrize("path", ["/desk/audit/", "/desk/audit.csv", "/desk/people/"])
def test_only_owners_read_what_everybody_did(enter: Enter, path: str) -> None:
    assert enter(Role.EDITOR).open(path).status_code == 403


def rows(house: House) -> list[Entry]:
    with house.sessions.reading() as session:
        return list(session.scalars(select(Entry).order_by(Entry.id)))


def changed(house: House, before: dict[str, list[str]]) -> bool:
    """Whether anything is kept that was not, but for who came in and who tried to."""
    bookkeeping = {"audit_log", "desk_sessions", "editors", "sign_in_tries"}
    now_kept = houses.dump(house)
    return any(rows != before[table] for table, rows in now_kept.items() if table not in bookkeeping)


def oldest(house: House, shown: int) -> int:
    with house.sessions.reading() as session:
        invited = select(Entry.id).where(Entry.act == "invited somebody").order_by(Entry.id.desc())
        return session.scalars(invited).all()[shown - 1]
