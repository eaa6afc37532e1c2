import html
import re
from datetime import datetime
from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from newsletter.delivery.models import Letter
from newsletter.editorial.issues import issue_bin, issue_store
from newsletter.editorial.models import IssueState
from newsletter.editorial.source import markdown
from newsletter.editors import Role, accounts
from newsletter.wiring import Services
from newsletter.workflows import publish
from tests import sample_services
from tests.sample_services import Clock
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

SLUG = sample_services.WAITING
PAGE = f"/desk/issues/{SLUG}/write"
JSON = {"Accept": "application/json"}


@pytest.fixture
def author(enter: Enter) -> Visitor:
    return enter(Role.AUTHOR)


def test_an_author_begins_an_issue_for_the_next_free_slot(author: Visitor, services: Services) -> None:
    begun = author.press("/desk/issues/new", "/desk/issues/new", title="Stand up!", subject="Stand up, for a minute")
    assert begun.location == "/desk/issues/stand-up/write"
    with services.sessions.reading() as session:
        made = issue_store.find(session, "stand-up")
        assert made.file_name == "2026-11-24-stand-up.md"
        assert (made.revision.author, issue_store.state(made)) == ("author@desk.example", IssueState.DRAFT)
    assert "Stand up!" in author.read("/desk/issues/")


def test_a_title_of_500_characters_and_a_short_subject_are_told_beside_their_fields(author: Visitor) -> None:
    answer = author.press("/desk/issues/new", "/desk/issues/new", title="x" * 500, subject="Short")
    assert answer.status_code == 422
    assert "Title has 500 characters; the limit is 200." in words(answer)
    assert "Subject has 5 characters; 10 to 78 fit an inbox line." in words(answer)
    assert f'value="{"x" * 500}"' in answer.text


def test_the_form_saves_a_revision_without_any_script(author: Visitor, services: Services) -> None:
    before = source(services)
    answer = author.client.post(PAGE, data=form(author, title="Looser, by degrees"))
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert source(services) == before.replace(before.split("\n")[1], "title: Looser, by degrees")
    assert "Saved as revision 2." in author.read(PAGE)


def test_a_form_with_faults_comes_back_whole_with_each_fault_beside_its_field(
    author: Visitor, services: Services
) -> None:
    answer = author.client.post(PAGE, data=form(author, title="x" * 500, body="One.\n\nHello {{ surname }}\n"))
    assert answer.status_code == 422
    assert "Title has 500 characters; the limit is 200." in words(answer)
    assert 'Line 3: Unknown field "surname"; the fields here are: email, name.' in words(answer)
    assert "Hello {{ surname }}" in answer.text
    assert revision(services) == 1
    again = author.open(PAGE)
    assert "This is your draft from" in words(again)
    assert "Hello {{ surname }}" in again.text


def test_a_form_that_cannot_be_taken_any_more_gives_back_what_was_typed(
    author: Visitor, services: Services, now: datetime
) -> None:
    typed = form(author, body="What must not be lost.\n")
    with services.sessions.begin() as session:
        accounts.find(session, "author@desk.example").role = Role.VIEWER
    refused = author.client.post(PAGE, data=typed)
    assert (refused.status_code, ">\nWhat must not be lost.</textarea>" in refused.text) == (403, True)
    with services.sessions.begin() as session:
        accounts.find(session, "author@desk.example").role = Role.AUTHOR
        issue_bin.discard(session, issue_store.find(session, SLUG), "eve@desk.example", now)
    gone = author.client.post(PAGE, data=typed)
    assert (gone.status_code, ">\nWhat must not be lost.</textarea>" in gone.text) == (404, True)


def test_a_form_of_another_site_puts_no_words_on_our_pages(author: Visitor) -> None:
    typed = form(author, body="Call this number.\n", csrf_token="guessed")
    author.client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    answer = author.client.post(PAGE, data=typed)
    assert (answer.status_code, "Call this number." in answer.text) == (400, False)


def test_an_issue_whose_saved_text_cannot_be_rendered_any_more_is_opened_as_text_and_mended(
    author: Visitor, services: Services
) -> None:
    sound = form(author)
    with services.sessions.begin() as session:
        # Such as one that an older version saved, whose rules were laxer.
        issue_store.find(session, SLUG).revision.source = "---\ntitle: Looser\n---\n{{ surname }}\n"
    sorry = author.open(f"/desk/issues/{SLUG}/")
    assert sorry.status_code == 400
    assert f'href="{PAGE}">Open its text</a>' in sorry.text
    assert author.open(PAGE).status_code == author.open(f"/desk/issues/{SLUG}/history").status_code == 200
    assert author.client.post(PAGE, data=sound).status_code == 303
    assert author.open(f"/desk/issues/{SLUG}/").status_code == 200


def test_a_colleagues_changes_of_other_passages_are_merged_and_told_in_one_sentence(
    author: Visitor, editor: Visitor, services: Services
) -> None:
    stale = form(author, title="Looser, by degrees")
    editor.client.post(PAGE, data=form(editor, body=f"{stale['body']}\nBy the editor.\n"))
    assert author.client.post(PAGE, data=stale).status_code == 303
    assert "Saved as revision 3, with what editor@desk.example saved as revision 2." in author.read(PAGE)
    assert "title: Looser, by degrees" in source(services)
    assert source(services).endswith("By the editor.\n")


@pytest.mark.parametrize(
    ("choice", "chosen"), [(0, "By the editor.\n"), (1, "By the author.\n"), (2, "By the editor.\n\nBy the author.\n")]
)
def test_what_two_people_changed_alike_is_asked_passage_by_passage_and_all_else_is_merged(
    author: Visitor, editor: Visitor, services: Services, choice: int, chosen: str
) -> None:
    opened = form(author)
    stale = replaced(opened, title="By the author, too", body=f"{opened['body']}\nBy the author.\n")
    editor.client.post(PAGE, data=form(editor, subject="A new subject", body=f"{opened['body']}\nBy the editor.\n"))
    answer = author.client.post(PAGE, data=stale)
    assert answer.status_code == 409
    for said in ("editor@desk.example changed the same passage", "editor@desk.example, revision 2", "You, here"):
        assert said in words(answer)
    choices = re.findall(r'<input[^>]*type="radio" name="([^"]+)" value="([^"]*)"', answer.text)
    assert len(choices) == 3
    assert "checked" not in answer.text
    name, text = choices[choice]
    unanswered = hidden(answer.text, PAGE)
    assert author.client.post(PAGE, data=unanswered).status_code == 400
    assert author.client.post(PAGE, data=unanswered | {name: html.unescape(text)}).status_code == 303
    assert source(services).endswith(f"{opened['body']}\n{chosen}")
    assert "title: By the author, too" in source(services)
    assert "subject: A new subject" in source(services)


def test_a_field_that_two_people_changed_can_have_one_value_only(author: Visitor, editor: Visitor) -> None:
    stale = form(author, title="By the author")
    editor.client.post(PAGE, data=form(editor, title="By the editor"))
    answer = author.client.post(PAGE, data=stale)
    assert answer.text.count('type="radio"') == 2


def test_typing_is_kept_as_a_draft_and_becomes_a_revision_after_five_minutes(
    author: Visitor, services: Services, clock: Clock
) -> None:
    typed = form(author, body="One.\n")
    kept = send(author, "keep", typed)
    assert kept.json
    assert (kept.json["draft"], kept.json["revision"]) == (1, 1)
    assert kept.json["said"] == "Draft saved at 13:00."
    clock.turn(minutes=5)
    kept = send(author, "keep", replaced(typed, draft="1", body="One. Two.\n"))
    assert kept.json
    assert kept.json["said"] == "Saved at 13:05, revision 2."
    assert source(services).endswith("One. Two.\n")


def test_saving_with_faults_keeps_the_text_and_names_field_and_line(author: Visitor, services: Services) -> None:
    answer = send(author, "save", form(author, subject="Short", body="{{ oops\n"))
    assert answer.status_code == 422
    assert answer.json
    assert [(fault["field"], fault["line"]) for fault in answer.json["faults"]] == [("subject", 0), ("body", 1)]
    assert answer.json["fault"] == "Draft saved. Fix 2 errors, then it can be saved as a revision."
    assert answer.json["draft"] == 1
    assert revision(services) == 1


def test_a_save_that_clashes_with_a_newer_revision_answers_with_the_merge_view(
    author: Visitor, editor: Visitor
) -> None:
    stale = form(author, body="Mine.\n")
    send(editor, "save", form(editor, body="Theirs.\n"))
    heard = send(author, "hello", stale)
    assert heard.json
    assert "editor@desk.example saved revision 2 at 13:00. Your text is based on revision 1." in heard.json["news"]
    answer = send(author, "save", stale)
    assert answer.status_code == 409
    assert answer.json
    assert (answer.json["revision"], answer.json["draft"], answer.json["kept"]) == (2, 1, True)
    assert answer.json["overlap"].count('type="radio"') == 3


def test_what_came_in_from_a_colleague_is_told_to_the_script_with_the_form_as_it_is_now(
    author: Visitor, editor: Visitor
) -> None:
    stale = replaced(form(author, title="Looser, by degrees"), tab="aa", turn="1")
    send(editor, "save", form(editor, body="Theirs.\n"))
    answer = send(author, "keep", stale)
    assert answer.json
    assert answer.json["said"] == ("Draft saved at 13:00, with what editor@desk.example saved as revision 2.")
    assert (answer.json["form"]["title"], answer.json["form"]["body"]) == ("Looser, by degrees", "Theirs.\n")
    assert (answer.json["base"], answer.json["news"]) == (2, "")


def test_two_windows_of_one_person_do_not_write_over_each_other(author: Visitor) -> None:
    here, there = form(author, body="Here.\n"), form(author, body="There.\n")
    send(author, "keep", here)
    answer = send(author, "keep", there)
    assert answer.status_code == 409
    assert answer.json
    assert "You, in another window" in answer.json["overlap"]
    assert answer.json["kept"] is False


def test_a_window_is_asked_what_it_knows_of_a_draft_that_another_wrote_on_and_then_both_are_one(
    author: Visitor,
) -> None:
    text = "One.\n\nTwo.\n"
    opened = replaced(form(author, body=text), tab="aa", turn="1")
    send(author, "keep", opened)
    other = replaced(opened, tab="bb", body="One.\n\nTwo, there.\n")
    asked = send(author, "keep", other)
    assert (asked.status_code, asked.json and asked.json["ask"]) == (409, "before")
    known = urlencode(list(opened.items(multi=True)))
    answer = send(author, "keep", replaced(other, before=known, turn="2"))
    assert answer.json
    assert answer.json["said"] == "Draft saved at 13:00."
    send(author, "keep", replaced(opened, draft="1", before=known, turn="2", body="One, here.\n\nTwo.\n"))
    assert form(author)["body"] == "One, here.\n\nTwo, there.\n"


@pytest.mark.parametrize("comes_late", [False, True])
def test_a_reload_and_the_last_word_of_the_page_before_it_are_no_two_texts_in_whatever_order_they_come(
    author: Visitor, services: Services, comes_late: bool
) -> None:
    opened = replaced(form(author), tab="aa")
    last_word = replaced(opened, body="Typed.\n", turn="1")
    typed_on = replaced(opened, body="Typed on.\n", turn="2")
    calls = [("leave", last_word), ("keep", typed_on)]
    answers = [send(author, act, typed).status_code for act, typed in (calls[::-1] if comes_late else calls)]
    assert sorted(answers) == [200, 204]
    assert send(author, "save", replaced(typed_on, turn="3")).status_code == 200
    assert source(services).endswith("Typed on.\n")


def test_leaving_makes_a_revision_of_what_is_whole(author: Visitor, services: Services) -> None:
    assert send(author, "leave", form(author, body="The last word.\n")).status_code == 204
    assert source(services).endswith("The last word.\n")


def test_leaving_one_window_leaves_the_draft_to_another(author: Visitor, services: Services) -> None:
    send(author, "hello", replaced(form(author), tab="aa"))
    send(author, "keep", replaced(form(author, body="Half.\n"), tab="bb"))
    send(author, "leave", replaced(form(author), tab="bb"))
    assert revision(services) == 1
    send(author, "leave", replaced(form(author), tab="aa"))
    assert source(services).endswith("Half.\n")


def test_leaving_with_a_text_that_cannot_be_stored_is_told(author: Visitor) -> None:
    opened = replaced(form(author), tab="aa")
    send(author, "keep", replaced(opened, tab="bb", body="Theirs.\n", turn="1"))
    left = send(
        author, "leave", replaced(opened, body="Mine.\n", turn="1", before=urlencode(list(opened.items(multi=True))))
    )
    assert left.status_code == 409
    assert "Mine." not in form(author)["body"]


def test_leaving_with_nothing_typed_makes_no_revision(author: Visitor, services: Services) -> None:
    send(author, "leave", form(author))
    assert revision(services) == 1


def test_whoever_writes_at_the_same_time_is_named(author: Visitor, editor: Visitor, clock: Clock) -> None:
    send(author, "hello", replaced(form(author), tab="aa"))
    heard = send(editor, "hello", replaced(form(editor), tab="bb")).json
    assert heard
    assert heard["presence"] == "author@desk.example is also writing here, on revision 1."
    other = send(author, "hello", replaced(form(author), tab="cc")).json
    assert other
    assert other["presence"] == "editor@desk.example is also writing here, on revision 1."
    clock.turn(seconds=31)
    alone = send(author, "hello", replaced(form(author), tab="cc")).json
    assert alone
    assert alone["presence"] == ""


def test_a_session_that_ended_is_told_and_not_led_to_another_page(author: Visitor) -> None:
    typed = form(author)
    author.client.post("/desk/sign-out")
    answer = send(author, "save", typed)
    assert answer.status_code == 401
    assert answer.json
    assert "Your session has ended" in answer.json["fault"]
    assert "Set-Cookie" not in answer.headers


def test_an_issue_deleted_meanwhile_is_told(author: Visitor, editor: Visitor, services: Services) -> None:
    begun = author.press("/desk/issues/new", "/desk/issues/new", title="Gone soon", subject="Gone soon, I fear")
    typed = form(author, begun.location, body="My words.\n")
    page = "/desk/issues/gone-soon/delete"
    assert "“Gone soon” goes into the bin with all of its text: 1 revision by author@desk.example" in editor.read(page)
    assert editor.press(page).status_code == 303
    answer = send(author, "save", typed, page=begun.location)
    assert answer.status_code == 404
    assert answer.json
    assert answer.json["fault"] == "This issue has been deleted. Your text is still here, on this page."
    rescued = author.client.post("/desk/issues/new", data=typed, headers=JSON)
    assert rescued.json
    assert rescued.json["page"] == "/desk/issues/gone-soon/write"
    assert source(services, "gone-soon").endswith("My words.\n")


def test_a_deleted_issue_comes_back_from_the_bin_unless_it_is_deleted_for_good(
    author: Visitor, editor: Visitor, services: Services
) -> None:
    author.press("/desk/issues/new", "/desk/issues/new", title="Gone soon", subject="Gone soon, I fear")
    before = source(services, "gone-soon")
    editor.press("/desk/issues/gone-soon/delete")
    page = editor.read("/desk/issues/bin")
    assert "Gone soon 1 revision; deleted by editor@desk.example on" in page
    assert "Restore" not in author.read("/desk/issues/bin")
    assert editor.press("/desk/issues/bin", "/desk/issues/bin/1/restore").location == "/desk/issues/gone-soon/"
    assert source(services, "gone-soon") == before
    editor.press("/desk/issues/gone-soon/delete")
    assert "“Gone soon” is in the bin for 30 days. Undo" in editor.read("/desk/issues/")
    assert editor.press("/desk/issues/bin", "/desk/issues/bin/2/delete").location == "/desk/issues/bin"
    assert "“Gone soon” is deleted for good." in editor.read("/desk/issues/bin")
    assert editor.open("/desk/issues/gone-soon/").status_code == 404


def test_a_page_of_a_deleted_issue_never_writes_into_one_that_took_its_number(
    author: Visitor, editor: Visitor, services: Services, clock: Clock
) -> None:
    begun = author.press("/desk/issues/new", "/desk/issues/new", title="Gone soon", subject="Gone soon, I fear")
    typed = form(author, begun.location, body="My words.\n")
    editor.press("/desk/issues/gone-soon/delete")
    clock.turn(minutes=1)
    editor.press("/desk/issues/new", "/desk/issues/new", title="Another one", subject="Another one, by somebody else")
    answers = [send(author, act, typed, page=begun.location).status_code for act in ("keep", "save", "leave")]
    assert answers == [404, 404, 404]
    assert "My words." not in source(services, "another-one")


def test_a_renamed_issue_is_found_by_a_page_that_was_opened_before(author: Visitor, editor: Visitor) -> None:
    opened = form(author)
    renamed = send(editor, "save", form(editor, slug="by-degrees"))
    assert renamed.json
    assert renamed.json["page"] == "/desk/issues/by-degrees/write"
    heard = send(author, "hello", opened)
    assert heard.json
    assert heard.json["page"] == "/desk/issues/by-degrees/write"


def test_a_scheduled_issue_is_not_written_on_and_what_was_typed_is_kept(
    author: Visitor, services: Services, clock: Clock
) -> None:
    typed = form(author, body="Too late.\n")
    with services.sessions.begin() as session:
        publish.schedule_next(session, services.letters, issue_store.find(session, SLUG), clock(), grace=services.grace)
    assert author.open(PAGE).status_code == 409
    answer = send(author, "save", typed)
    assert answer.status_code == 409
    assert answer.json
    assert "is now scheduled, so its text stays as it is. What you typed is kept" in answer.json["fault"]
    assert "Your draft" in author.read(f"/desk/issues/{SLUG}/history/unsaved")


@pytest.mark.parametrize("view", ["phone", "desktop", "both", "dark", "images-off"])
def test_the_live_preview_is_the_mail_of_what_is_typed_and_keeps_nothing(
    author: Visitor, services: Services, view: str
) -> None:
    typed = form(author, body="Breathe **slowly**, {{ name | friend }}.\n")
    before = sample_services.dump(services)
    answer = author.client.post(f"/desk/issues/{SLUG}/preview", data=replaced(typed, view=view), headers=JSON)
    assert answer.json
    assert "Breathe <strong>slowly</strong>, Alex." in answer.json["html"]
    assert '<p data-line="1"' in answer.json["html"]
    assert answer.json["faults"] == []
    assert answer.json["length"] == "3 words, 1 min read"
    assert sample_services.dump(services) == before


def test_no_other_way_out_has_the_marks_of_lines(author: Visitor, services: Services) -> None:
    out = sample_services.OUT[0]
    ways = [f"/desk/issues/{SLUG}/preview.html", f"/desk/issues/{out}/preview.html", f"/archive/{out}/"]
    for way in [*ways, "/feed.xml", "/feed.rss", "/feed.json"]:
        answer = author.open(way)
        assert answer.status_code == 200, way
        assert "data-line" not in answer.text, way
    with services.sessions.reading() as session:
        letters = session.scalars(select(Letter)).all()
        assert letters
        assert not any("data-line" in letter.html for letter in letters)


def test_a_fault_in_a_merge_field_leaves_no_mail_and_a_fault_in_a_field_does(author: Visitor) -> None:
    def seen(**changes: str) -> dict[str, object]:
        answer = author.client.post(f"/desk/issues/{SLUG}/preview", data=form(author, **changes), headers=JSON)
        assert answer.json
        return dict(answer.json)

    assert seen(body="{{ surname }}")["html"] is None
    assert "Short" in str(seen(subject="Short", body="Short text.\n")["html"])


def test_the_text_view_is_the_text_part(author: Visitor) -> None:
    typed = replaced(form(author, body="# A heading\n\nText.\n"), view="text")
    answer = author.client.post(f"/desk/issues/{SLUG}/preview", data=typed, headers=JSON)
    assert answer.json
    assert [1, "A heading\n---------\n\n"] in answer.json["text"]
    assert [3, "Text."] in answer.json["text"]


def test_a_preview_page_runs_no_script_and_the_writing_page_bends_no_rule_but_one(author: Visitor) -> None:
    sheet = author.open(f"{PAGE}/sheet?view=images-off").headers["Content-Security-Policy"]
    assert "allow-scripts" not in sheet
    assert "script-src" not in sheet
    assert "img-src 'none'" in sheet
    policies = [author.open(PAGE).headers["Content-Security-Policy"] for _ in range(2)]
    assert policies[0] != policies[1]
    for policy in policies:
        assert "'unsafe-inline'" not in policy
        assert "script-src 'self';" in policy
        assert "style-src 'self' 'nonce-" in policy


@pytest.mark.parametrize(
    ("line", "marks"),
    [
        (2, 'data-goto-field="title" data-goto-line="0"'),
        (13, 'data-goto-field="sources" data-goto-line="2"'),
    ],
)
def test_a_line_of_the_file_opens_at_its_place_in_the_form(author: Visitor, line: int, marks: str) -> None:
    assert marks in author.open(f"{PAGE}?line={line}").text


def test_an_issue_as_long_as_one_may_be_is_saved_and_a_longer_text_is_kept_as_a_draft(
    author: Visitor, services: Services
) -> None:
    body = "Breathe, and ä. " * (markdown.MOST_CHARACTERS // 16)
    assert send(author, "save", form(author, body=body)).status_code == 200
    assert source(services).endswith(body)
    too_long = send(author, "save", form(author, body=body * 4))
    assert too_long.status_code == 422
    assert too_long.json
    assert "characters; the limit for one issue is 150,000" in too_long.json["faults"][0]["text"]
    assert author.open(PAGE).text.count("Breathe, and ä.") == 4 * body.count("Breathe")


def test_what_no_database_keeps_is_replaced_and_the_rest_stays(author: Visitor) -> None:
    kept = send(author, "keep", form(author, body="one\0two"))
    assert kept.status_code == 200
    assert "one�two" in author.open(PAGE).text


def test_the_history_shows_what_changed_word_by_word_and_brings_an_older_text_back(
    author: Visitor, services: Services
) -> None:
    before = source(services)
    send(author, "save", form(author, title="Quite another title"))
    assert "Revision 2" in author.read(f"/desk/issues/{SLUG}/history")
    shown = author.open(f"/desk/issues/{SLUG}/history/2").text
    assert "<del>" in shown
    assert "Quite" in shown
    assert "Compared with revision" in words(author.open(f"/desk/issues/{SLUG}/history/1?against=2"))
    restore = f"/desk/issues/{SLUG}/history/1/restore"
    assert author.press(f"/desk/issues/{SLUG}/history/1", restore).status_code == 303
    assert (revision(services), source(services)) == (3, before)


def test_an_older_text_of_a_scheduled_issue_is_not_taken_up_and_nothing_is_said_of_a_draft(editor: Visitor) -> None:
    issue = f"/desk/issues/{SLUG}/"
    editor.press(issue, f"{issue}schedule")
    form = hidden(editor.open(f"{issue}cancel").text)
    refused = editor.client.post(f"{issue}history/1/restore", data=form)
    assert refused.status_code == 409
    assert "is now scheduled, so its text stays as it is. Nothing was done." in words(refused)


def test_a_draft_can_be_thrown_away_and_only_as_it_was_seen(author: Visitor, services: Services) -> None:
    send(author, "keep", form(author, body="Never mind.\n"))
    seen = hidden(author.open(PAGE).text, f"{PAGE}/discard")
    send(author, "keep", form(author, body="Or do.\n"))
    assert author.client.post(f"{PAGE}/discard", data=seen).status_code == 409
    assert author.press(PAGE, f"{PAGE}/discard").status_code == 303
    assert "Never mind" not in author.open(PAGE).text
    assert revision(services) == 1


@pytest.mark.parametrize(
    "source",
    [
        '---\ntitle: "\\U00110000"\n---\nText.\n',
        pytest.param("---\ntitle: x\n---\n" + "# a\n" * 30_000, marks=pytest.mark.slow),
        "x" * 1_000_001,
    ],
    ids=["an escape beyond Unicode", "too many headings", "too many bytes"],
)
def test_a_draft_that_cannot_be_rendered_opens_as_text_and_can_be_thrown_away(author: Visitor, source: str) -> None:
    send(author, "keep", replaced(form(author), source=source))
    opened = author.open(PAGE)
    assert opened.status_code == 200
    assert "This is your draft from" in words(opened)
    for page in (f"/desk/issues/{SLUG}/", f"/desk/issues/{SLUG}/history/unsaved", f"{PAGE}/sheet"):
        assert author.open(page).status_code == 200
    assert author.press(PAGE, f"{PAGE}/discard").status_code == 303
    assert "This is your draft from" not in words(author.open(PAGE))


def test_the_issues_page_and_the_issue_lead_to_the_text(author: Visitor) -> None:
    assert PAGE in author.open("/desk/issues/").text
    assert PAGE in author.open(f"/desk/issues/{SLUG}/").text
    send(author, "keep", form(author, body="Half.\n"))
    assert "You have unsaved text in it" in author.read(f"/desk/issues/{SLUG}/")


def form(visitor: Visitor, page: str = PAGE, **changes: str) -> MultiDict[str, str]:
    """The form of the writing page as it stands, with some fields typed into."""
    shown = visitor.client.get(page).text
    fields = re.search(r'<form class="manuscript".*?</form>', shown, re.DOTALL)
    assert fields
    typed = MultiDict(map(_unescaped, re.findall(r'name="(\w+)" value="([^"]*)"', fields[0].partition("<template")[0])))
    text = re.search(r'<textarea[^>]* name="body"[^>]*>\n(.*?)</textarea>', fields[0], re.DOTALL)
    assert text
    typed["body"] = html.unescape(text[1])
    return replaced(typed, **changes)


def replaced(typed: MultiDict[str, str], **changes: str) -> MultiDict[str, str]:
    made = typed.copy()
    for name, words_ in changes.items():
        made[name] = words_
    return made


def _unescaped(pair: tuple[str, str]) -> tuple[str, str]:
    return pair[0], html.unescape(pair[1])


def send(visitor: Visitor, act: str, typed: MultiDict[str, str], page: str = PAGE) -> TestResponse:
    """What the page's script sends."""
    return visitor.client.post(f"{page}/{act}", data=typed, headers=JSON)


def source(services: Services, slug: str = SLUG) -> str:
    with services.sessions.reading() as session:
        return issue_store.find(session, slug).revision.source


def revision(services: Services) -> int:
    with services.sessions.reading() as session:
        return issue_store.find(session, SLUG).revision_number
