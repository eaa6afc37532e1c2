"""The report of an issue, the readers behind each of its numbers, and what is decided about doubts."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from newsletter.audience import refusals
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.db import Sessions
from newsletter.delivery.bounces.record import Origin
from newsletter.delivery.bounces.report import Hardness, Kind, Reason, Recipient, Report
from newsletter.delivery.models import Copy, CopyNote, CopyState, Letter, LetterState, Note
from newsletter.delivery.reports import retention, stats
from newsletter.delivery.reports.provider_results import StoredResults
from newsletter.delivery.smtp.replies import printable
from newsletter.delivery.workers import heartbeat
from newsletter.editorial.models import Correction
from newsletter.editors import Role
from newsletter.web.desk import streams
from newsletter.web.desk.sending import progress_stream
from newsletter.wiring import Services
from newsletter.workflows import record_bounce
from tests import sample_services
from tests.originals import Fill
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, hidden, words

SLUG = "plain"
ISSUE, REPORT = f"/desk/issues/{SLUG}/", f"/desk/reports/{SLUG}/"
HOSTILE = '5.7.1 <script>alert("x")</script>\x1b[31m' + "long" * 100
FORMULA = "=HYPERLINK(1)@firm.example"


def with_an_issue(sessions: Sessions, folder: Path) -> None:
    """A plain issue on its way to eight readers, whose copies stand in different states."""
    made, now = sample_services.build(sessions, folder), sample_services.NOW
    sample_services.open_publication(made, now)
    addresses = [*(f"r{number}@gmail.com" for number in range(7)), FORMULA]
    with sessions.begin() as session:
        for address in addresses:
            tie = Subscription(publication_id=1, status=Status.ACTIVE, created_at=now)
            session.add(Subscriber(email=address, key=address, name="", created_at=now, subscriptions=[tie]))
    sample_services.send(made, "backpainhelp", SLUG, now)
    states = {
        0: (CopyState.REFUSED, 554, "5.7.1", HOSTILE),
        1: (CopyState.REFUSED, 550, "5.1.1", "5.1.1 no such user"),
        2: (CopyState.PENDING, 421, "4.7.0", "4.7.0 later"),
        3: (CopyState.IN_DOUBT, None, None, "the connection was lost"),
        4: (CopyState.IN_DOUBT, None, None, "the connection was lost"),
        5: (CopyState.SENT, 250, "2.0.0", "2.0.0 Ok"),
        7: (CopyState.SENT, 250, "2.0.0", "2.0.0 Ok"),
    }
    with sessions.begin() as session:
        copies = session.scalars(select(Copy).order_by(Copy.subscription_id)).all()
        for place, (state, code, status, reply) in states.items():
            told = {"state": state, "code": code, "status": status, "attempts": 1}
            told["reply"] = printable((reply or "").encode())
            put_off = state is CopyState.PENDING
            later = {"ended_at": None if put_off else now, "not_before": now + timedelta(minutes=20 * put_off)}
            session.execute(update(Copy).where(Copy.id == copies[place].id).values(told | later))
        session.add(CopyNote(copy_id=copies[5].id, kind=Note.COMPLAINED, at=now))


@pytest.fixture
def filled() -> Fill:
    return with_an_issue


def over(services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        session.execute(update(Copy).where(Copy.state == CopyState.PENDING).values(state=CopyState.SENT, ended_at=now))
        session.execute(update(Letter).values(state=LetterState.FINISHED, finished_at=now))


def copies(services: Services) -> dict[str, Copy]:
    with services.sessions.reading() as session:
        return {copy.address: copy for copy in session.scalars(select(Copy))}


def rows(answer: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer)))


def test_the_page_of_an_issue_on_its_way_says_what_holds_what_up(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        heartbeat.beat(session, "w", now)
    page = editor.read(ISSUE)
    assert "75% Measuring the rate." in page
    assert (
        "1 copy was deferred by the receiving server, and is tried again from Friday 20 November 2026 at 13:20" in page
    )
    assert "It is not known whether 2 copies arrived" in page
    assert "Refused 550 5.1.1 1 copy" in page
    assert "No worker" not in page


def test_what_a_server_says_is_shown_as_text(editor: Visitor) -> None:
    for path in (ISSUE, REPORT, f"{REPORT}copies?state=refused"):
        page = editor.open(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(" in page
        assert "\x1b" not in page


def test_every_number_opens_to_its_readers(editor: Visitor) -> None:
    opened = {
        "state=sent": 2,
        "state=refused": 2,
        "state=refused&said=550+5.1.1": 1,
        "state=refused&said=550+5.1.1&words=no+such+user": 1,
        "state=put_off": 1,
        "state=in_doubt": 2,
        "state=pending": 2,
        "note=complained": 1,
        "domain=firm.example": 1,
        "": 8,
    }
    shown = {asked: editor.open(f"{REPORT}copies?{asked}").text.count("row-mail") for asked in opened}
    assert shown == opened
    assert "next try Friday 20 November 2026 at 13:20" in editor.read(f"{REPORT}copies?state=put_off")


def test_what_was_said_of_a_sent_copy_later_is_shown_in_the_report_and_on_the_readers_page(
    editor: Visitor, services: Services, now: datetime
) -> None:
    copy = copies(services)["r5@gmail.com"]
    token = services.links.seal.seal_local_part("bounce", copy.id)
    said = f"550 5.1.1 The email account of {copy.address} does not exist <b>"
    gone = Recipient(copy.address, Hardness.HARD, Reason.USER_UNKNOWN, "5.1.1", "550", diagnostic=said)
    report = Report(Kind.BOUNCE, (gone,), f"bounce+{token}@bounces.example.org")
    with services.sessions.begin() as session:
        record_bounce.record_report(session, services.bounces, report, Origin("test:1", "pipe"), now)
    shown = editor.read(f"{REPORT}copies?note=bounced")
    assert said in shown
    assert "250" not in shown
    [heads, row] = rows(editor.open(f"{REPORT}copies.csv?note=bounced").text)
    assert dict(zip(heads, row, strict=True))["reply"] == f"550 5.1.1 userunknown {said}"
    page = editor.read(f"/desk/readers/{copy.subscription_id}/")
    assert "Bounced 550 5.1.1 userunknown" in page
    assert "the address gets no more mail" in page


@pytest.mark.parametrize(
    "asked", ["state=strange", "after=x", "after=-1", f"after={2**70}", "said=%00", "words=%00%00", "note=x"]
)
def test_strange_questions_get_a_page(editor: Visitor, asked: str) -> None:
    assert editor.open(f"{REPORT}copies?{asked}").status_code == 200


def test_a_long_list_goes_on_page_by_page(editor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.web.desk.reports.recipients._PAGE", 3)
    path, seen = f"{REPORT}copies?state=", []
    while path:
        page = editor.open(path).text
        seen.append(page.count("row-mail"))
        more = page.partition('class="btn btn-primary" href="')[2].partition('"')[0]
        path = more.replace("&amp;", "&")
    assert seen == [3, 3, 2]


def test_a_csv_file_holds_every_copy_and_no_formula(editor: Visitor) -> None:
    answer = editor.open(f"{REPORT}copies.csv")
    header, *lines = rows(answer.text)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="plain-copies.csv"'
    assert len(lines) == 8
    assert f"'{FORMULA}" in {line[header.index("address")] for line in lines}
    refused = rows(editor.open(f"{REPORT}copies.csv?state=refused").text)
    assert len(refused) == 3


def test_the_report_is_a_csv_file_too(editor: Visitor, services: Services, now: datetime) -> None:
    over(services, now)
    found = {(row[0], row[2]): row[3] for row in rows(editor.open(f"{REPORT}report.csv").text)}
    assert (found["copies", "audience"], found["copies", "sent"], found["copies", "complained"]) == ("8", "4", "1")
    assert found["this issue", "Delivered, of the audience"] == "0.5"


def test_only_editors_take_addresses_away(enter: Enter) -> None:
    viewer = enter(Role.VIEWER)
    assert viewer.open(f"{REPORT}copies.csv").status_code == 403
    assert "copies.csv" not in viewer.open(REPORT).text
    assert viewer.open(f"{REPORT}report.csv").status_code == 200


def test_a_report_compares_with_the_issues_before(editor: Visitor, services: Services, now: datetime) -> None:
    over(services, now)
    sample_services.send(services, "backpainhelp", "second", now + timedelta(hours=1))
    page = editor.read("/desk/reports/second/")
    assert "“Usual” is the median of the one before it." in page
    assert "Usual 50.00%" in page
    assert "This is the first issue that went out" in editor.read(REPORT)


def test_a_report_outlives_its_copies(editor: Visitor, services: Services, now: datetime) -> None:
    over(services, now)
    with services.sessions.begin() as session:
        session.execute(update(Copy).where(Copy.state == CopyState.IN_DOUBT).values(reason="settled: left in doubt"))
    before = rows(editor.open(f"{REPORT}report.csv").text)
    retention.drop_copies(services.sessions, 1)
    page = editor.read(REPORT)
    assert "The individual copies of this issue were deleted to save space." in page
    assert "gmail.com" in page
    assert rows(editor.open(f"{REPORT}report.csv").text) == before
    assert editor.open(f"{REPORT}copies").status_code == 409


def test_who_left_by_the_link_is_told(editor: Visitor, services: Services) -> None:
    reader = copies(services)["r5@gmail.com"].subscription_id
    path = sample_services.path_of(services.links.unsubscribe(reader, 1))
    editor.client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert "Unsubscribed 1" in editor.read(REPORT)
    assert "r5@gmail.com unsubscribed" in editor.read(f"{REPORT}leavers")
    assert "Nobody left" not in editor.read(f"{REPORT}leavers?before=99999")


def test_why_readers_left_is_told_with_the_issue_and_over_all(editor: Visitor, services: Services) -> None:
    reader = copies(services)["r5@gmail.com"].subscription_id
    path = sample_services.path_of(services.links.unsubscribe(reader, 1))
    for reason, way_back in (("", "undo"), ("Too <b>many</b> emails", "undo"), ("Ask a@x.example", "")):
        editor.client.post(path)
        editor.client.post(f"{path}/reason", data={"reason": reason})
        if way_back:
            editor.client.post(f"{path}/{way_back}")
    everything = editor.read("/desk/unsubscribed/")
    assert "“Ask a@x.example” r5@gmail.com , by the link in Plain" in everything
    assert "“Too <b>many</b> emails” r5@gmail.com" in everything
    assert everything.count("by the link in") == 2
    by_issue = editor.read(f"{REPORT}leavers")
    assert by_issue.count("r5@gmail.com") == 3
    assert by_issue.count("“") == 2


def test_corrections_are_told_with_what_became_of_their_letters(
    editor: Visitor, services: Services, now: datetime
) -> None:
    over(services, now)
    sample_services.send(services, "backpainhelp", "stands-for-the-letter", now + timedelta(hours=1))
    with services.sessions.begin() as session:
        told = {"issue_id": 1, "revision_number": 1, "author": "ann@desk.example", "writers": [], "made_at": now}
        words_of_it = {"subject": "Corrected", "body": "It is ten minutes."}
        session.add(Correction(number=1, note="Only on the web.", **told, **words_of_it))
        session.add(Correction(number=2, note="By mail, too.", letter_id=2, **told, **words_of_it))
    page = editor.read(REPORT)
    assert "Correction 1 , Friday 20 November 2026: Only on the web. On the web only." in page
    assert "By mail, too. Being sent: 0 sent of 8 copies." in page
    assert page.count("By mail, too.") == 1
    assert ["correction", now.isoformat(), "pending", "8"] in rows(editor.open(f"{REPORT}report.csv").text)


def test_an_issue_that_has_not_begun_has_no_report(editor: Visitor, services: Services, now: datetime) -> None:
    sample_services.stock(services, now)
    assert editor.open(f"/desk/reports/{sample_services.WAITING}/").status_code == 404
    assert editor.open(f"/desk/reports/{sample_services.WAITING}/copies").status_code == 409
    assert editor.open("/desk/reports/no-such-issue/").status_code == 404


def test_doubts_are_decided_one_by_one(editor: Visitor, services: Services) -> None:
    page = editor.open(f"{ISSUE}doubts")
    assert "2 copies may have been sent" in words(page)
    assert page.text.count("@backpainhelp.example&gt;") == 2
    one = copies(services)["r3@gmail.com"].id
    answer = decide(editor, "leave", copy=str(one))
    assert answer.location == f"{ISSUE}doubts"
    assert copies(services)["r3@gmail.com"].reason == "settled: left in doubt"
    assert decide(editor, "sent", copy=str(copies(services)["r4@gmail.com"].id)).location == ISSUE
    assert "No copies are in doubt." in editor.read(f"{ISSUE}doubts")


def test_all_doubts_are_sent_again_but_to_who_has_gone(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        gone = copies(services)["r4@gmail.com"].subscription_id
        session.execute(update(Subscription).where(Subscription.id == gone).values(status=Status.UNSUBSCRIBED))
    decide(editor, "resend", total="2")
    page = editor.read(ISSUE)
    assert "1 copy will be sent again, under the same Message-ID." in page
    assert "1 copy not sent again, because the reader has gone in the meantime." in page
    assert copies(services)["r3@gmail.com"].state is CopyState.PENDING
    assert copies(services)["r4@gmail.com"].state is CopyState.IN_DOUBT


@pytest.mark.parametrize(
    "fields", [{"total": "1"}, {}, {"total": "x"}, {"total": "2", "version": "0.0.old"}, {"copy": "999"}]
)
def test_a_decision_about_what_the_page_did_not_show_is_not_carried_out(
    editor: Visitor, services: Services, fields: dict[str, str]
) -> None:
    assert decide(editor, "resend", **fields).status_code in {404, 409}
    assert {copies(services)[f"r{number}@gmail.com"].state for number in (3, 4)} == {CopyState.IN_DOUBT}


def test_a_decision_has_to_be_one(editor: Visitor) -> None:
    answer = decide(editor, "burn", total="2")
    assert (answer.status_code, "Nothing was done" in words(answer)) == (400, True)


def test_a_viewer_sees_doubts_and_cannot_decide(enter: Enter) -> None:
    viewer = enter(Role.VIEWER)
    assert "Editors and owners decide; your role is viewer." in viewer.read(f"{ISSUE}doubts")
    assert viewer.client.post(f"{ISSUE}doubts", data={"decision": "leave"}).status_code == 403


def test_a_stream_tells_what_changed_and_ends_with_the_sending(
    editor: Visitor, services: Services, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_stream, "_EVERY", 0.05)
    monkeypatch.setattr(progress_stream, "_SECONDS", 600.0)
    answer = editor.client.get(f"{ISSUE}events", buffered=False)
    parts = iter(answer.response)
    first = next(parts).decode()
    assert first.startswith("event: progress\ndata: ")
    assert "75%" in first
    assert next(parts) == b":\n\n"
    over(services, now)
    assert [part for part in parts if part != b":\n\n"] == [b"event: over\ndata: \n\n"]
    answer.close()


def test_a_stream_is_short_so_that_a_browser_asks_again(editor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_stream, "_EVERY", 0.0)
    monkeypatch.setattr(progress_stream, "_SECONDS", 0.0)
    told = editor.open(f"{ISSUE}events").text
    assert told.count("event: ") == told.count("event: progress") == 1


def test_streams_leave_threads_for_pages_and_give_their_seats_back(
    editor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST", 1)
    for _ in range(2):
        taken = editor.client.get(f"{ISSUE}events", buffered=False)
        assert taken.status_code == 200
        assert editor.open(f"{ISSUE}events").status_code == 503
        # Whoever follows an issue takes no seat of those who download.
        sheet = editor.client.get(f"{REPORT}copies.csv", buffered=False)
        assert sheet.status_code == 200
        assert editor.open(f"{REPORT}report.csv").status_code == 503
        sheet.close()
        assert "75%" in words(editor.open(f"{ISSUE}progress?state=sending"))
        taken.close()


def test_nothing_is_streamed_of_what_is_not_being_sent(editor: Visitor, services: Services, now: datetime) -> None:
    assert editor.client.head(f"{ISSUE}events").status_code == 204
    over(services, now)
    assert editor.open(f"{ISSUE}events").status_code == 204


def test_the_list_tells_kept_accounts(editor: Visitor, services: Services, now: datetime) -> None:
    over(services, now)
    before = editor.read("/desk/reports/")
    assert stats.store_next(services.sessions)
    assert editor.read("/desk/reports/") == before
    assert "Plain sent Friday 20 November 2026 at 13:00 (Europe/Warsaw) 8 4 0 2 2 0 1 0 not counted" in before


def decide(editor: Visitor, decision: str, **fields: str) -> TestResponse:
    form = {"version": hidden(editor.open(f"{ISSUE}doubts").text)["version"], "decision": decision}
    return editor.client.post(f"{ISSUE}doubts", data=form | fields)


def test_the_readers_page_says_how_many_sign_ups_were_refused_and_why(
    editor: Visitor, services: Services, now: datetime
) -> None:
    assert "Refused sign-ups" not in editor.read("/desk/readers/")
    with services.sessions.begin() as session:
        refusals.add(session, {refusals.Reason.TRAP: 1204, refusals.Reason.WAIT: 8}, now)
    page = editor.read("/desk/readers/")
    assert "Refused sign-ups in 7 days: 1,212" in page
    assert page.index("Filled in the field that people cannot see") < page.index("Asked to wait")


def test_the_reports_page_shows_complaints_by_provider(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        letter = session.scalars(select(Letter.id).order_by(Letter.started_at.desc())).first()
        figures = {"gmail": [4210, 3, 0], "yahoo": [1200, 0, 6], "": [9, 0, 0]}
        session.add(StoredResults(letter_id=letter, settled_at=None, figures=figures))
    page = editor.read("/desk/reports/")
    assert page.count("not told") == 2
    assert "0.50% too many" in page
    assert "All others" in page
