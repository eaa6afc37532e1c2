"""Settings → Welcome series: what an editor chooses there is what new readers get."""

import html
from datetime import timedelta

import pytest
from sqlalchemy import update

from newsletter import publications
from newsletter.audience import series_readers
from newsletter.audience.models import Status, Subscriber, Subscription
from newsletter.delivery.models import Copy, CopyState
from newsletter.editors import Role
from newsletter.publications import Publication
from newsletter.wiring import Services
from newsletter.workflows import welcome_series
from tests.sample_services import NOW, OUT, WAITING
from tests.web.desk.conftest import Enter
from tests.web.desk.visits import Visitor, words

SERIES = "/desk/settings/series/"
ISSUES = "/desk/settings/series/issues"
READERS = "/desk/settings/series/readers"
FIRST, SECOND = OUT


def stored(services: Services) -> Publication:
    with services.sessions.reading() as session:
        return publications.find(session)


def press(editor: Visitor, issue: str, move: str) -> int:
    return editor.press(SERIES, ISSUES, issue=issue, move=move).status_code


def subscribe(services: Services, email: str) -> None:
    with services.sessions.begin() as session:
        reader = Subscriber(email=email, key=email, created_at=NOW)
        one = Subscription(subscriber=reader, publication_id=1, status=Status.ACTIVE, created_at=NOW, confirmed_at=NOW)
        session.add(one)


def test_issues_are_added_moved_and_removed_by_plain_buttons(editor: Visitor, services: Services) -> None:
    assert "No issues yet" in editor.read(SERIES)
    for slug in OUT:
        assert press(editor, slug, "add") == 303
    assert stored(services).series_issues == [FIRST, SECOND]
    assert press(editor, FIRST, "down") == 303
    assert stored(services).series_issues == [SECOND, FIRST]
    for _ in range(2):
        assert press(editor, FIRST, "up") == 303
    assert stored(services).series_issues == [FIRST, SECOND]
    assert press(editor, FIRST, "") == 303
    assert press(editor, FIRST, "up") == 409
    assert stored(services).series_issues == [SECOND]


@pytest.mark.parametrize("slug", [FIRST, "", "<script>", "a\0b", "x" * 200])
def test_an_issue_that_cannot_be_added_is_refused_with_the_reason(
    editor: Visitor, services: Services, slug: str
) -> None:
    press(editor, FIRST, "add")
    answer = editor.press(SERIES, ISSUES, issue=slug, move="add")
    assert answer.status_code in {400, 422}
    assert "<script>" not in answer.text
    assert stored(services).series_issues == [FIRST]


def test_an_issue_that_is_not_out_is_passed_over_and_the_page_says_so(editor: Visitor) -> None:
    press(editor, WAITING, "add")
    assert f"“{WAITING}” is not out, so it is passed over." in editor.read(SERIES)
    assert f'value="{WAITING}">' not in editor.open(SERIES).text.partition("Add an issue")[2]


def test_it_is_turned_on_only_with_an_issue_and_a_number_of_days(editor: Visitor, services: Services) -> None:
    answer = editor.press(SERIES, series_on="yes", series_days="3")
    assert (answer.status_code, "Add an issue first." in answer.text) == (422, True)
    press(editor, FIRST, "add")
    for days, fault in (
        ("0", "1 or more"),
        ("91", "90 or less"),
        ("two", "Give a whole number"),
        ("", "whole number"),
    ):
        answer = editor.press(SERIES, series_on="yes", series_days=days)
        assert (answer.status_code, fault in answer.text) == (422, True), days
    assert not stored(services).series_on
    assert editor.press(SERIES, series_on="yes", series_days="5").status_code == 303
    assert (stored(services).series_on, stored(services).series_days) == (True, 5)
    assert "On: 1 issue for new readers, one every 5 days." in editor.read("/desk/settings/")
    press(editor, FIRST, "remove")
    assert not stored(services).series_on


def test_readers_from_before_are_counted_and_then_added(editor: Visitor, services: Services) -> None:
    subscribe(services, "ada@a.example")
    press(editor, FIRST, "add")
    editor.press(SERIES, series_on="yes", series_days="3")
    assert "0 readers are in the series now" in editor.read(SERIES)
    asked = f"{SERIES}?segment="
    assert "1 reader would enter. Their first issue goes out on Saturday 21 November" in editor.read(asked)
    assert editor.press(asked, READERS).status_code == 303
    assert "1 reader is in the series now" in editor.read(SERIES)
    assert "in the series already" in editor.read(asked)


def test_the_page_shows_what_became_of_each_issue(editor: Visitor, services: Services) -> None:
    subscribe(services, "ada@a.example")
    press(editor, FIRST, "add")
    editor.press(SERIES, series_on="yes", series_days="3")
    assert "Not sent to anyone in the series yet" in editor.read(SERIES)
    saturday = NOW + timedelta(days=1)
    with services.sessions.begin() as session:
        series_readers.enter_all(session, publications.find(session), NOW)
    welcome_series.make_letters(services.sessions, services.letters, 1, saturday)
    with services.sessions.begin() as session:
        assert welcome_series.send_group(session, services.letters, 1, saturday)
    assert "0 copies sent, 1 waiting; 0 bounced, 0 complaints, 0 unsubscribed" in editor.read(SERIES)
    assert "ada@a.example" in editor.read(f"/desk/reports/{FIRST}/series/3/copies")
    assert "ada@a.example" in editor.open(f"/desk/reports/{FIRST}/series/3/copies.csv").text
    assert "0 copies sent, 1 waiting" in editor.read(f"/desk/reports/{FIRST}/")
    assert editor.open(f"/desk/reports/{SECOND}/series/3/copies").status_code == 404
    assert editor.open(f"/desk/reports/{FIRST}/series/1/copies").status_code == 404


def test_a_copy_in_doubt_is_decided_about(editor: Visitor, services: Services) -> None:
    test_the_page_shows_what_became_of_each_issue(editor, services)
    with services.sessions.begin() as session:
        session.execute(update(Copy).values(state=CopyState.IN_DOUBT, ended_at=NOW))
    doubts = f"/desk/issues/{FIRST}/series/3/doubts"
    assert "1 copy may have been sent" in editor.read(doubts)
    assert f'href="{doubts}"' in editor.open(SERIES).text
    assert editor.press(doubts, decision="resend").location == SERIES
    assert "0 copies sent, 1 waiting" in editor.read(SERIES)


def test_what_preflight_stops_is_named_with_the_reason(editor: Visitor, services: Services) -> None:
    press(editor, FIRST, "add")
    with services.sessions.begin() as session:
        publications.find(session).postal_address = ""
    assert "Preflight stops it, so it is passed over" in editor.read(SERIES)


def test_a_viewer_sees_it_and_changes_nothing(enter: Enter) -> None:
    viewer = enter(Role.VIEWER)
    assert "<form method" not in html.unescape(viewer.open(SERIES).text.partition("<main")[2])
    assert viewer.client.post(ISSUES, data={"issue": FIRST, "move": "add"}).status_code == 403
    assert "Off." in words(viewer.open(SERIES))
