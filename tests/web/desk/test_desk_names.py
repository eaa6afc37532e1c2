"""Names of editors at the desk: who gives them, and that they stand wherever an editor is shown."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import event

from newsletter.editorial.issues import drafts, issue_store, presence
from newsletter.editorial.issues.drafts import EditorText
from newsletter.editors import Role, accounts
from newsletter.web.desk import lookup
from newsletter.wiring import Services
from tests import sample_services, slots
from tests.sample_services import NOW, WAITING, Clock
from tests.web.desk.conftest import Enter, visitor
from tests.web.desk.visits import Visitor

EDITOR = "editor@desk.example"
PAGE = f"/desk/issues/{WAITING}/"
ODD = "<i>Ana</i> 🦒 אנה"
BADGE = f'<span class="person" title="{EDITOR}"><span class="initials initials-'


def test_who_is_invited_says_their_name_with_the_first_password(app: Flask, enter: Enter, services: Services) -> None:
    enter(Role.OWNER).press("/desk/people/", email="new@desk.example", role="author")
    (mail,) = sample_services.letters(services)
    newcomer = visitor(app)
    newcomer.press(sample_services.path_of(mail["sign_in_url"]))
    assert "Your name and a password" in newcomer.read("/desk/account/")
    refused = newcomer.client.post(
        "/desk/account/password", data={"name": "New Comer", "new": "short", "again": "short"}
    )
    assert (refused.status_code, 'value="New Comer"' in refused.text) == (422, True)
    assert name_of(services, "new@desk.example") == ""
    chosen = {"name": "New Comer", "new": "a new one of mine", "again": "a new one of mine"}
    assert newcomer.client.post("/desk/account/password", data=chosen).location == "/desk/"
    assert name_of(services, "new@desk.example") == "New Comer"
    assert "Account New Comer" in newcomer.read("/desk/account/")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("n" * 500, "it has 500 characters; the limit is 100"), ("boss@desk.example", "Please give a name without an @")],
)
def test_a_name_that_cannot_be_one_comes_back_with_what_to_do(
    editor: Visitor, services: Services, typed: str, sentence: str
) -> None:
    refused = editor.client.post("/desk/account/name", data={"name": typed})
    assert refused.status_code == 422
    assert sentence in refused.text
    assert f'value="{typed}"' in refused.text
    assert name_of(services, EDITOR) == ""


def test_an_owner_names_somebody_and_nobody_else_may(editor: Visitor, enter: Enter, services: Services) -> None:
    with services.sessions.reading() as store:
        page = f"/desk/people/{accounts.find(store, EDITOR).id}/"
    assert editor.client.post(f"{page}name", data={"name": "Me"}).status_code == 403
    owner = enter(Role.OWNER)
    assert owner.client.post(f"{page}name", data={"name": "n" * 500}).status_code == 422
    assert owner.press(page, f"{page}name", name="Ana").status_code == 303
    assert f"{EDITOR} is now shown as Ana." in owner.read(page).replace(f"Ana ({EDITOR})", EDITOR)
    assert f"A Ana ( {EDITOR} )" in owner.read("/desk/people/")


def test_wherever_an_editor_is_shown_their_name_is(editor: Visitor, enter: Enter, services: Services) -> None:
    leave_traces(editor, services)
    editor.client.post("/desk/account/name", data={"name": ODD})
    owner = enter(Role.OWNER)
    on_issue = [f"{PAGE}{part}" for part in ("", "history", "history/2", "note", "delete", "acts")]
    for path in [*on_issue, "/desk/people/", "/desk/audit/", "/desk/settings/"]:
        page = owner.open(path).text
        assert BADGE in page, path
        assert "<bdi>&lt;i&gt;Ana&lt;/i&gt; 🦒 אנה</bdi>" in page, path
        assert "<i>Ana" not in page, path


def test_who_writes_beside_somebody_is_named_there_too(
    editor: Visitor, enter: Enter, services: Services, now: datetime
) -> None:
    editor.client.post("/desk/account/name", data={"name": "Ana"})
    owner = enter(Role.OWNER)
    with services.sessions.begin() as store:
        issue = issue_store.find(store, WAITING)
        presence.announce(store, issue, "a-tab", EDITOR, now)
        asking = {"issue": lookup.issue_mark(issue), "base": "1", "tab": "b-tab"}
    heard = owner.client.post(f"{PAGE}write/hello", data=asking).json
    assert heard
    assert heard["presence"] == "Ana is also writing here, on revision 1."


def test_the_names_are_looked_up_once_for_a_page(editor: Visitor, services: Services) -> None:
    leave_traces(editor, services)
    editor.client.post("/desk/account/name", data={"name": "Ana"})
    asked: list[str] = []

    def note(*call: object) -> None:
        asked.extend([str(call[2])] if "editors.name !=" in str(call[2]) else [])

    event.listen(services.sessions.reading_engine, "before_cursor_execute", note)
    page = editor.open(f"{PAGE}history").text
    event.remove(services.sessions.reading_engine, "before_cursor_execute", note)
    assert (page.count(BADGE), len(asked)) == (2, 1)


def test_who_is_writing_is_shown_to_everybody_else_until_half_a_minute_after(
    editor: Visitor, enter: Enter, services: Services, clock: Clock
) -> None:
    editor.client.post("/desk/account/name", data={"name": "Ana"})
    with services.sessions.begin() as store:
        presence.announce(store, issue_store.find(store, WAITING), "a-tab", EDITOR, clock())
    owner = enter(Role.OWNER)
    for path in (PAGE, "/desk/issues/", "/desk/calendar/"):
        assert owner.read(path).count("A Ana is writing now") == 1, path
        assert "writing now" not in editor.read(path), path
    clock.turn(seconds=31)
    assert "writing now" not in owner.read(PAGE)


def leave_traces(editor: Visitor, services: Services) -> None:
    """Let an editor write a note and two revisions."""
    editor.press(PAGE, f"{PAGE}note", note="A note.")
    with services.sessions.begin() as store:
        issue = issue_store.find(store, WAITING)
        for line in ("One.", "Two."):
            typed = EditorText(f"{issue.revision.source}\n{line}\n", base=issue.revision_number)
            drafts.save(store, issue, drafts.keep(store, issue, typed, EDITOR, NOW), NOW)


def name_of(services: Services, email: str) -> str:
    with services.sessions.reading() as store:
        return accounts.find(store, email).name


def test_what_a_file_import_wrote_is_said_in_words_that_an_editor_knows(editor: Visitor) -> None:
    for path in ("", "history", "history/1", "delete"):
        page = editor.read(f"{PAGE}{path}")
        assert ("a file import" in page, issue_store.BY_FILE in page) == (True, False)


def test_a_test_mail_is_addressed_to_names(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as store:
        accounts.find(store, EDITOR).name = ODD
    assert BADGE in editor.open(f"{PAGE}test").text


def test_a_revision_that_a_file_import_saved_meanwhile_is_told_in_a_sentence(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as store:
        slots.write(store, "Looser by degrees", now)
        asking = {"issue": lookup.issue_mark(issue_store.find(store, WAITING)), "base": "1", "tab": "b-tab"}
    heard = editor.client.post(f"{PAGE}write/hello", data=asking).json
    assert heard
    assert heard["news"].startswith("A file import saved revision 2 at ")
