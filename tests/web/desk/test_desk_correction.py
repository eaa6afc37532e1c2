import html
import re

import pytest
from sqlalchemy import select, update

from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.audit import AuditEntry
from newsletter.delivery.models import Copy, CopyState, Letter, LetterState
from newsletter.editorial.issues import issue_store
from newsletter.editorial.models import Correction
from newsletter.editors import Role
from newsletter.publications import find
from newsletter.wiring import Services
from tests import sample_services
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

SLUG = sample_services.OUT[0]
ISSUE = f"/desk/issues/{SLUG}/"
AMEND = f"{ISSUE}corrections/new"
FIRST = f"{ISSUE}corrections/1/"
LETTER = f"{FIRST}letter"
NOTE = "We wrote ten hours; it is ten minutes."
STATES = (CopyState.SENT, CopyState.SENT, CopyState.IN_DOUBT, CopyState.REFUSED, CopyState.SENT)


@pytest.fixture
def services(services: Services, now) -> Services:
    """The first issue went out to five readers: two still read it, one may have got it, one did not, and one left."""
    with services.sessions.begin() as session:
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
    return services


@pytest.fixture
def corrected(editor: Visitor) -> Visitor:
    """An editor who has corrected the issue on the web."""
    assert amend(editor).status_code == 303
    return editor


def test_the_log_tells_which_correction_an_act_was_about(corrected: Visitor, services: Services) -> None:
    corrected.press(LETTER, subject="A new subject for it", body="We were wrong.\n")
    with services.sessions.reading() as session:
        acts = session.scalars(select(AuditEntry).where(AuditEntry.kind == "issue").order_by(AuditEntry.id)).all()
    told = [(act.act, act.details["correction"]) for act in acts]
    assert told == [("corrected it", 1), ("worded a correction's letter", 1)]


def text(visitor: Visitor) -> str:
    return html.unescape(re.search(r"<textarea[^>]*>\n(.*?)</textarea>", visitor.open(AMEND).text, re.DOTALL)[1])


def amend(visitor: Visitor, note: str = NOTE, **changed: str):
    fields = {"note": note, "source": text(visitor) + "\nAnd ten minutes are enough.\n"} | changed
    return visitor.client.post(AMEND, data=hidden(visitor.open(AMEND).text) | fields)


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
    ("changed", "sentence"),
    [
        ({"note": " "}, "Say what changed; readers see it above the text."),
        ({"note": "x" * 700}, "That is 700 characters; the limit is 600. Shorten it."),
        ({"source": "Only text."}, "Line 1: Front matter is missing"),
        ({"source": "---\ntitle: A\nsubject: A subject of it\nslug: elsewhere\n---\nText."}, "keeps its address"),
    ],
)
def test_what_cannot_be_shown_comes_back_as_it_was_typed_with_the_reason(
    editor: Visitor, services: Services, changed: dict[str, str], sentence: str
) -> None:
    answer = amend(editor, **changed)
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert all(typed.strip() in words(answer) or typed in answer.text for typed in changed.values())
    with services.sessions.reading() as session:
        assert session.scalars(select(Correction.id)).all() == []


def test_a_colleague_who_was_faster_is_noticed_and_the_text_to_go_on_from_is_both_put_together(
    corrected: Visitor, services: Services
) -> None:
    with services.sessions.reading() as session:
        mailed = issue_store.revision(session, issue_store.find(session, SLUG), 1).source
    fields = {"note": "Another.", "source": f"{mailed}\nMine.\n", "base": "1", "number": "1"}
    answer = corrected.client.post(AMEND, data=hidden(corrected.open(AMEND).text) | fields)
    assert answer.status_code == 409
    assert "has been corrected by somebody else." in words(answer)
    assert "<ins" in answer.text
    both = html.unescape(re.findall(r'id="source".*?>\n(.*?)</textarea>', answer.text, re.DOTALL)[0])
    assert both == f"{text(corrected)}\nMine.\n"
    again = hidden(answer.text) | {"note": "Another.", "source": both}
    assert corrected.client.post(AMEND, data=again).location == f"{ISSUE}corrections/2/"


def test_an_issue_that_is_not_out_is_not_corrected(editor: Visitor) -> None:
    answer = editor.open(f"/desk/issues/{sample_services.WAITING}/corrections/new")
    assert (answer.status_code, "has not gone out yet" in words(answer)) == (409, True)


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


def test_opening_every_page_of_a_correction_changes_nothing(corrected: Visitor, services: Services) -> None:
    before = sample_services.dump(services)
    for path in (AMEND, FIRST, LETTER, f"{LETTER}?view=dark", f"{LETTER}.html?view=text", f"{FIRST}progress"):
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


def test_where_issues_are_approved_the_letter_waits_for_another_editor(
    corrected: Visitor, services: Services, enter: Enter
) -> None:
    with services.sessions.begin() as session:
        find(session).requires_approval = True
    form = hidden(corrected.open(LETTER).text) | {"seal": seal(corrected.open(LETTER).text)}
    assert "Another editor or owner has to send it." in corrected.read(LETTER)
    assert corrected.client.post(f"{FIRST}mail", data=form).status_code == 409
    assert enter(Role.OWNER).press(LETTER, f"{FIRST}mail").location == FIRST


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
