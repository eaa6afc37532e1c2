import html
import re
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Rule
from newsletter.audit import AuditEntry
from newsletter.db import Sessions
from newsletter.delivery.models import Copy, CopyState, Letter, LetterState
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Correction
from newsletter.editors import Role
from newsletter.publications import find
from newsletter.web.desk import timed_cache
from newsletter.wiring import Services
from tests import amending, sample_services
from tests.originals import Fill, upon
from tests.web.desk.conftest import Enter
from tests.web.desk.test_desk_writing import form, replaced
from tests.web.desk.visits import Visitor, hidden, words

SLUG = sample_services.OUT[0]
ISSUE = f"/desk/issues/{SLUG}/"
WRITE = f"{ISSUE}write"
REVIEW = f"{ISSUE}corrections/new"
FIRST = f"{ISSUE}corrections/1/"
LETTER = f"{FIRST}letter"
NOTE = "We wrote ten hours; it is ten minutes."
STATES = (CopyState.SENT, CopyState.SENT, CopyState.IN_DOUBT, CopyState.REFUSED, CopyState.SENT)


@upon(sample_services.stocked)
def with_readers(sessions: Sessions, _folder: Path) -> None:
    """The first issue went out to five readers: two still read it, one may have got it, one did not, and one left."""
    now = sample_services.NOW
    with sessions.begin() as session:
        letter = issue_store.find(session, SLUG).letter
        letter.state, letter.finished_at = LetterState.FINISHED, now
        for number, state in enumerate(STATES):
            key = f"reader{number}@example.org"
            tie = Subscription(publication=find(session), status=Status.ACTIVE, created_at=now)
            session.add(Subscriber(email=key, key=key, created_at=now, subscriptions=[tie]))
            session.flush()
            copy = Copy(letter_id=letter.id, subscription_id=tie.id, address=key, name="", state=state)
            copy.attempts, copy.not_before, copy.ended_at = 1, now, now
            session.add(copy)
        left = select(Subscriber.id).where(Subscriber.email == "reader4@example.org").scalar_subquery()
        session.execute(
            update(Subscription).where(Subscription.subscriber_id == left).values(status=Status.UNSUBSCRIBED)
        )


@pytest.fixture
def filled() -> Fill:
    return with_readers


@pytest.fixture
def corrected(editor: Visitor, services: Services, now: datetime) -> Visitor:
    """An editor who has corrected the issue on the web."""
    with services.sessions.begin() as session:
        issue = issue_store.find(session, SLUG)
        source = f"{issue.revision.source}\nAnd ten minutes are enough.\n"
        amending.amend(session, issue, source, NOTE, "editor@desk.example", now)
    return editor


def test_the_log_tells_which_correction_an_act_was_about(editor: Visitor, services: Services) -> None:
    assert amend(editor).status_code == 303
    editor.press(LETTER, subject="A new subject for it", body="We were wrong.\n")
    with services.sessions.reading() as session:
        acts = session.scalars(select(AuditEntry).where(AuditEntry.kind == "issue").order_by(AuditEntry.id)).all()
    told = [(act.act, act.details["correction"]) for act in acts if "correction" in act.details]
    assert told == [("corrected it", 1), ("worded a correction's letter", 1)]


def write(visitor: Visitor, **changed: str) -> TestResponse:
    """Write the correction's text on the writing page, and go on to its review."""
    typed = form(visitor, WRITE)
    changed = {"review": "1", "body": f"{typed['body']}\nAnd ten minutes are enough.\n"} | changed
    return visitor.client.post(f"{WRITE}?correcting=1", data=replaced(typed, **changed))


def amend(visitor: Visitor, note: str = NOTE, **changed: str) -> TestResponse:
    """Write a correction, and publish it with this note."""
    assert write(visitor, **changed).location == REVIEW
    return visitor.press(REVIEW, note=note)


def addresses(services: Services) -> list[str]:
    """Who got a letter that corrects another."""
    with services.sessions.reading() as session:
        of = select(Copy.address).join(Letter, Letter.id == Copy.letter_id).where(Letter.corrects_id.is_not(None))
        return sorted(session.scalars(of))


def test_an_editor_corrects_the_archive_and_what_was_mailed_stays_beside_it(editor: Visitor) -> None:
    mailed = editor.open(f"{ISSUE}preview.html").text
    assert amend(editor).location == FIRST
    page = editor.open(FIRST).text
    assert "No email was sent about it." in page
    assert "<ins" in page
    assert "And ten minutes are enough." in page
    assert "And ten minutes are enough." in editor.open(f"/archive/{SLUG}/").text
    assert editor.open(f"{ISSUE}preview.html").text == mailed
    assert NOTE in editor.read(ISSUE)
    assert NOTE in editor.read(f"/desk/reports/{SLUG}/")


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        (" ", "Say what changed; readers see it above the text."),
        ("x" * 700, "That is 700 characters; the limit is 600. Shorten it."),
        ("It is \u202ewrong", "Use plain characters: it contains"),
    ],
)
def test_a_note_that_cannot_be_shown_comes_back_as_it_was_typed_with_the_reason(
    editor: Visitor, services: Services, note: str, sentence: str
) -> None:
    answer = amend(editor, note)
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert note.strip() in answer.text
    with services.sessions.reading() as session:
        assert session.scalars(select(Correction.id)).all() == []


def test_the_address_of_an_issue_that_is_out_stays(editor: Visitor) -> None:
    answer = write(editor, slug="elsewhere")
    assert answer.status_code == 422
    assert "keeps its address" in words(answer)


def test_the_review_shows_what_changes_and_what_preflight_finds(editor: Visitor) -> None:
    assert write(editor, body="Hello.\n\nTK: the rest.\n").location == REVIEW
    page = editor.open(REVIEW)
    assert "<ins" in page.text
    assert "<del" in page.text
    assert 'class="level-blocking"' in page.text
    answer = editor.press(REVIEW, note=NOTE)
    assert (answer.status_code, "cannot be published yet" in words(answer)) == (409, True)
    assert NOTE in answer.text


def test_a_text_that_is_as_in_the_archive_says_so_and_a_note_alone_can_be_published(editor: Visitor) -> None:
    assert "The text is the same as in the archive." in editor.read(REVIEW)
    assert editor.press(REVIEW, note=NOTE).location == FIRST
    assert "The text is as it was sent; only the note was added." in editor.read(FIRST)


def test_a_colleague_writes_into_the_same_correction_and_a_review_of_before_publishes_nothing(
    editor: Visitor, enter: Enter
) -> None:
    write(editor)
    old = hidden(editor.open(REVIEW).text)
    owner = enter(Role.OWNER)
    write(owner, title="Unwind a tight back, mended")
    answer = editor.client.post(REVIEW, data=old | {"note": "My note."})
    assert (answer.status_code, "has changed since this page was opened" in words(answer)) == (409, True)
    assert "My note." in answer.text
    assert editor.press(REVIEW, note=NOTE).location == FIRST
    page = editor.open(f"/archive/{SLUG}/").text
    assert "Unwind a tight back, mended" in page
    assert "And ten minutes are enough." in page


def test_a_page_that_was_opened_before_the_issue_went_out_saves_no_correction(editor: Visitor) -> None:
    typed = form(editor, WRITE)
    answer = editor.client.post(WRITE, data=typed)
    assert (answer.status_code, "so its text stays as it is" in words(answer)) == (409, True)


def test_what_is_prepared_stands_on_the_issues_page_and_can_be_given_up(editor: Visitor, services: Services) -> None:
    write(editor, title="Another title")
    assert "A correction is being prepared." in editor.read(ISSUE)
    assert "Another title" not in editor.read("/desk/issues/")
    assert editor.press(REVIEW, f"{REVIEW}/discard").location == ISSUE
    assert "A correction is being prepared." not in editor.read(ISSUE)
    assert "The text is the same as in the archive." in editor.read(REVIEW)
    with services.sessions.reading() as session:
        assert issue_store.find(session, SLUG).title == "Unwind a tight back"


def test_the_note_is_kept_when_one_goes_back_to_the_text(editor: Visitor) -> None:
    fields = hidden(editor.open(REVIEW).text) | {"note": NOTE, "write": "1"}
    assert editor.client.post(f"{REVIEW}/note", data=fields).location == WRITE
    assert NOTE in editor.open(REVIEW).text


def test_a_correction_is_published_and_mailed_in_one_press_or_not_at_all(editor: Visitor, services: Services) -> None:
    write(editor)
    assert "3 readers who got it are still subscribed, with 1 copy in doubt." in editor.read(REVIEW)
    refused = editor.press(REVIEW, note="TK was wrong.", mail="1")
    assert refused.status_code == 409
    assert "Corrected." not in words(refused)
    assert addresses(services) == []
    assert "And ten minutes" not in editor.open(f"/archive/{SLUG}/").text
    assert editor.press(REVIEW, note=NOTE, mail="1").location == FIRST
    assert addresses(services) == [f"reader{number}@example.org" for number in range(3)]
    assert "The email about it is on its way to 3 readers." in editor.read(FIRST)


def test_pause_and_correct_is_one_press_and_sending_goes_on_from_the_corrections_page(
    editor: Visitor, services: Services
) -> None:
    with services.sessions.begin() as session:
        letter = issue_store.find(session, SLUG).letter
        letter.state, letter.finished_at = LetterState.RUNNING, None
    pause = f"{ISSUE}pause"
    assert f'action="{pause}"' in editor.open("/desk/").text
    assert f'action="{pause}"' in editor.open(f"/desk/reports/{SLUG}/").text
    assert editor.press(ISSUE, pause, then="correct").location == WRITE
    write(editor)
    assert editor.press(REVIEW, note=NOTE, mail="1").location == FIRST
    assert "It is paused, without this correction." in editor.read(FIRST)
    assert editor.press(FIRST, f"{ISSUE}resume").location == ISSUE
    assert "It is going out now." in editor.read(ISSUE)


def test_a_correction_being_written_does_not_get_in_the_way_of_pausing(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        letter = issue_store.find(session, SLUG).letter
        letter.state, letter.finished_at = LetterState.RUNNING, None
    fields = hidden(editor.open(ISSUE).text, f"{ISSUE}pause")
    write(editor)
    assert editor.client.post(f"{ISSUE}pause", data=fields).location == ISSUE


def test_an_issue_that_is_not_out_is_not_corrected(editor: Visitor) -> None:
    answer = editor.open(f"/desk/issues/{sample_services.WAITING}/corrections/new")
    assert (answer.status_code, "has not gone out yet" in words(answer)) == (409, True)
    typed = form(editor, f"/desk/issues/{sample_services.WAITING}/write")
    answer = editor.client.post(f"/desk/issues/{sample_services.WAITING}/write?correcting=1", data=typed)
    assert answer.status_code == 409


def test_the_page_says_who_gets_the_letter_and_the_button_does_that(corrected: Visitor, services: Services) -> None:
    page = corrected.read(LETTER)
    assert "This goes at once to the 3 readers who got “Unwind a tight back”, and to nobody else." in page
    assert "It is not known whether 1 copy among them arrived." in page
    assert "1 reader who got it, or may have, has unsubscribed or paused since" in page
    assert "Send the correction to 3 readers now" in page
    answer = corrected.press(LETTER, f"{FIRST}mail")
    assert answer.location == FIRST
    assert addresses(services) == [f"reader{number}@example.org" for number in range(3)]
    assert "On its way to 3 readers." in corrected.read(FIRST)


def test_the_segment_and_the_view_of_a_letter_are_chosen_one_beside_the_other(
    corrected: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        chosen = segments.save(session, find(session), "Friends", Rule(), now).id
    page = corrected.open(f"{LETTER}?segment={chosen}&view=text").text
    assert f'href="{LETTER}?{html.escape(f"segment={chosen}&view=dark")}#preview"' in page
    assert '<input type="hidden" name="view" value="text">' in page.partition('<form method="get"')[2]
    typed = hidden(page) | {"subject": "Correction: ten minutes", "body": "Ten minutes."}
    saved = corrected.client.post(f"{LETTER}?segment={chosen}&view=text", data=typed)
    assert saved.location == f"{LETTER}?segment={chosen}&view=text"


@pytest.fixture
def is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are so many readers that to count them takes a while."""
    monkeypatch.setattr(segments, "_LARGE", 1)


@pytest.mark.usefixtures("is_large")
def test_a_letter_to_many_is_shown_and_mailed_before_they_are_counted(corrected: Visitor, services: Services) -> None:
    page = corrected.open(f"{LETTER}?view=dark")
    assert "This goes at once to the readers who got “Unwind a tight back”, and to nobody else." in words(page)
    assert "Send the correction now" in words(page)
    counted_page = f"{LETTER}?counted=1&view=dark"
    assert page.text.count(html.escape(counted_page)) == 2
    counted = corrected.read(counted_page)
    assert "This goes at once to the 3 readers who got “Unwind a tight back”, and to nobody else." in counted
    assert "1 reader who got it, or may have, has unsubscribed or paused since" in counted
    assert corrected.client.post(f"{FIRST}mail", data=hidden(page.text, f"{FIRST}mail")).location == FIRST
    assert addresses(services) == [f"reader{number}@example.org" for number in range(3)]


@pytest.mark.usefixtures("is_large")
def test_a_correction_is_published_and_mailed_to_many_before_they_are_counted(
    editor: Visitor, services: Services
) -> None:
    write(editor)
    page = editor.open(REVIEW)
    assert "Count who got it and is still subscribed" in words(page)
    assert page.text.count(f"{REVIEW}?counted=1") == 2
    assert "Publish and email it to those who got it" in words(page)
    assert "3 readers who got it are still subscribed, with 1 copy in doubt." in editor.read(f"{REVIEW}?counted=1")
    assert editor.client.post(REVIEW, data=hidden(page.text) | {"note": NOTE, "mail": "1"}).location == FIRST
    assert len(addresses(services)) == 3


@pytest.mark.usefixtures("is_large")
def test_a_count_of_many_that_was_made_just_now_is_shown_at_once(
    corrected: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timed_cache, "_QUICK", 0.0)
    monkeypatch.setattr(timed_cache, "_SHARE", 1_000_000)
    assert "Count them" in corrected.read(LETTER)
    corrected.read(f"{LETTER}?counted=1")
    assert "Send the correction to 3 readers now" in corrected.read(LETTER)


def test_a_correction_that_nobody_would_get_is_neither_published_nor_mailed_in_one_press(
    editor: Visitor, services: Services
) -> None:
    write(editor)
    fields = hidden(editor.open(REVIEW).text) | {"note": NOTE, "mail": "1"}
    with services.sessions.begin() as session:
        session.execute(update(Subscription).values(status=Status.UNSUBSCRIBED))
    answer = editor.client.post(REVIEW, data=fields)
    assert (answer.status_code, "so there is nobody to send it to." in words(answer)) == (409, True)
    assert "And ten minutes" not in editor.open(f"/archive/{SLUG}/").text


def test_opening_every_page_of_a_correction_changes_nothing(corrected: Visitor, services: Services) -> None:
    before = sample_services.dump(services)
    for path in (WRITE, REVIEW, FIRST, LETTER, f"{LETTER}?view=dark", f"{LETTER}.html?view=text", f"{FIRST}progress"):
        assert corrected.open(path).status_code == 200, path
    assert sample_services.dump(services)["corrections"] == before["corrections"]
    assert sample_services.dump(services)["letters"] == before["letters"]


def test_its_words_are_kept_whatever_they_are_and_only_whole_ones_can_be_mailed(
    corrected: Visitor, services: Services
) -> None:
    answer = corrected.press(LETTER, subject="Short", body="Hello {{ surname }}\x00")
    assert answer.location == LETTER
    page = corrected.open(LETTER)
    assert "Hello {{ surname }}" in page.text
    assert "Subject has 5 characters" in words(page)
    assert 'Unknown field "surname"' in words(page)
    assert f'action="{FIRST}mail"' not in page.text
    assert corrected.client.post(f"{FIRST}mail", data={"seal": seal(page.text)}).status_code >= 400
    assert addresses(services) == []


def seal(page: str) -> str:
    found = re.search(r"seal=([0-9a-f]{64})", page)
    return found[1] if found else ""


def test_what_was_looked_at_is_what_is_mailed(corrected: Visitor, services: Services) -> None:
    old = hidden(corrected.open(LETTER).text, f"{FIRST}mail")
    corrected.press(LETTER, subject="Correction: ten minutes are enough", body="Ten minutes, we should have said.")
    answer = corrected.client.post(f"{FIRST}mail", data=old)
    assert (answer.status_code, "has changed since this page was opened." in words(answer)) == (409, True)
    assert addresses(services) == []
    corrected.press(LETTER, f"{FIRST}mail")
    assert "Ten minutes, we should have said." in corrected.open(f"{LETTER}.html").text


def test_a_second_press_mails_nothing_more(corrected: Visitor, services: Services) -> None:
    form = hidden(corrected.open(LETTER).text, f"{FIRST}mail")
    answers = [corrected.client.post(f"{FIRST}mail", data=form).status_code for _ in range(2)]
    assert answers == [303, 409]
    assert len(addresses(services)) == 3
    assert corrected.open(LETTER).status_code == 409


def test_a_paused_correction_is_followed_too(corrected: Visitor) -> None:
    corrected.press(LETTER, f"{FIRST}mail")
    corrected.press(FIRST, f"{FIRST}pause")
    page = corrected.open(FIRST).text
    assert f'data-hx-get="{FIRST}progress?state=paused"' in page
    assert "htmx.min.js" in page
    assert "HX-Refresh" not in corrected.open(f"{FIRST}progress?state=paused").headers


def test_it_is_paused_resumed_and_stopped_on_its_page(corrected: Visitor) -> None:
    corrected.press(LETTER, f"{FIRST}mail")
    for act, said in (
        ("pause", "Sending to those who got the issue is paused"),
        ("resume", "It is going out now"),
        ("stop", "Sending was stopped"),
    ):
        assert corrected.press(FIRST, f"{FIRST}{act}").location == FIRST
        assert said in corrected.read(FIRST)
    assert corrected.open(f"{FIRST}progress?state=running").headers["HX-Refresh"] == "true"
    assert "Sent in part, then stopped" in corrected.read(ISSUE)


def test_in_mid_send_the_page_says_who_gets_the_letter_at_once_and_who_after_their_copy(
    corrected: Visitor, services: Services
) -> None:
    with services.sessions.begin() as session:
        letter = issue_store.find(session, SLUG).letter
        letter.state, letter.finished_at = LetterState.RUNNING, None
        waiting = update(Copy).where(Copy.letter_id == letter.id, Copy.address == "reader3@example.org")
        session.execute(waiting.values(state=CopyState.PENDING))
    page = corrected.read(LETTER)
    assert "This goes at once to the 3 readers who got" in page
    assert "1 copy of it has not left yet, and goes out as first frozen, with the mistake." in page
    assert "Its reader gets the correction within a minute of it." in page
    assert corrected.press(LETTER, f"{FIRST}mail").location == FIRST
    assert "1 copy of the issue has not left yet. Its reader gets this within a minute of it." in corrected.read(FIRST)


@pytest.mark.usefixtures("corrected")
@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUTHOR])
def test_who_may_not_send_sees_the_correction_and_none_of_its_buttons(enter: Enter, role: Role) -> None:
    other = enter(role)
    assert NOTE in other.read(FIRST)
    assert "Email those who got the issue" not in other.read(FIRST)
    assert other.open(LETTER).status_code == 403
    assert other.client.post(f"{FIRST}mail").status_code == 403


def test_markup_in_a_note_is_printed_and_obeyed_nowhere(editor: Visitor) -> None:
    probe = '"><script>alert(1)</script>{{ name }}'
    assert amend(editor, probe).status_code == 303
    for path in (FIRST, LETTER, ISSUE, f"/archive/{SLUG}/", "/feed.xml", f"{LETTER}.html"):
        assert "<script>alert" not in editor.open(path).text, path


def test_each_number_of_its_letter_opens_to_the_readers_behind_it(corrected: Visitor) -> None:
    corrected.press(LETTER, f"{FIRST}mail")
    roll = f"/desk/reports/{SLUG}/corrections/1/copies"
    assert f'href="{roll}?state=pending"' in corrected.open(FIRST).text
    page = corrected.read(f"{roll}?state=pending")
    assert "reader2@example.org" in page
    assert "reader3@example.org" not in page
    sheet = corrected.open(f"{roll}.csv?state=pending")
    assert f'filename="{SLUG}-correction-1-pending.csv"' in sheet.headers["Content-Disposition"]
    assert len(sheet.text.splitlines()) == 1 + 3


def test_doubts_about_its_letter_are_decided_apart_from_those_about_the_issue(
    corrected: Visitor, services: Services
) -> None:
    corrected.press(LETTER, f"{FIRST}mail")
    with services.sessions.begin() as session:
        letter = select(Correction.letter_id).scalar_subquery()
        session.execute(update(Copy).where(Copy.letter_id == letter).values(state=CopyState.IN_DOUBT))
    assert "It is not known whether 3 copies arrived" in corrected.read(FIRST)
    assert corrected.press(f"{FIRST}doubts", decision="leave").location == FIRST
    assert "No copies are in doubt. Back to the correction" in corrected.read(f"{FIRST}doubts")
    assert "1 copy may have been sent" in corrected.read(f"{ISSUE}doubts")


@pytest.fixture
def approving(services: Services) -> None:
    """Issues are approved by a second person."""
    with services.sessions.begin() as session:
        find(session).requires_approval = True


@pytest.mark.usefixtures("approving")
def test_where_issues_are_approved_an_author_asks_and_an_editor_approves_publishes_and_mails_in_one_press(
    enter: Enter, services: Services
) -> None:
    author, editor = enter(Role.AUTHOR), enter(Role.EDITOR)
    write(author)
    fields = hidden(author.open(REVIEW).text) | {"note": NOTE, "ask": "1"}
    assert author.client.post(f"{REVIEW}/note", data=fields).location == REVIEW
    assert author.client.post(REVIEW, data=fields).status_code == 403
    assert sample_services.letters(services)[-1]["issue_title"] == "Correction of “Unwind a tight back”"
    assert "The correction of “Unwind a tight back” waits for approval." in editor.read("/desk/")
    assert "waits for approval" in editor.read("/desk/issues/")
    assert editor.open(f"{ISSUE}approval").location == REVIEW
    assert "Approve, publish and email it to 3 readers" in editor.read(REVIEW)
    assert editor.press(REVIEW, mail="1", note=NOTE).location == FIRST
    assert len(addresses(services)) == 3
    assert "waits for approval" not in editor.read("/desk/")
    assert "waits for approval" not in editor.read("/desk/issues/")


@pytest.mark.usefixtures("approving")
def test_whoever_wrote_it_does_not_approve_it_and_an_approval_is_void_once_it_is_changed(
    editor: Visitor, enter: Enter
) -> None:
    write(editor)
    fields = hidden(editor.open(REVIEW).text) | {"note": NOTE}
    assert editor.client.post(REVIEW, data=fields).status_code == 409
    assert editor.client.post(REVIEW, data=fields | {"approve": "1"}).status_code == 409
    editor.client.post(f"{REVIEW}/note", data=fields)
    owner = enter(Role.OWNER)
    assert owner.press(REVIEW, f"{ISSUE}approval/approve").location == f"{ISSUE}approval"
    assert "Approved by" in editor.read(REVIEW)
    write(editor)
    assert "It has changed since it was approved" in editor.read(REVIEW)
    owner.press(REVIEW, f"{ISSUE}approval/approve")
    assert editor.press(REVIEW, note=NOTE).location == FIRST
    assert "Another editor or owner has to send it." in editor.read(LETTER)
    assert owner.press(LETTER, f"{FIRST}mail").location == FIRST


@pytest.mark.usefixtures("approving")
def test_a_correction_that_is_sent_back_says_why_and_an_approval_can_be_withdrawn(
    editor: Visitor, enter: Enter
) -> None:
    write(editor)
    owner = enter(Role.OWNER)
    assert owner.press(REVIEW, f"{ISSUE}approval/approve").status_code == 303
    assert owner.press(REVIEW, f"{ISSUE}approval/withdraw").status_code == 303
    assert "Approved by" not in editor.read(REVIEW)
    answer = owner.press(REVIEW, f"{ISSUE}approval/send-back", comment=" ")
    assert "Say what needs fixing" in words(answer)
    owner.press(REVIEW, f"{ISSUE}approval/send-back", comment="Whose minutes?")
    assert "Sent back by owner@desk.example : Whose minutes?" in editor.read(REVIEW)


def test_a_colleague_who_worded_the_letter_first_is_noticed_and_neither_wording_is_lost(
    corrected: Visitor, enter: Enter
) -> None:
    mine = hidden(corrected.open(LETTER).text)
    enter(Role.OWNER).press(LETTER, subject="Correction: theirs it is", body="Their words.")
    answer = corrected.client.post(LETTER, data=mine | {"subject": "Correction: mine it is", "body": "My words."})
    assert answer.status_code == 409
    assert "My words." in answer.text
    assert "not saved" in words(answer)
    assert "Their words." in corrected.open(f"{LETTER}?view=text").text
    assert corrected.press(LETTER, subject="Correction: both it is", body="Their words, and mine.").location == LETTER


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("{{ name | Friend }}, unwind a tight back", "Correction: {{ name | Friend }}, unwind a tight back"),
        (
            "A subject as long as the line of an inbox is, to the very end of it and on",
            "Correction: Unwind a tight back",
        ),
    ],
)
def test_whatever_the_issues_subject_was_the_letter_can_be_mailed_as_it_is_proposed(
    editor: Visitor, services: Services, subject: str, expected: str
) -> None:
    with services.sessions.begin() as session:
        issue_store.find(session, SLUG).letter.subject = subject
    amend(editor)
    assert f'value="{expected}"' in html.unescape(editor.open(LETTER).text)
    assert editor.press(LETTER, f"{FIRST}mail").location == FIRST
