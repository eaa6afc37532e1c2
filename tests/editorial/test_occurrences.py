from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editorial.schedule import occurrences
from newsletter.i18n import formats
from newsletter.publications import Publication, Slot, WeekOff

BEFORE = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = st.sampled_from(
    ["UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Gaza"]
)
SLOTS = st.lists(
    st.builds(Slot, weekday=st.integers(0, 6), at=st.times(), time_zone=ZONES, since=st.just(BEFORE)),
    min_size=1,
    max_size=4,
)
# Around the Sundays of March and October 2027 on which clocks move, and a year later.
MOMENTS = st.datetimes(datetime(2027, 3, 1), datetime(2028, 4, 10), timezones=st.just(UTC))  # noqa: DTZ001
WEEKS_OFF = st.lists(
    st.builds(
        lambda first, days: WeekOff(first=first, last=first + timedelta(days), reason="Rest"),
        st.dates(date(2027, 2, 20), date(2028, 4, 20)),
        st.integers(0, 20),
    ),
    max_size=3,
)


def publication(slots: Sequence[Slot], weeks_off: Sequence[WeekOff] = ()) -> Publication:
    return Publication(slots=list(slots), weeks_off=list(weeks_off))


def weekly(weekday: int, at: str, time_zone: str = "Europe/Warsaw") -> Slot:
    return Slot(weekday=weekday, at=time.fromisoformat(at), time_zone=time_zone, since=BEFORE)


def told(moments: Sequence[datetime]) -> list[str]:
    return [formats.brief(at, "Europe/Warsaw") for at in moments]


@given(SLOTS, WEEKS_OFF, MOMENTS)
def test_moments_come_in_order_once_each_and_never_in_a_week_off(
    slots: list[Slot], weeks_off: list[WeekOff], after: datetime
) -> None:
    found = list(islice(occurrences.moments(publication(slots, weeks_off), after), 12))
    assert len(found) == 12
    assert all(earlier < later for earlier, later in pairwise([after, *found]))
    for at in found:
        days = {at.astimezone(ZoneInfo(slot.time_zone)).date() for slot in slots}
        assert any(not occurrences.off_reason(weeks_off, day) for day in days)


@given(SLOTS, WEEKS_OFF, MOMENTS)
def test_every_slot_has_each_of_its_weeks_unless_that_day_is_off(
    slots: list[Slot], weeks_off: list[WeekOff], after: datetime
) -> None:
    until = after + timedelta(weeks=5)
    found = {one.at for one in occurrences.counting_between(publication(slots, weeks_off), after, until)}
    for slot in slots:
        alone = [one.at for one in occurrences.counting_between(publication([slot]), after, until)]
        assert 4 <= len(alone) <= 6
        for at in alone:
            is_off = bool(occurrences.off_reason(weeks_off, at.astimezone(ZoneInfo(slot.time_zone)).date()))
            assert is_off or at in found


def test_two_slots_take_turns_across_the_night_when_the_clocks_move() -> None:
    both = publication([weekly(1, "09:00"), weekly(4, "17:30")])
    found = list(islice(occurrences.moments(both, datetime(2027, 3, 24, tzinfo=UTC)), 4))
    assert told(found) == [
        "Friday 26 March 17:30",
        "Tuesday 30 March 09:00",
        "Friday 2 April 17:30",
        "Tuesday 6 April 09:00",
    ]
    assert [at.hour for at in found] == [16, 7, 15, 7]


def test_a_slot_in_the_hour_that_is_skipped_comes_an_hour_later_and_keeps_its_week() -> None:
    found = list(islice(occurrences.moments(publication([weekly(6, "02:30")]), datetime(2027, 3, 22, tzinfo=UTC)), 2))
    assert told(found) == ["Sunday 28 March 03:30", "Sunday 4 April 02:30"]


def test_a_moment_that_two_slots_name_comes_once() -> None:
    twice = publication([weekly(1, "09:00"), weekly(1, "08:00", "UTC")])
    found = list(islice(occurrences.moments(twice, datetime(2026, 11, 20, tzinfo=UTC)), 2))
    assert told(found) == ["Tuesday 24 November 09:00", "Tuesday 1 December 09:00"]


@pytest.mark.parametrize(("time_zone", "is_off"), [("Pacific/Apia", True), ("America/New_York", False)])
def test_a_week_off_is_meant_on_the_slots_own_calendar(time_zone: str, is_off: bool) -> None:
    # One moment: Sunday night in New York, Monday afternoon on Apia.
    off = WeekOff(first=date(2026, 11, 23), last=date(2026, 11, 29), reason="Autumn")
    slot = weekly(0, "17:00", time_zone) if is_off else weekly(6, "23:00", time_zone)
    first = next(occurrences.occurrences(publication([slot], [off]), datetime(2026, 11, 22, 20, tzinfo=UTC)))
    assert first.off == ("Autumn" if is_off else "")


def test_weeks_off_are_shown_with_their_reason_and_counted_by_nobody() -> None:
    christmas = WeekOff(first=date(2026, 12, 21), last=date(2027, 1, 3), reason="Christmas")
    home = publication([weekly(1, "09:00")], [christmas])
    after = datetime(2026, 12, 14, tzinfo=UTC)
    shown = [(formats.brief(one.at, "UTC"), one.off) for one in islice(occurrences.occurrences(home, after), 4)]
    assert shown == [
        ("Tuesday 15 December 08:00", ""),
        ("Tuesday 22 December 08:00", "Christmas"),
        ("Tuesday 29 December 08:00", "Christmas"),
        ("Tuesday 5 January 08:00", ""),
    ]
    assert told(list(islice(occurrences.moments(home, after), 2))) == [
        "Tuesday 15 December 09:00",
        "Tuesday 5 January 09:00",
    ]


def test_what_was_before_a_slot_was_made_is_not_its_own() -> None:
    slot = weekly(1, "09:00")
    slot.since = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    span = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)
    assert told([one.at for one in occurrences.counting_between(publication([slot]), *span)]) == [
        "Tuesday 1 December 09:00"
    ]
