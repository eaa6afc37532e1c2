"""The audit log at the desk: every act leaves its row, by the guard and not by the view's good memory."""

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter import audit, publications
from newsletter.audit import NOBODY, AuditEntry, AuditWriter, record
from newsletter.editorial.issues import issue_store
from newsletter.editors import Editor, Role
from newsletter.publications.wordings import WordingKind
from newsletter.web.desk.routes import ROUTES
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import WAITING, Clock
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import PASSWORD, Visitor, address_of, hidden, words

PAGE = f"/desk/issues/{WAITING}/"
SLOTS, WEEKS_OFF = "/desk/calendar/slots", "/desk/calendar/weeks-off"
DAY = timedelta(days=1)
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
    "count_typed": "",
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
def test_an_act_leaves_one_row_that_says_who_did_what(
    enter: Enter, services: Services, now: datetime, name: str
) -> None:
    owner = enter(Role.OWNER)
    route = next(route for route in ROUTES if route.name == name)
    ACTS[name](owner)
    row = rows(services)[-1]
    assert [each.act for each in rows(services)] == ["signed in", route.noted]
    assert (row.who, row.role, row.at, row.network) == ("owner@desk.example", "owner", now, "127.0.0.0/24")
    if "<slug>" in route.path:
        assert (row.kind, row.about, row.details["slug"]) == (
            "issue",
            audit.issue_subject(number_of(services)),
            WAITING,
        )


def test_what_is_refused_leaves_no_row_and_what_is_done_leaves_one(enter: Enter, services: Services) -> None:
    enter(Role.VIEWER)  # person 1, to whom the forms about a person are sent
    owner, before = enter(Role.OWNER), sample_services.dump(services)
    for route in (route for route in ROUTES if route.noted):
        # An empty form is refused by most, and done by some; each is held to what it answered.
        seen = len(rows(services))
        answer = owner.client.post(address_of(route.path), data={"version": "stale"})
        assert "/sign-in" not in (answer.location or ""), route
        acts = [row.act for row in rows(services)[seen:]]
        if answer.status_code >= 400:
            assert acts == [], route
        elif acts or changed(services, before):
            assert acts == [route.noted], route
            assert ("<slug>" in route.path) == (rows(services)[-1].kind == "issue"), route
            before = sample_services.dump(services)


def test_whoever_may_not_leaves_no_row(enter: Enter, services: Services) -> None:
    viewer = enter(Role.VIEWER)
    for route in ROUTES:
        if route.method != "GET" and route.least is not None and route.least is not Role.VIEWER:
            assert viewer.client.post(address_of(route.path)).status_code == 403
    assert [row.act for row in rows(services)] == ["signed in"]


def test_whoever_begins_an_issue_is_noted_with_that_issue(enter: Enter, services: Services) -> None:
    enter(Role.AUTHOR).press(
        "/desk/issues/new", "/desk/issues/new", title="Stand up!", subject="Stand up, for a minute"
    )
    row = rows(services)[-1]
    assert (row.act, row.about) == ("began an issue", audit.issue_subject(number_of(services, "stand-up")))
    assert row.details == {"slug": "stand-up"}


def test_a_changed_setting_is_noted_with_its_part_and_a_rule_with_what_it_was(enter: Enter, services: Services) -> None:
    owner = enter(Role.OWNER)
    owner.press("/desk/settings/rules", requires_approval="on")
    owner.press("/desk/settings/rules")
    owner.press(f"/desk/settings/words/{WordingKind.SIGN_UP}", words="We write every week.")
    on, off, words_ = rows(services)[-3:]
    assert (on.kind, on.about) == ("publication", "backpainhelp")
    assert on.details == {
        "part": "rules",
        "changed": "requires_approval",
        "old_requires_approval": False,
        "new_requires_approval": True,
    }
    assert (off.details["old_requires_approval"], off.details["new_requires_approval"]) == (True, False)
    assert words_.details == {"words": WordingKind.SIGN_UP, "version": 1}


def test_the_log_tells_which_slot_and_which_days_off_came_and_went(enter: Enter, services: Services) -> None:
    editor, friday = enter(Role.EDITOR), {"weekday": "Friday", "at": "17:30", "time_zone": "UTC"}
    editor.press(SLOTS, SLOTS, **friday)
    with services.sessions.reading() as session:
        slot = publications.find(session).slots[-1].id
    editor.press(SLOTS, f"{SLOTS}/{slot}", **(friday | {"at": "18:30"}))
    editor.press(SLOTS, WEEKS_OFF, first="2026-12-22", last="2026-12-24", reason="Christmas")
    with services.sessions.reading() as session:
        slot, week = publications.find(session).slots[-1].id, publications.find(session).weeks_off[0].id
    editor.client.post(f"{SLOTS}/{slot}/remove")
    editor.client.post(f"{WEEKS_OFF}/{week}/remove")
    at, later = "Friday at 17:30 (UTC)", "Friday at 18:30 (UTC)"
    days = {"first_day": "2026-12-22", "last_day": "2026-12-24", "reason": "Christmas"}
    told = [{"slot": at}, {"old_slot": at, "new_slot": later}, days, {"slot": later}, days]
    assert [row.details for row in rows(services)[1:]] == told


def test_failures_to_sign_in_are_noted_without_the_address_of_a_stranger(
    stranger: Visitor, engage: Callable[..., Editor], services: Services
) -> None:
    engage(Role.OWNER)
    stranger.sign_in("owner@desk.example", "wrong")
    stranger.sign_in("secret-that-i-typed-into-the-wrong-field", "wrong")
    stranger.sign_in("owner@desk.example")
    told = [(row.who, row.act) for row in rows(services)]
    assert told == [
        ("owner@desk.example", "gave a wrong password"),
        (NOBODY, "gave a wrong password"),
        ("owner@desk.example", "signed in"),
    ]
    assert "secret" not in str(sample_services.dump(services)["audit_log"])


def test_the_log_is_narrowed_by_person_and_act_and_goes_on(enter: Enter, services: Services) -> None:
    owner = enter(Role.OWNER)
    for number in range(60):
        owner.client.post("/desk/people/", data={"email": f"new{number}@desk.example", "role": "viewer"})
    page = owner.open("/desk/audit/?act=invited+somebody")
    assert words(page).count("owner@desk.example invited somebody") == 50
    assert "new59@desk.example" in page.text
    assert "signed in" not in page.text.partition("<ol")[2]
    older = owner.read(f"/desk/audit/?act=invited+somebody&before={oldest(services, 50)}")
    assert older.count("owner@desk.example invited somebody") == 10
    assert "No entries match" in owner.read("/desk/audit/?who=nobody")


def test_the_csv_file_holds_no_formula(enter: Enter, services: Services, now: datetime) -> None:
    owner = enter(Role.OWNER)
    with services.sessions.begin() as session:
        record(session, AuditWriter('=cmd|" /C calc"!A0', "did", now, details={"+1": "-2"}))
    sheet = owner.open("/desk/audit.csv")
    assert sheet.mimetype == "text/csv"
    lines = list(csv.reader(io.StringIO(sheet.text)))
    assert lines[0] == ["at", "who", "role", "act", "kind", "about", "details", "network"]
    assert lines[1][1] == '\'=cmd|" /C calc"!A0'
    assert lines[1][6] == "'+1: -2"


def test_an_issue_has_its_own_history(enter: Enter) -> None:
    editor = enter(Role.EDITOR)
    assert "Nothing has been done with this issue yet" in editor.read(f"{PAGE}acts")
    editor.press(PAGE, f"{PAGE}schedule")
    assert "editor@desk.example scheduled it" in editor.read(f"{PAGE}acts")
    assert f'href="{PAGE}acts"' in editor.open(PAGE).text


def test_a_renamed_issue_keeps_its_history_and_the_next_to_take_its_slug_inherits_none_of_it(
    enter: Enter,
) -> None:
    author = enter(Role.AUTHOR)
    rename(author, WAITING, "by-degrees")
    rename(author, "by-degrees", "still-looser")
    begun = author.press(
        "/desk/issues/new", "/desk/issues/new", title=WAITING, subject="It already has the slug that is free"
    )
    assert begun.location == f"{PAGE}write"
    assert author.read("/desk/issues/still-looser/acts").count("author@desk.example saved its text") == 2
    assert "saved its text" not in author.read(f"{PAGE}acts")
    assert 'href="/desk/issues/still-looser/">by-degrees</a>' in enter(Role.OWNER).open("/desk/audit/").text


def test_an_act_is_about_the_issue_that_it_changed_whatever_the_address_says(enter: Enter, services: Services) -> None:
    author = enter(Role.AUTHOR)
    stale = form_of(author, WAITING)
    rename(author, WAITING, "by-degrees")
    author.press("/desk/issues/new", "/desk/issues/new", title=WAITING, subject="It already has the slug that is free")
    renamed = number_of(services, "by-degrees")
    author.client.post(f"{PAGE}write", data=stale | {"base": "2", "body": "Typed on into the renamed one.\n"})
    assert rows(services)[-1].about == audit.issue_subject(renamed) != audit.issue_subject(number_of(services))


def test_rows_of_old_that_name_a_slug_stay_with_the_issue_that_had_it(
    enter: Enter, services: Services, now: datetime
) -> None:
    author = enter(Role.AUTHOR)
    with services.sessions.begin() as session:
        record(session, AuditWriter("ann@desk.example", "scheduled it", now, kind="issue", about=WAITING))
        record(
            session, AuditWriter("ann@desk.example", "deleted one before it", now - DAY, kind="issue", about=WAITING)
        )
    owner = enter(Role.OWNER)
    assert f'href="{PAGE}">{WAITING}</a>' in owner.open("/desk/audit/").text
    assert "ann@desk.example scheduled it" in author.read(f"{PAGE}acts")
    rename(author, WAITING, "by-degrees")
    rename(author, "by-degrees", "still-looser")
    told = author.read("/desk/issues/still-looser/acts")
    assert "ann@desk.example scheduled it" in told
    assert "deleted one before it" not in told


def test_what_became_of_a_deleted_issue_is_told_without_a_link_to_nowhere(
    enter: Enter, services: Services, clock: Clock
) -> None:
    editor = enter(Role.EDITOR)
    editor.press("/desk/issues/new", "/desk/issues/new", title="Stand up!", subject="Stand up, for a minute")
    gone = number_of(services, "stand-up")
    editor.press("/desk/issues/stand-up/delete")
    clock.turn(hours=1)
    editor.press("/desk/issues/new", "/desk/issues/new", title="Sit down!", subject="Sit down, for a minute")
    log = enter(Role.OWNER).open("/desk/audit/").text
    assert f'"mail">#{gone}' not in log
    assert '<span class="mail">stand-up</span>' in log
    # SQLite gives the number of the last one away again.
    assert "deleted it" not in editor.read("/desk/issues/sit-down/acts")


@pytest.mark.parametrize("path", ["/desk/audit/", "/desk/audit.csv", "/desk/people/"])
def test_only_owners_read_what_everybody_did(enter: Enter, path: str) -> None:
    assert enter(Role.EDITOR).open(path).status_code == 403


def rename(author: Visitor, slug: str, to: str) -> None:
    answer = author.client.post(f"/desk/issues/{slug}/write", data=form_of(author, slug) | {"slug": to})
    assert answer.location == f"/desk/issues/{to}/write"


def form_of(author: Visitor, slug: str) -> dict[str, str]:
    """What the writing page of an issue sends, its body plain."""
    page = f"/desk/issues/{slug}/write"
    fields = {"title": slug.title(), "subject": "As long as one line of an inbox", "slug": slug, "body": "Text.\n"}
    return hidden(author.open(page).text, page) | fields


def number_of(services: Services, slug: str = WAITING) -> int:
    with services.sessions.reading() as session:
        return issue_store.find(session, slug).id


def rows(services: Services) -> list[AuditEntry]:
    with services.sessions.reading() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def changed(services: Services, before: dict[str, list[str]]) -> bool:
    """Whether anything is kept that was not, but for who came in and who tried to."""
    bookkeeping = {"audit_log", "desk_sessions", "editors", "sign_in_tries"}
    now_kept = sample_services.dump(services)
    return any(rows != before[table] for table, rows in now_kept.items() if table not in bookkeeping)


def oldest(services: Services, shown: int) -> int:
    with services.sessions.reading() as session:
        invited = select(AuditEntry.id).where(AuditEntry.act == "invited somebody").order_by(AuditEntry.id.desc())
        return session.scalars(invited).all()[shown - 1]
