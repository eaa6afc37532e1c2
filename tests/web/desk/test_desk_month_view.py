"""The calendar's month view: days on the publication's clocks, and what each slot will do."""

from datetime import UTC, date, datetime
from functools import partial
from html import unescape

import pytest

from newsletter.editorial.issues import issue_store
from newsletter.editorial.issues.months import month_bounds, parse_month, shift_month
from newsletter.editorial.schedule import queue
from newsletter.errors import Invalid
from newsletter.publications import WeekOff, find
from newsletter.web.desk.sending.month_view import MonthDay, month_grid
from newsletter.wiring import Services
from newsletter.workflows import publish
from newsletter.workflows.calendar import CalendarEntry
from tests.sample_services import WAITING
from tests.web.desk.visits import Visitor

WARSAW, NEW_YORK, TOKYO, HAVANA = "Europe/Warsaw", "America/New_York", "Asia/Tokyo", "America/Havana"
MONTH = "/desk/calendar/?month="
at = partial(datetime, tzinfo=UTC)


def days(month: date, *moments: datetime, zones: tuple[str, ...] = (WARSAW,)) -> list[MonthDay]:
    entries = [CalendarEntry(moment, zones[-1], None, is_slot=True) for moment in moments]
    return [day for week in month_grid(month, entries, zones, "pl") for day in week if day]


@pytest.mark.parametrize(
    ("moment", "zones", "day"),
    [
        (at(2026, 12, 1, 22, 30), (WARSAW,), 1),  # 23:30 in Warsaw
        (at(2026, 12, 1, 23, 30), (WARSAW,), 2),  # 00:30 in Warsaw
        (at(2026, 12, 2, 4, 30), (WARSAW, NEW_YORK), 2),  # 23:30 on the 1st in New York
        (at(2026, 12, 1, 15, 30), (WARSAW, TOKYO), 1),  # 00:30 on the 2nd in Tokyo
        (at(2026, 11, 30, 23, 30), (WARSAW,), 1),
        (at(2026, 12, 31, 22, 59), (WARSAW,), 31),
    ],
)
def test_a_slot_is_on_its_day_by_the_publications_clocks(moment: datetime, zones: tuple[str, ...], day: int) -> None:
    assert [one.day.day for one in days(date(2026, 12, 1), moment, zones=zones) if one.entries] == [day]


@pytest.mark.parametrize(
    ("month", "zones", "changes"),
    [
        (date(2027, 3, 1), (WARSAW,), [(28, WARSAW, "forward")]),
        (date(2026, 10, 1), (WARSAW, WARSAW), [(25, WARSAW, "back")]),
        (date(2026, 11, 1), (WARSAW, NEW_YORK), [(1, NEW_YORK, "back")]),
        (date(2026, 12, 1), (WARSAW, TOKYO), []),
        # Havana skips midnight: the day that begins at 01:00 has the change.
        (date(2027, 3, 1), (HAVANA,), [(14, HAVANA, "forward")]),
    ],
)
def test_a_change_of_clocks_is_marked_on_its_day(
    month: date, zones: tuple[str, ...], changes: list[tuple[int, str, str]]
) -> None:
    found = [(day.day.day, one.time_zone, one.direction) for day in days(month, zones=zones) for one in day.changes]
    assert found == changes


@pytest.mark.parametrize(
    ("language", "first_week"),
    [
        ("pl", [None, 1, 2, 3, 4, 5, 6]),
        ("en", [None, 1, 2, 3, 4, 5, 6]),
        ("en-US", [None, None, 1, 2, 3, 4, 5]),
        ("pt_BR", [None, None, 1, 2, 3, 4, 5]),
        ("ar-EG", [None, None, None, 1, 2, 3, 4]),
        ("xx", [None, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_weeks_start_as_they_do_where_the_publication_is_read(language: str, first_week: list[int | None]) -> None:
    weeks = month_grid(date(2026, 12, 1), [], [WARSAW], language)
    assert [day and day.day.day for day in weeks[0]] == first_week
    assert {len(week) for week in weeks} == {7}


def test_a_month_is_bounded_on_its_own_clocks() -> None:
    assert month_bounds(date(2026, 10, 1), WARSAW) == (at(2026, 9, 30, 22), at(2026, 10, 31, 23))
    assert [shift_month(date(2026, 12, 1), by) for by in (1, -12)] == [date(2027, 1, 1), date(2025, 12, 1)]


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "0001-01", "9999-12", "2026-12-01", "२०२६-१२", "<b>"])
def test_an_invalid_month_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="written like 2026-12"):
        parse_month(text)


def test_each_day_says_what_went_out_and_what_will(editor: Visitor, services: Services, now: datetime) -> None:
    with services.sessions.begin() as session:
        publication = find(session)
        publication.weeks_off.append(WeekOff(first=date(2026, 12, 7), last=date(2026, 12, 13), reason="<i>Rest</i>"))
        queue.add(session, issue_store.find(session, WAITING), now)
        scheduled = issue_store.find(session, "break-the-circle")
        publish.schedule(session, services.letters, scheduled, at(2026, 11, 25, 23, 30), now)
    november, december = editor.read(f"{MONTH}2026-11"), editor.read(f"{MONTH}2026-12")
    assert "Friday 20 November 2026 today" in november
    assert "Friday 13 November 2026 13:00 Under the hands: how massage may ease a sore back" in november
    assert "Tuesday 24 November 2026 09:00 Looser by degrees from the queue" in november
    assert "Thursday 26 November 2026 00:30 When pain stays: ways out of the circle scheduled" in november
    assert "Tuesday 1 December 2026 09:00 No issue yet" in december
    assert "Tuesday 8 December 2026 09:00 Off: <i>Rest</i>" in unescape(december)
    assert "<i>Rest" not in editor.open(f"{MONTH}2026-12").text


def test_the_months_are_a_year_ahead_and_back_to_the_first_issue(editor: Visitor) -> None:
    assert 'rel="next"' not in editor.open(f"{MONTH}2027-11").text
    assert "Nothing goes out in" in editor.read(f"{MONTH}2020-01")
    assert 'rel="prev"' not in editor.open(f"{MONTH}2020-01").text
    for month, why in (("2027-12", "Choose a month up to November 2027"), ("soon", "written like 2026-12")):
        answer = editor.open(MONTH + month)
        assert answer.status_code == 400
        assert why in answer.text
