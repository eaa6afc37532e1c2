import ast
import html
import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from newsletter import publications
from newsletter.audience import erasures, reader_search, search_index
from newsletter.audience.models import Act, Channel, ConsentEvent, Status, Subscriber, Subscription, Wording
from newsletter.audience.segments import store as segments
from newsletter.audience.segments.rule import Condition, Rule
from newsletter.delivery.models import Copy, CopyState
from newsletter.editorial.issues import issue_store
from newsletter.editorial.schedule import slot_settings
from newsletter.editorial.schedule.weekly_slots import WeeklySlot
from newsletter.editors import Role
from newsletter.publications import Publication, find, first
from newsletter.web import desk
from newsletter.web.desk import words as desk_words
from newsletter.web.desk.readers import pages
from newsletter.wiring import Services
from newsletter.workflows import publish
from tests import sample_services
from tests.sample_services import OUT, WAITING, Clock
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, words


def test_the_five_words_lead_to_five_pages_and_the_current_one_is_marked(editor: Visitor) -> None:
    for word in ("issues", "calendar", "readers", "reports", "settings"):
        page = editor.open(f"/desk/{word}/")
        assert page.status_code == 200
        assert f'href="/desk/{word}/" aria-current="page"' in page.text


def test_no_page_hides_what_its_frame_calls_by_name() -> None:
    code = "\n".join(path.read_text() for path in Path(desk.__file__).parent.rglob("*.py"))
    calls = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    given = {word.arg for call in calls if ast.unparse(call.func) == "frame.page" for word in call.keywords}
    assert given & {"zone", *desk_words.context(), "counted", "plural", "asset", "links"} == {"zone"}


def test_the_empty_slot_is_in_sight_on_every_page(editor: Visitor) -> None:
    assert "Tuesday 24 November 09:00 No issue yet. Pick one 0 readers" in editor.read("/desk/account/")


def test_issues_stand_by_state_with_what_needs_a_person_first(editor: Visitor) -> None:
    page = editor.read("/desk/issues/")
    assert page.rindex("Going out now") < page.rindex("Under the hands") < page.index("Ready Select “Five reasons")


def test_one_state_can_be_looked_at_alone(editor: Visitor) -> None:
    page = editor.read("/desk/issues/?state=ready")
    assert "Looser by degrees" in page
    assert page.count("Under the hands") == 1  # in the frame, for it is going out
    assert "No issues are in this state" in editor.read("/desk/issues/?state=nonsense")


@pytest.mark.parametrize("slug", ["no-such-issue", "%00", "..%2fsettings"])
def test_an_unknown_issue_is_a_calm_page_within_the_desk(editor: Visitor, slug: str) -> None:
    answer = editor.open(f"/desk/issues/{slug}/")
    assert answer.status_code == 404
    assert "There is no" in words(answer)
    assert 'aria-label="Desk"' in answer.text


def test_an_unknown_address_is_a_calm_page_within_the_desk(editor: Visitor) -> None:
    answer = editor.open("/desk/no/such/page")
    assert answer.status_code == 404
    assert 'aria-label="Desk"' in answer.text


def test_a_slash_too_many_leads_to_the_page_all_the_same(editor: Visitor) -> None:
    for path in ("issues/snippets", "issues/bin", f"issues/{sample_services.WAITING}/note", "readers/add"):
        answer = editor.client.get(f"/desk/{path}/")
        # Not the same text to the letter: a form's token tells the second in which it was made.
        assert (answer.status_code, words(answer)) == (200, editor.read(f"/desk/{path}"))


def test_a_desk_without_a_publication_says_how_to_get_one(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        for table in reversed(Publication.metadata.sorted_tables):
            # Who is signed in stays so, and nobody can take a line out of the audit log.
            if table.name not in {"editors", "desk_sessions", "audit_log"}:
                session.execute(table.delete())
    for path in ("/desk/issues/", "/desk/calendar/", "/desk/readers/", "/desk/reports/", "/desk/settings/"):
        assert "newsletter issues load" in editor.read(path)
    assert editor.open("/desk/account/").status_code == 200


def test_the_preview_is_the_mail_written_to_a_sample_reader(editor: Visitor) -> None:
    mail = editor.open("/desk/issues/break-the-circle/preview.html")
    assert "Hello Alex" in mail.text
    assert "because this address is on the list." in mail.text
    assert "{{" not in mail.text
    text = editor.open("/desk/issues/break-the-circle/preview.txt")
    assert text.mimetype == "text/plain"
    assert "{{" not in text.text


def test_the_preview_has_no_power_over_the_desk(editor: Visitor) -> None:
    policy = editor.open(f"/desk/issues/{WAITING}/preview.html").headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert 'sandbox="allow-popups' in editor.open(f"/desk/issues/{WAITING}/").text


def test_the_preview_can_be_dark_and_without_pictures(editor: Visitor) -> None:
    assert "prefers-color-scheme: dark" not in editor.open(f"/desk/issues/{WAITING}/preview.html?view=dark").text
    bare = editor.open(f"/desk/issues/{WAITING}/preview.html?view=images-off")
    assert "img-src 'none'" in bare.headers["Content-Security-Policy"]


def test_a_scheduled_issue_is_previewed_as_it_was_frozen(editor: Visitor, services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        letter = publish.schedule_next(
            session, services.letters, issue_store.find(session, WAITING), now, grace=services.grace
        )
        letter.html = letter.html.replace("</body>", "FROZEN</body>")
    assert "FROZEN" in editor.open(f"/desk/issues/{WAITING}/preview.html").text


def test_what_is_typed_into_a_title_never_becomes_markup(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        issue_store.find(session, WAITING).title = "<script>alert(1)</script>"
    for path in ("/desk/issues/", f"/desk/issues/{WAITING}/", "/desk/calendar/", f"/desk/issues/{WAITING}/send"):
        page = editor.open(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_the_calendar_shows_eight_slots_and_when_the_clocks_move(enter: Enter, clock: Clock) -> None:
    clock.moment = datetime(2027, 3, 10, 12, tzinfo=UTC)
    page = enter(Role.VIEWER).read("/desk/calendar/")
    assert page.count("No issue for Tuesday yet") == 8
    assert "Clocks go forward on Sunday 28 March 2027: 09:00 CEST (07:00 UTC). Tuesday 30 March 09:00" in page


def test_a_slot_on_other_clocks_than_the_publications_names_them_when_they_change(
    enter: Enter, services: Services, clock: Clock
) -> None:
    viewer = enter(Role.VIEWER)
    with services.sessions.begin() as session:
        there = WeeklySlot(4, time(9), "America/New_York")
        slot_settings.add_slot(session, find(session), there, clock())
    clock.moment = datetime(2027, 10, 25, 12, tzinfo=UTC)
    viewer.sign_in("viewer@desk.example")
    page = viewer.read("/desk/calendar/")
    assert "Clocks go back on Sunday 31 October 2027: 09:00 CET (08:00 UTC). Tuesday 2 November 09:00" in page
    assert "Clocks in America/New_York go back on Sunday 7 November 2027: 09:00 EST (14:00 UTC). Friday 12" in page


def test_the_calendar_shows_what_fills_a_slot_and_what_stands_outside(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        publish.schedule_next(session, services.letters, issue_store.find(session, WAITING), now, grace=services.grace)
        publish.schedule(
            session, services.letters, issue_store.find(session, "break-the-circle"), now + timedelta(days=1), now
        )
    page = editor.read("/desk/calendar/")
    stray = "Saturday 21 November 13:00 When pain stays: ways out of the circle On Saturday 21 November 2026 at 13:00"
    assert stray in page
    assert "circle scheduled outside the weekly slots Tuesday 24 November 09:00 Looser by degrees" in page
    assert "Not scheduled Five reasons" in page


def test_readers_are_counted_found_and_narrowed(editor: Visitor, services: Services, now: datetime) -> None:
    people(services, now)
    page = editor.read("/desk/readers/")
    assert "All 2 " in page
    assert "Active 1 " in page
    found = editor.read("/desk/readers/?q=ADA")
    assert "ada@example.org" in found
    assert "bo@example.org" not in found
    assert "bo@example.org" in editor.read("/desk/readers/?status=unsubscribed")
    assert "No reader with “%” in address or name" in editor.read("/desk/readers/?q=%25")
    assert editor.open("/desk/readers/?q=%00&before=x&status=x").status_code == 200


def test_a_search_that_looks_at_too_many_readers_says_so_and_goes_on_by_a_link(
    editor: Visitor, services: Services, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(services, now)
    for name in ("BLOCK", "_FEWEST_BLOCKS", "_MOST_BLOCKS"):
        monkeypatch.setattr(search_index, name, 1)
    monkeypatch.setattr(reader_search, "_FEW_READERS", 0)
    monkeypatch.setattr(reader_search, "_MOST_LOOKED_AT", 1)
    with services.sessions.begin() as session:
        search_index.index_some(session)
    page = editor.open("/desk/readers/?q=example&status=active")
    assert "No active reader with “example” in address or name so far. The search stopped" in words(page)
    assert "older ones have not been searched yet" in words(page)
    (on,) = re.findall(r'href="([^"]+)">Search on', page.text)
    assert "More readers found ada@example.org" in editor.read(html.unescape(on))
    nobody_older = editor.read("/desk/readers/?q=example&status=active&before=1")
    assert "No other active reader with “example” in address or name." in nobody_older


def test_who_was_erased_is_said_to_whoever_looks_for_the_address(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        erasures.record_erasure(session, services.links.seal, "gone@reader.example", now)
    assert "was erased on Friday 20 November 2026. No import brings them back" in editor.read(
        "/desk/readers/?q=Gone@reader.example"
    )
    assert "was erased" not in editor.read("/desk/readers/?q=other@reader.example")
    assert "was erased" not in editor.read("/desk/readers/?q=gone")


def test_one_reader_is_a_whole_story(editor: Visitor, services: Services, now: datetime) -> None:
    ada = people(services, now)
    page = editor.read(f"/desk/readers/{ada}/")
    assert "Signed up by form from 203.0.113.0/24" in page
    assert "I want the weekly letter." in page
    assert "refused" in page
    assert "550 5.1.1 User unknown" in page
    assert editor.open("/desk/readers/999/").status_code == 404


def test_a_readers_copies_go_on_and_once_they_are_dropped_that_is_said(
    editor: Visitor, services: Services, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_COPIES", 1)
    ada = people(services, now)
    with services.sessions.begin() as session:
        letter = issue_store.find(session, OUT[1]).letter_id
        session.add(Copy(letter_id=letter, subscription_id=ada, address="ada@example.org", name="", not_before=now))
    page = editor.open(f"/desk/readers/{ada}/").text
    older = re.search(r'href="([^"]*before=\d+)[^"]*">Older copies', page)
    assert older
    assert "550 5.1.1 User unknown" not in page
    assert "550 5.1.1 User unknown" in editor.read(older[1])
    assert "Older copies" not in editor.read(older[1])
    with services.sessions.begin() as session:
        session.execute(delete(Copy))
    assert "No copies on record; those of old issues are deleted." in editor.read(f"/desk/readers/{ada}/")


def test_a_report_counts_its_copies_and_the_newest_report_comes_first(
    editor: Visitor, services: Services, now: datetime
) -> None:
    people(services, now)
    assert "Refused by the receiving server 1 Audience 1" in editor.read(f"/desk/reports/{OUT[0]}/")
    page = editor.read("/desk/reports/")
    assert page.rindex("Under the hands") < page.rindex("Unwind a tight back")
    assert editor.open("/desk/reports/?page=9").status_code == 200


def test_settings_tell_the_publication_and_the_team(editor: Visitor) -> None:
    page = editor.read("/desk/settings/")
    assert "Goes out Tuesday at 09:00 (Europe/Warsaw)" in page
    assert "editor@desk.example (you)" in page


def test_another_publication_is_one_choice_away(editor: Visitor, services: Services, now: datetime) -> None:
    sample_services.open_another_publication(services, now)
    assert "Looser by degrees" in editor.read("/desk/issues/")
    editor.client.post("/desk/publication", data={"publication": "other"})
    page = editor.read("/desk/issues/")
    assert "No issues yet" in page
    assert "The Other Letter has no weekly slot" in page
    assert editor.client.post("/desk/publication", data={"publication": "none"}).status_code == 404


def test_a_viewer_sees_no_button_that_is_not_theirs(enter: Enter) -> None:
    page = enter(Role.VIEWER).open(f"/desk/issues/{WAITING}/").text
    assert page.count("<form") == 1  # to sign out


def test_each_page_has_one_heading_a_title_and_a_place_to_skip_to(editor: Visitor) -> None:
    for path in ("issues/", f"issues/{WAITING}/", f"issues/{OUT[0]}/", "calendar/", "readers/", "reports/", "account/"):
        page = editor.open(f"/desk/{path}").text
        assert page.count("<h1") == 1
        assert 'href="#main"' in page
        assert 'id="main"' in page
        assert "style=" not in page
        assert "<script>" not in page


def people(services: Services, now: datetime) -> int:
    """Ada, who confirmed and whose copy was refused, and Bo, who left. Ada's subscription."""
    asked = ConsentEvent(act=Act.ASKED, channel=Channel.FORM, at=now, origin="203.0.113.0/24")
    asked.wording = Wording(sha256="0" * 64, text="I want the weekly letter.")
    with services.sessions.begin() as session:
        publication = first(session)
        ties = [
            Subscription(publication=publication, status=Status.ACTIVE, created_at=now, events=[asked]),
            Subscription(publication=publication, status=Status.UNSUBSCRIBED, created_at=now, left_at=now),
        ]
        for name, tie in zip(("ada", "bo"), ties, strict=True):
            person = Subscriber(email=f"{name}@example.org", key=f"{name}@example.org", created_at=now)
            person.subscriptions.append(tie)
            session.add(person)
        session.flush()
        letter = issue_store.find(session, OUT[0]).letter_id
        refused = {"state": CopyState.REFUSED, "code": 550, "reply": "5.1.1 User unknown", "ended_at": now}
        session.add(
            Copy(letter_id=letter, subscription_id=ties[0].id, address="ada@example.org", not_before=now, **refused)
        )
        return ties[0].id


def test_readers_are_exported_whole_or_a_segment_of_them(editor: Visitor, services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        for name in ("ada", "ben"):
            tie = Subscription(publication_id=1, status=Status.ACTIVE, created_at=now)
            key = f"{name}@reader.example"
            session.add(Subscriber(email=key, key=key, name="", created_at=now, subscriptions=[tie]))
        ben = Rule(conditions=(Condition.parse("status", "is", "paused"),))
        segment = segments.save(session, publications.find(session), "paused", ben, now)
    whole = editor.open("/desk/readers.csv")
    assert [line.partition(",")[0] for line in whole.text.splitlines()[1:]] == [
        "ada@reader.example",
        "ben@reader.example",
    ]
    assert 'filename="backpainhelp-readers.csv"' in whole.headers["Content-Disposition"]
    assert len(editor.open(f"/desk/readers.csv?segment={segment.id}").text.splitlines()) == 1
    for number in ("999", "0", "-1", "none", "9" * 30):
        assert editor.open(f"/desk/readers.csv?segment={number}").status_code == 404
