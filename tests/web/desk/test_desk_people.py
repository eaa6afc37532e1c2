"""An owner and the team: inviting, changing roles, resetting, removing."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from newsletter.audit import AuditEntry
from newsletter.editors import Editor, Role, accounts, second_factor
from newsletter.editors.models import DeskSession
from newsletter.wiring import Services
from tests import sample_services
from tests.sample_services import Clock
from tests.web.desk.conftest import Enter, visitor
from tests.web.desk.visits import Visitor, hidden, words

Engage = Callable[..., Editor]
NEW = "new@desk.example"


@pytest.fixture
def owner(enter: Enter) -> Visitor:
    return enter(Role.OWNER)


def test_a_form_about_somebody_who_was_removed_meanwhile_is_never_about_who_came_after_them(
    owner: Visitor, services: Services
) -> None:
    invite(owner)
    with services.sessions.reading() as session:
        gone = accounts.find(session, NEW).id
    form = hidden(owner.open(f"/desk/people/{gone}/").text, f"/desk/people/{gone}/role")
    owner.press(f"/desk/people/{gone}/", f"/desk/people/{gone}/remove")
    owner.press("/desk/people/", email="later@desk.example", role="viewer")
    with services.sessions.reading() as session:
        later = accounts.find(session, "later@desk.example").id
    assert owner.client.post(f"/desk/people/{later}/role", data=form | {"role": "owner"}).status_code == 409
    with services.sessions.reading() as session:
        assert accounts.find(session, "later@desk.example").role is Role.VIEWER


def test_somebody_invited_comes_in_by_the_mail_and_chooses_a_password(
    app: Flask, owner: Visitor, services: Services
) -> None:
    assert invite(owner).location == "/desk/people/"
    assert f"{NEW} is invited as author" in owner.read("/desk/people/")
    (mail,) = sample_services.letters(services)
    assert (mail["kind"], mail["address"], mail["valid_for"]) == ("sign_in", NEW, "24 hours")
    assert (mail["invited_by"], mail["role"]) == ("owner@desk.example", "an author, who writes")
    newcomer = visitor(app)
    assert newcomer.press(sample_services.path_of(mail["sign_in_url"])).location == "/desk/account/"
    chosen = {"new": "a new one of mine", "again": "a new one of mine"}
    assert newcomer.client.post("/desk/account/password", data=chosen).status_code == 303
    assert newcomer.open("/desk/issues/").status_code == 200
    assert newcomer.open("/desk/people/").status_code == 403
    assert visitor(app).client.post(sample_services.path_of(mail["sign_in_url"])).status_code == 404


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"email": "owner@desk.example", "role": "viewer"}, "owner@desk.example may already sign in"),
        ({"email": "no address", "role": "viewer"}, "no address"),
        ({"email": NEW, "role": "king"}, "Choose one of the four roles"),
        ({"email": NEW}, "Choose one of the four roles"),
    ],
)
def test_what_is_wrong_with_an_invitation_stands_beside_the_field(
    owner: Visitor, services: Services, typed: dict[str, str], sentence: str
) -> None:
    refused = owner.client.post("/desk/people/", data=typed)
    assert refused.status_code == 422
    assert sentence in words(refused) or sentence in refused.text
    assert f'value="{typed["email"]}"' in refused.text
    wrong = "role" if "role" in sentence else "email"
    assert re.findall(r'aria-invalid="true"\s+aria-describedby="(\w+)-fault"', refused.text) == [wrong]
    assert sample_services.letters(services) == []
    assert acts(services) == ["signed in"]


def test_an_invitation_sent_again_ends_the_one_before(owner: Visitor, services: Services) -> None:
    invite(owner)
    person = f"/desk/people/{id_of(services, NEW)}"
    owner.client.post(f"{person}/invitation")
    first, second = (sample_services.path_of(mail["sign_in_url"]) for mail in sample_services.letters(services))
    assert owner.open(first).status_code == 404
    assert "Sign in as new@desk.example" in words(owner.open(second))


def test_who_is_in_already_is_not_invited_again(owner: Visitor, engage: Engage) -> None:
    refused = owner.client.post(f"/desk/people/{engage(Role.EDITOR).id}/invitation")
    assert refused.status_code == 409
    assert "needs no invitation" in words(refused)


def test_a_changed_role_is_noted_and_holds_from_the_next_page(owner: Visitor, enter: Enter, services: Services) -> None:
    editor = enter(Role.EDITOR)
    owner.client.post(f"/desk/people/{id_of(services, 'editor@desk.example')}/role", data={"role": "viewer"})
    assert editor.open("/desk/issues/looser-by-degrees/send").status_code == 403
    row = rows(services)[-1]
    assert (row.act, row.kind, row.about) == ("changed a role", "person", "editor@desk.example")
    assert row.details == {"old_role": "editor", "new_role": "viewer"}


def test_whoever_is_removed_is_out_at_once_and_may_be_invited_anew(
    owner: Visitor, enter: Enter, services: Services
) -> None:
    editor = enter(Role.EDITOR)
    assert owner.client.post(f"/desk/people/{id_of(services, 'editor@desk.example')}/remove").status_code == 303
    assert editor.open("/desk/issues/").status_code == 303
    assert editor.sign_in("editor@desk.example").status_code == 422
    assert "editor@desk.example signed in" in owner.read("/desk/audit/")
    assert (
        owner.client.post("/desk/people/", data={"email": "editor@desk.example", "role": "viewer"}).status_code == 303
    )
    assert editor.open("/desk/issues/").status_code == 303


@pytest.mark.parametrize("act", ["remove", "role"])
def test_the_last_owner_stays(owner: Visitor, services: Services, act: str) -> None:
    person = f"/desk/people/{id_of(services, 'owner@desk.example')}"
    refused = owner.client.post(f"{person}/{act}", data={"role": "viewer"})
    assert refused.status_code == 409
    assert "last owner who can sign in" in words(refused)
    assert owner.open("/desk/people/").status_code == 200


def test_a_lost_second_factor_is_reset_told_by_mail_and_ends_the_sessions(
    owner: Visitor, enter: Enter, services: Services
) -> None:
    editor = enter(Role.EDITOR)
    with services.sessions.begin() as session:
        colleague = accounts.find(session, "editor@desk.example")
        colleague.factor = "sealed"
        second_factor.renew_recovery_codes(session, colleague)
    person = f"/desk/people/{colleague.id}"
    assert "With a password and two-factor authentication. 10 recovery codes left" in owner.read(f"{person}/")
    assert owner.client.post(f"{person}/second-factor").status_code == 303
    assert editor.open("/desk/issues/").status_code == 303
    assert editor.sign_in("editor@desk.example").location == "/desk/"
    (mail,) = sample_services.letters(services)
    assert (mail["kind"], mail["address"]) == ("changed", "editor@desk.example")
    assert "reset by an owner" in mail["changed"]
    assert "reset a second factor" in acts(services)
    assert owner.client.post(f"{person}/second-factor").status_code == 409


def test_an_owner_signs_somebody_out_everywhere(owner: Visitor, enter: Enter, services: Services) -> None:
    editor = enter(Role.EDITOR)
    person = f"/desk/people/{id_of(services, 'editor@desk.example')}"
    assert "from 127.0.0.0/24" in owner.read(f"{person}/")
    owner.client.post(f"{person}/sessions")
    assert editor.open("/desk/issues/").status_code == 303
    assert "Nowhere." in owner.read(f"{person}/")


def test_somebody_who_is_gone_is_a_calm_page(owner: Visitor) -> None:
    assert owner.open("/desk/people/999/").status_code == 404
    assert owner.client.post("/desk/people/999/remove").status_code == 404


def test_the_list_says_who_has_a_second_factor_and_who_is_not_in_yet(
    owner: Visitor, engage: Engage, services: Services, clock: Clock
) -> None:
    invite(owner)
    with services.sessions.begin() as session:
        session.get_one(Editor, engage(Role.EDITOR).id).factor = "sealed"
    page = owner.read("/desk/people/")
    assert "3 people" in page
    assert "editor@desk.example two-factor authentication on editor not signed in" in page
    assert "new@desk.example invited, has not signed in yet author" in page
    assert "owner@desk.example (you) two-factor authentication off owner last active" in page
    assert clock


def test_sessions_are_listed_and_one_can_be_ended(app: Flask, owner: Visitor, clock: Clock) -> None:
    phone = visitor(app)
    phone.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Safari/604.1"
    clock.turn(hours=1)
    phone.sign_in("owner@desk.example")
    page = owner.open("/desk/account/")
    assert "Safari on iPhone signed in Friday 20 November 14:00, from 127.0.0.0/24" in words(page)
    (action,) = {part.partition('"')[0] for part in page.text.split('action="/desk/account/sessions/')[1:]}
    assert owner.client.post(f"/desk/account/sessions/{action}").status_code == 303
    assert phone.open("/desk/issues/").status_code == 303
    assert owner.open("/desk/issues/").status_code == 200
    assert owner.client.post(f"/desk/account/sessions/{action}").status_code == 409


def test_nobody_ends_the_session_of_another_by_its_number(owner: Visitor, enter: Enter, services: Services) -> None:
    editor = enter(Role.EDITOR)
    with services.sessions.reading() as session:
        mine = session.scalars(select(DeskSession).join(Editor).where(Editor.role == Role.OWNER)).one().id
    assert editor.client.post(f"/desk/account/sessions/{mine}/end").status_code == 409
    assert owner.open("/desk/issues/").status_code == 200


def test_the_last_act_of_a_session_moves_by_acts_and_not_by_looks(
    owner: Visitor, services: Services, clock: Clock, now: datetime
) -> None:
    clock.turn(minutes=5)
    owner.open("/desk/issues/")
    assert seen(services) == now
    invite(owner)
    assert seen(services) == clock.moment
    acted = clock.moment
    clock.turn(seconds=30)
    owner.client.post("/desk/people/", data={"email": "other@desk.example", "role": "viewer"})
    assert seen(services) == acted


def invite(owner: Visitor) -> TestResponse:
    return owner.client.post("/desk/people/", data={"email": NEW, "role": "author"})


def id_of(services: Services, email: str) -> int:
    with services.sessions.reading() as session:
        return accounts.find(session, email).id


def rows(services: Services) -> list[AuditEntry]:
    with services.sessions.reading() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def acts(services: Services) -> list[str]:
    return [row.act for row in rows(services)]


def seen(services: Services) -> datetime:
    with services.sessions.reading() as session:
        return session.scalars(select(DeskSession.seen_at)).one()
