"""Slots and weeks off, as an editor changes them."""

import re
from datetime import datetime

import pytest

from newsletter.publications import find
from newsletter.wiring import Services
from tests.sample_services import Clock
from tests.web.desk.visits import Visitor, words

PAGE = "/desk/calendar/slots"
WEEKS_OFF = "/desk/calendar/weeks-off"
FRIDAY = {"weekday": "Friday", "at": "17:30", "time_zone": "America/New_York"}


def slots(services: Services) -> list[tuple[int, str, str]]:
    with services.sessions.reading() as session:
        return [(slot.weekday, f"{slot.at:%H:%M}", slot.time_zone) for slot in find(session).slots]


def weeks_off(services: Services) -> list[tuple[str, str, str]]:
    with services.sessions.reading() as session:
        return [(week.first.isoformat(), week.last.isoformat(), week.reason) for week in find(session).weeks_off]


def marked(page: str) -> list[str]:
    """The fields that are said to be wrong."""
    tags = re.findall(r"<(?:input|select)[^>]*aria-invalid[^>]*>", page)
    return [re.search(r'name="(\w+)"', tag)[1] for tag in tags]


def slot_id(services: Services) -> int:
    with services.sessions.reading() as session:
        return find(session).slots[0].id


def test_a_second_slot_in_a_zone_of_its_own_shows_everywhere(editor: Visitor, services: Services) -> None:
    assert editor.press(PAGE, PAGE, **FRIDAY).location == PAGE
    assert slots(services) == [(1, "09:00", "Europe/Warsaw"), (4, "17:30", "America/New_York")]
    assert "Friday 20 November 17:30" in editor.read("/desk/calendar/")
    assert "by email, every Tuesday and Friday." in words(editor.client.get("/subscribe"))


def test_a_slot_moves_and_counts_from_now_on(editor: Visitor, services: Services, now: datetime) -> None:
    editor.press(PAGE, f"{PAGE}/{slot_id(services)}", **FRIDAY)
    assert slots(services) == [(4, "17:30", "America/New_York")]
    with services.sessions.reading() as session:
        assert find(session).slots[0].since == now


def test_saving_a_slot_as_it_is_leaves_it_as_old_as_it_is(editor: Visitor, services: Services, clock: Clock) -> None:
    clock.turn(hours=1)
    same = {"weekday": "Tuesday", "at": "09:00", "time_zone": "Europe/Warsaw"}
    with services.sessions.reading() as session:
        before = find(session).slots[0].since
    editor.press(PAGE, f"{PAGE}/{slot_id(services)}", **same)
    with services.sessions.reading() as session:
        assert find(session).slots[0].since == before


def test_the_last_slot_can_be_taken_away(editor: Visitor, services: Services) -> None:
    editor.press(PAGE, f"{PAGE}/{slot_id(services)}")
    form = {"csrf_token": ""}
    assert editor.client.post(f"{PAGE}/{slot_id(services)}/remove", data=form).status_code == 303
    assert slots(services) == []
    assert "No weekly slots yet" in editor.read(PAGE)
    assert "Nothing scheduled" in editor.read("/desk/calendar/")
    assert "by email, now and then." in words(editor.client.get("/subscribe"))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"time_zone": "Europe/Warsav"}, "did you mean Europe/Warsaw?"),
        ({"at": "9 o'clock"}, "Give a time like 09:00."),
        ({"weekday": "Someday"}, "Choose a day of the week."),
        (
            {"weekday": "Tuesday", "at": "09:00", "time_zone": "Europe/Warsaw"},
            "Tuesday at 09:00 (Europe/Warsaw) is already a slot.",
        ),
    ],
)
def test_a_slot_that_cannot_be_is_answered_in_its_form_and_stays_typed(
    editor: Visitor, services: Services, typed: dict[str, str], sentence: str
) -> None:
    answer = editor.press(PAGE, PAGE, **(FRIDAY | typed))
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert 'aria-describedby="slot-fault"' in answer.text
    assert marked(answer.text) == ([*typed] if len(typed) == 1 else [])
    assert len(slots(services)) == 1


def test_a_slot_that_a_colleague_took_away_is_told(editor: Visitor, services: Services) -> None:
    gone = f"{PAGE}/{slot_id(services)}"
    assert editor.client.post(f"{gone}/remove").status_code == 303
    answer = editor.client.post(gone, data=FRIDAY)
    assert answer.status_code == 404
    assert "Nothing was done" in words(answer)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({"first": "2026-12-21", "last": "2027-01-03"}, ("2026-12-21", "2027-01-03")),
        ({"first": "2026-12-22"}, ("2026-12-22", "2026-12-22")),
        ({"iso_week": "2026-w53"}, ("2026-12-28", "2027-01-03")),
        # It is Friday noon: today may still be made a day off.
        ({"first": "2026-11-20"}, ("2026-11-20", "2026-11-20")),
    ],
)
def test_days_off_are_a_range_a_day_or_a_week_by_its_number(
    editor: Visitor, services: Services, typed: dict[str, str], kept: tuple[str, str]
) -> None:
    assert editor.press(PAGE, WEEKS_OFF, reason=" Christmas ", **typed).status_code == 303
    assert weeks_off(services) == [(*kept, "Christmas")]
    assert "Christmas" in editor.read(PAGE)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"first": "2026-12-22", "last": "2026-12-21"}, "The last day is before the first."),
        ({"first": "2026-12-22", "last": "2028-12-21"}, "That is more than a year."),
        ({"first": "2026-11-02"}, "These days are in"),
        ({"first": "soon"}, "Give the days like 2026-12-24"),
        ({}, "Give the days like 2026-12-24"),
        ({"iso_week": "2026-W54"}, "Give a week like 2026-W52"),
        ({"iso_week": "Christmas"}, "Give a week like 2026-W52"),
        ({"first": "2026-12-22", "reason": "  "}, "Give a reason in"),
        ({"first": "2026-12-22", "reason": "x" * 121}, "Give a reason in"),
    ],
)
def test_days_that_cannot_be_off_are_answered_in_their_form(
    editor: Visitor, services: Services, typed: dict[str, str], sentence: str
) -> None:
    answer = editor.press(PAGE, WEEKS_OFF, **({"reason": "Christmas"} | typed))
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert len(marked(answer.text)) <= 1
    assert ("reason" in marked(answer.text)) == ("reason" in typed)
    assert weeks_off(services) == []


def test_the_same_days_are_off_once(editor: Visitor) -> None:
    editor.press(PAGE, WEEKS_OFF, first="2026-12-22", reason="Christmas")
    again = editor.press(PAGE, WEEKS_OFF, first="2026-12-22", reason="Christmas")
    assert (again.status_code, "These days are already off." in words(again)) == (422, True)


def test_a_scheduled_issue_within_days_off_still_goes_and_that_is_said(editor: Visitor) -> None:
    editor.press("/desk/issues/looser-by-degrees/", "/desk/issues/looser-by-degrees/schedule")
    editor.press(PAGE, WEEKS_OFF, first="2026-11-24", reason="A day of rest")
    assert "“Looser by degrees” is scheduled within it, and still goes out unless you unschedule it." in editor.read(
        PAGE
    )
    assert "Looser by degrees On Tuesday" in editor.read("/desk/calendar/")


def test_days_off_that_are_to_come_are_taken_away_whole_and_those_that_began_end_today(
    editor: Visitor, services: Services, clock: Clock
) -> None:
    editor.press(PAGE, WEEKS_OFF, first="2026-12-21", last="2026-12-31", reason="Christmas")
    editor.press(PAGE, WEEKS_OFF, first="2026-12-01", reason="A day")
    with services.sessions.reading() as session:
        day, christmas = (week.id for week in find(session).weeks_off)
    editor.press(PAGE, f"{WEEKS_OFF}/{day}/remove")
    assert weeks_off(services) == [("2026-12-21", "2026-12-31", "Christmas")]
    clock.turn(days=33)
    editor.sign_in("editor@desk.example")
    editor.client.post(f"{WEEKS_OFF}/{christmas}/remove")
    [(first, last, _)] = weeks_off(services)
    # It is Wednesday noon in Warsaw, where the slot is told.
    assert (first, last) == ("2026-12-21", "2026-12-23")
    assert "From Thursday 24 December 2026 on, slots are used again." in editor.read(PAGE)


def test_days_off_that_begin_tomorrow_are_taken_away_whole_late_in_the_day(
    editor: Visitor, services: Services, clock: Clock
) -> None:
    editor.press(PAGE, WEEKS_OFF, first="2026-11-21", last="2026-11-30", reason="A rest")
    clock.turn(hours=10, minutes=30)
    with services.sessions.reading() as session:
        [week] = find(session).weeks_off
    editor.client.post(f"{WEEKS_OFF}/{week.id}/remove")
    assert weeks_off(services) == []
    assert "From Saturday 21 November 2026 on, slots are used again." in editor.read(PAGE)


def test_a_slot_where_it_is_tomorrow_already_and_other_days_off_put_off_the_first_day_that_counts(
    editor: Visitor, services: Services
) -> None:
    # It is Friday noon in UTC, and Saturday in Kiritimati.
    editor.press(PAGE, PAGE, weekday="Monday", at="09:00", time_zone="Pacific/Kiritimati")
    editor.press(PAGE, WEEKS_OFF, first="2026-11-19", last="2026-11-24", reason="A rest")
    editor.press(PAGE, WEEKS_OFF, first="2026-11-22", last="2026-11-23", reason="A fair")
    with services.sessions.reading() as session:
        rest = find(session).weeks_off[0].id
    editor.client.post(f"{WEEKS_OFF}/{rest}/remove")
    assert weeks_off(services)[0][:2] == ("2026-11-19", "2026-11-21")
    assert "From Tuesday 24 November 2026 on, slots are used again." in editor.read(PAGE)
