"""The calendar's month view: days on the publication's clocks, and what each slot will do."""

from datetime import UTC, date, datetime, time
from functools import partial
from html import unescape

import pytest

from newsletter.editorial.issues import issue_store
from newsletter.editorial.issues.months import month_bounds, parse_month, shift_month
from newsletter.editorial.schedule import queue, slot_settings
from newsletter.errors import Invalid
from newsletter.publications import Publication, Slot, WeekOff, find
from newsletter.web.desk.sending.month_view import MonthDay, month_grid
from newsletter.wiring import Services
from newsletter.workflows import publish
from newsletter.workflows.calendar import CalendarEntry
from tests.sample_services import WAITING
from tests.web.desk.visits import Visitor, hidden, words

WARSAW, NEW_YORK, TOKYO, HAVANA = "Europe/Warsaw", "America/New_York", "Asia/Tokyo", "America/Havana"
MONTH = "/desk/calendar/?month="
at = partial(datetime, tzinfo=UTC)


def letter(*zones: str, language: str = "pl", off: WeekOff | None = None) -> Publication:
    """A publication in the first zone, with slots in the others."""
    slots = [Slot(weekday=1, at=time(9), time_zone=zone) for zone in zones[1:]]
    return Publication(time_zone=zones[0], language=language, slots=slots, weeks_off=[off] if off else [])


def days(
    month: date, *moments: datetime, zones: tuple[str, ...] = (WARSAW,), off: WeekOff | None = None
) -> list[MonthDay]:
    entries = [CalendarEntry(moment, zones[-1], None, is_slot=True) for moment in moments]
    return [day for week in month_grid(month, entries, letter(*zones, off=off)) for day in week if day]


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
    ("month", "zone", "said"),
    [
        (date(2026, 3, 1), WARSAW, ("02:00 CET", "03:00 CEST")),
        (date(2026, 10, 1), WARSAW, ("03:00 CEST", "02:00 CET")),
        (date(2026, 3, 1), NEW_YORK, ("02:00 EST", "03:00 EDT")),
        (date(2026, 11, 1), NEW_YORK, ("02:00 EDT", "01:00 EST")),
        (date(2027, 3, 1), HAVANA, ("00:00 CST", "01:00 CDT")),
        (date(2026, 4, 1), "Australia/Lord_Howe", ("02:00 UTC+11", "01:30 UTC+10:30")),
    ],
)
def test_a_change_of_clocks_tells_the_hour_before_and_after(month: date, zone: str, said: tuple[str, str]) -> None:
    assert [change.hours for day in days(month, zones=(zone,)) for change in day.changes] == [said]


def test_days_off_are_marked_and_named_where_they_begin() -> None:
    off = WeekOff(first=date(2026, 11, 28), last=date(2026, 12, 3), reason="Rest")
    december = days(date(2026, 12, 1), off=off)
    assert [one.day.day for one in december if one.off] == [1, 2, 3]
    assert [one.day.day for one in december if one.begins_off] == [1]
    assert [one.day.day for one in days(date(2026, 11, 1), off=off) if one.begins_off] == [28]


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
    weeks = month_grid(date(2026, 12, 1), [], letter(WARSAW, language=language))
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


def test_the_hours_of_a_month_in_which_clocks_change_name_the_clocks(editor: Visitor, services: Services) -> None:
    with services.sessions.begin() as session:
        off = (date(2027, 3, 6), date(2027, 3, 7))
        slot_settings.add_week_off(session, find(session), off, "Moving house", at(2026, 11, 20, 12))
    march = editor.read(f"{MONTH}2027-03")
    assert "Tuesday 23 March 2027 09:00 CET No issue yet" in march
    assert "Sunday 28 March 2027 Clocks go forward: 02:00 CET becomes 03:00 CEST." in march
    assert "Tuesday 30 March 2027 09:00 CEST No issue yet" in march
    assert "Saturday 6 March 2027 Off until Sunday 7 March 2027: Moving house" in march
    assert "CET" not in editor.read(f"{MONTH}2026-12")


def test_the_queue_is_beside_the_month_and_its_acts_lead_back_there(
    editor: Visitor, services: Services, now: datetime
) -> None:
    with services.sessions.begin() as session:
        for slug in (WAITING, "break-the-circle"):
            queue.add(session, issue_store.find(session, slug), now)
    page = editor.open(f"{MONTH}2026-12")
    assert "The queue sends “ Looser by degrees ” on Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)" in words(page)
    order = "/desk/calendar/order"
    with services.sessions.reading() as session:
        moved = issue_store.find(session, WAITING).id
    fields = hidden(page.text, order) | {"move": f"down-{moved}"}
    assert editor.client.post(order, data=fields).location.startswith(f"{MONTH}2026-12&pressed=down-")
    fill = "/desk/calendar/fill"
    assert (
        editor.client.post(fill, data=hidden(editor.open(f"{MONTH}2026-12").text, fill)).location == f"{MONTH}2026-12"
    )
    assert editor.press(f"{MONTH}2026-12", f"/desk/issues/{WAITING}/unqueue").location == f"{MONTH}2026-12"


def test_an_act_on_the_month_is_undone_there(editor: Visitor) -> None:
    moment = {"moment": "2026-11-24T08:00:00+00:00", "back": "2026-11"}
    scheduled = editor.press(f"/desk/issues/{WAITING}/schedule?at=2026-11-24T09:00", **moment)
    assert scheduled.location == f"{MONTH}2026-11"
    assert editor.press(scheduled.location, f"/desk/issues/{WAITING}/unschedule").location == scheduled.location


def test_the_months_are_a_year_ahead_and_back_to_the_first_issue(editor: Visitor) -> None:
    assert 'rel="next"' not in editor.open(f"{MONTH}2027-11").text
    assert "Nothing goes out in" in editor.read(f"{MONTH}2020-01")
    assert 'rel="prev"' not in editor.open(f"{MONTH}2020-01").text
    for month, why in (("2027-12", "Choose a month up to November 2027"), ("soon", "written like 2026-12")):
        answer = editor.open(MONTH + month)
        assert answer.status_code == 400
        assert why in answer.text
