"""The note on an issue that the team writes for each other."""

from sqlalchemy import select

from newsletter.audit import AuditEntry
from newsletter.editorial.issues import issue_bin, issue_store
from newsletter.editorial.models import Issue
from newsletter.editors import Role
from newsletter.wiring import Services
from tests.sample_services import NOW, OUT, WAITING
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

PAGE = f"/desk/issues/{WAITING}/"
NOTE = f"{PAGE}note"
HTML = "Wait for <b>Noor’s</b> figures 🦒\r\n\r\nشكرا"


def note(services: Services, slug: str = WAITING) -> tuple[str, str, int]:
    with services.sessions.reading() as store:
        found = issue_store.find(store, slug)
        return found.note, found.note_by, found.note_number


def test_a_note_is_shown_to_everybody_as_text_with_its_writer(
    editor: Visitor, enter: Enter, services: Services
) -> None:
    assert editor.press(PAGE, NOTE, note=HTML).status_code == 303
    assert note(services) == (HTML.replace("\r\n", "\n"), "editor@desk.example", 1)
    assert "The note is saved." in editor.read(PAGE)
    viewer = enter(Role.VIEWER)
    page = viewer.open(PAGE)
    assert "Note for each other Wait for <b>Noor’s</b> figures 🦒 شكرا By editor@desk.example" in words(page)
    assert f'action="{NOTE}"' not in page.text
    assert viewer.client.post(NOTE, data={"note": "mine", "number": "1"}).status_code == 403
    assert "note Wait for <b>Noor’s</b> figures" in viewer.read("/desk/issues/")


def test_of_two_who_write_at_once_the_later_gets_both_notes_back(
    editor: Visitor, enter: Enter, services: Services
) -> None:
    author = enter(Role.AUTHOR)
    opened = hidden(author.open(PAGE).text, NOTE)
    editor.press(PAGE, NOTE, note="Hold it until Monday.")
    answer = author.client.post(NOTE, data=opened | {"note": "Send it <today>."})
    assert answer.status_code == 409
    assert "editor@desk.example has changed the note since this page was opened." in words(answer)
    assert "Hold it until Monday." in words(answer)
    assert "\nSend it &lt;today&gt;.</textarea>" in answer.text
    assert note(services)[0] == "Hold it until Monday."
    both = {"note": "Hold it until Monday. Or today?"}
    assert author.client.post(NOTE, data=hidden(answer.text, NOTE) | both).status_code == 303
    assert note(services) == (both["note"], "author@desk.example", 2)


def test_a_form_that_is_sent_twice_changes_the_note_once(editor: Visitor, services: Services) -> None:
    opened = hidden(editor.open(PAGE).text, NOTE)
    for _ in range(2):
        assert editor.client.post(NOTE, data=opened | {"note": "Once."}).status_code == 303
    assert note(services)[2] == 1


def test_a_note_that_was_removed_meanwhile_is_not_brought_back_unasked(editor: Visitor, services: Services) -> None:
    editor.press(PAGE, NOTE, note="Old.")
    opened = hidden(editor.open(PAGE).text, NOTE)
    editor.press(PAGE, NOTE, note=" ")
    assert "The note is removed." in editor.read(PAGE)
    answer = editor.client.post(NOTE, data=opened | {"note": "Older."})
    assert "You have removed the note since this page was opened." in words(answer)
    assert "Older.</textarea>" in answer.text
    assert note(services)[0] == ""
    assert "By editor@desk.example" not in editor.read(PAGE)


def test_a_note_that_is_too_long_stays_in_the_form(editor: Visitor, services: Services) -> None:
    answer = editor.press(PAGE, NOTE, note="ü" * 2_001)
    assert answer.status_code == 422
    assert "Please shorten the note: it has 2,001 characters; the limit is 2,000." in words(answer)
    assert "ü" * 2_001 in answer.text
    assert editor.press(NOTE, NOTE, note="ü" * 2_000).status_code == 303
    assert note(services)[0] == "ü" * 2_000


def test_an_issue_on_its_way_gets_its_note_on_a_page_that_does_not_reload_and_a_copy_has_none(
    editor: Visitor, services: Services
) -> None:
    out = f"/desk/issues/{OUT[0]}/"
    assert f'href="{out}note">Write a note</a>' in editor.open(out).text
    assert editor.press(f"{out}note", f"{out}note", note="Asked Eve for figures.").status_code == 303
    assert "Asked Eve for figures. By editor@desk.example" in editor.read(out)
    editor.press(out, f"{out}duplicate")
    with services.sessions.reading() as store:
        notes = {one.slug: one.note for one in store.scalars(select(Issue).where(Issue.note != ""))}
    assert notes == {OUT[0]: "Asked Eve for figures."}


def test_a_note_comes_back_from_the_bin(editor: Visitor, services: Services) -> None:
    editor.press(PAGE, NOTE, note="Do not lose this.")
    before = note(services)
    with services.sessions.begin() as store:
        found = issue_store.find(store, WAITING)
        publication_id, at = found.publication_id, found.note_at
        deleted_id = issue_bin.discard(store, found, "eve@desk.example", NOW).id
    with services.sessions.begin() as store:
        assert issue_bin.restore_issue(store, publication_id, deleted_id).note_at == at
    assert note(services) == before


def test_the_audit_log_knows_of_the_note_but_not_its_text(editor: Visitor, services: Services) -> None:
    editor.press(PAGE, NOTE, note="Between us.")
    with services.sessions.reading() as store:
        entry = store.scalars(select(AuditEntry).where(AuditEntry.act == "changed its note")).one()
        assert (entry.about, entry.details) == (f"#{issue_store.find(store, WAITING).id}", {"slug": WAITING})
