from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editorial.schedule import weekly_slots
from newsletter.editorial.schedule.weekly_slots import WeeklySlot
from newsletter.errors import Invalid
from newsletter.i18n import formats

ZONES = st.sampled_from(
    [
        *("UTC", "Europe/Warsaw", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu", "Asia/Tehran"),
        *("Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kwajalein", "Africa/Casablanca"),
        *("Antarctica/Troll", "America/St_Johns", "Africa/Monrovia", "Asia/Gaza"),
    ]
)
SLOTS = st.builds(WeeklySlot, st.integers(0, 6), st.times(), ZONES)
MOMENTS = st.datetimes(datetime(1970, 1, 8), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
TUESDAYS = WeeklySlot(1, time(9), "Europe/Warsaw")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_the_hour_on_the_wall_stays_when_the_clocks_change() -> None:
    slots = list(islice(weekly_slots.slots_after(TUESDAYS, utc(2026, 10, 19)), 2))
    assert slots == [utc(2026, 10, 20, 7), utc(2026, 10, 27, 8)]


def test_a_slot_is_strictly_after_the_moment() -> None:
    assert next(weekly_slots.slots_after(TUESDAYS, utc(2026, 11, 24, 7, 59))) == utc(2026, 11, 24, 8)
    assert next(weekly_slots.slots_after(TUESDAYS, utc(2026, 11, 24, 8))) == utc(2026, 12, 1, 8)


def test_an_hour_that_the_clocks_skip_is_taken_as_much_later() -> None:
    slot = WeeklySlot(6, time(2, 30), "Europe/Warsaw")
    at = next(weekly_slots.slots_after(slot, utc(2027, 3, 22)))
    assert formats.moment(at, "Europe/Warsaw") == "Sunday 28 March 2027 at 03:30 (Europe/Warsaw)"


@pytest.mark.parametrize("fold", [0, 1])
def test_of_an_hour_that_comes_twice_the_first_counts(fold: int) -> None:
    slot = WeeklySlot(6, time(2, 30, fold=fold), "Europe/Warsaw")
    slots = list(islice(weekly_slots.slots_after(slot, utc(2027, 10, 30)), 2))
    assert slots == [utc(2027, 10, 31, 0, 30), utc(2027, 11, 7, 1, 30)]


def test_a_slot_on_a_day_that_never_was_comes_the_day_after() -> None:
    fridays = WeeklySlot(4, time(9), "Pacific/Apia")
    at = next(weekly_slots.slots_after(fridays, utc(2011, 12, 29, 12)))
    assert formats.moment(at, "Pacific/Apia") == "Saturday 31 December 2011 at 09:00 (Pacific/Apia)"


@given(SLOTS, MOMENTS)
def test_slots_come_once_a_week_and_on_their_day(slot: WeeklySlot, moment: datetime) -> None:
    slots = list(islice(weekly_slots.slots_after(slot, moment), 4))
    gaps = [later - earlier for earlier, later in pairwise(slots)]
    assert moment < slots[0] <= moment + timedelta(days=9)
    assert all(timedelta(days=5, hours=20) <= gap <= timedelta(days=8, hours=4) for gap in gaps)
    assert len({at.astimezone(ZoneInfo(slot.time_zone)).date() for at in slots}) == 4
    assert all(at.tzinfo is UTC for at in slots)


@given(SLOTS, MOMENTS)
def test_the_hour_on_the_wall_is_kept_unless_the_clocks_skip_it(slot: WeeklySlot, moment: datetime) -> None:
    local = next(weekly_slots.slots_after(slot, moment)).astimezone(ZoneInfo(slot.time_zone))
    wall = datetime.combine(local, slot.at, local.tzinfo)
    skipped = wall.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != wall.replace(tzinfo=None)
    assert (
        (local.weekday(), local.time()) == (slot.weekday, slot.at.replace(fold=0)) or skipped or local.time() != slot.at
    )


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Europe/Warsav", "did you mean Europe/Warsaw?"),
        ("Europe", "there is no time zone"),
        ("", "write it like Europe/Warsaw"),
        ("/etc/passwd", "there is no time zone"),
        ("../../etc/passwd", "there is no time zone"),
        ("x\0", "there is no time zone"),
    ],
)
def test_an_unknown_time_zone_is_refused(zone: str, hint: str) -> None:
    with pytest.raises(Invalid) as refusal:
        WeeklySlot(1, time(9), zone)
    assert hint in str(refusal.value)


def test_a_slot_that_cannot_be_is_refused() -> None:
    with pytest.raises(Invalid, match="weekday 7 does not exist"):
        WeeklySlot(7, time(9), "UTC")
    with pytest.raises(Invalid, match="carries a time zone of its own"):
        WeeklySlot(1, time(9, tzinfo=UTC), "Europe/Warsaw")


def test_a_moment_is_described_in_full() -> None:
    assert formats.moment(utc(2026, 11, 24, 8), "Europe/Warsaw") == (
        "Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)"
    )


@pytest.mark.parametrize("text", ["2026-11-24T09:00", " 2026-11-24T09:00 ", "2026-11-24 09:00", "2026-11-24T09:00:00"])
def test_a_typed_moment_is_meant_on_the_clocks_of_the_zone(text: str) -> None:
    assert weekly_slots.parse_local(text, "Europe/Warsaw") == utc(2026, 11, 24, 8)


@pytest.mark.parametrize("text", ["2026-11-24T08:00Z", "2026-11-24T03:00-05:00", "2027-03-28T02:30+01:00"])
def test_a_typed_moment_with_an_offset_of_its_own_is_taken_as_it_is(text: str) -> None:
    assert weekly_slots.parse_local(text, "Europe/Warsaw") == datetime.fromisoformat(text)


def test_a_typed_hour_that_the_clocks_skip_is_refused_with_the_next_that_exists() -> None:
    with pytest.raises(Invalid, match=r"Sunday 31 March 2030 .* skip 02:30\. Choose 03:30"):
        weekly_slots.parse_local("2030-03-31T02:30", "Europe/Warsaw")


def test_of_a_typed_hour_that_comes_twice_the_first_is_meant() -> None:
    assert weekly_slots.parse_local("2026-10-25T02:30", "Europe/Warsaw") == utc(2026, 10, 25, 0, 30)


@pytest.mark.parametrize("text", ["", "soon", "2026-11-24", "20261124", "24.11.2026 09:00", "2026-13-01T09", "x\0" * 9])
def test_what_is_no_moment_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(weekly_slots.NoMoment, match="like 2026-11-24 09:00"):
        weekly_slots.parse_local(text, "Europe/Warsaw")


@pytest.mark.parametrize("text", ["0001-01-01T00:30", "9999-12-31T23:59-12:00", "9999-12-31T23:59Z"])
def test_a_year_beyond_the_calendar_is_no_crash(text: str) -> None:
    with pytest.raises(Invalid, match="too far away"):
        weekly_slots.parse_local(text, "Europe/Warsaw")


FIRST_OF_TWO = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_of_an_hour_that_comes_twice_it_is_said_which_of_the_two_is_meant() -> None:
    second = FIRST_OF_TWO + timedelta(hours=1)
    assert formats.moment(FIRST_OF_TWO, "Europe/Warsaw") == (
        "Sunday 25 October 2026 at 02:30 (Europe/Warsaw, the first of two, UTC+2)"
    )
    assert formats.brief(second, "Europe/Warsaw") == "Sunday 25 October 02:30 (the second of two, UTC+1)"
    assert weekly_slots.second_occurrence(FIRST_OF_TWO, "Europe/Warsaw") == second
    assert weekly_slots.second_occurrence(second, "Europe/Warsaw") is None
    assert weekly_slots.parse_local("2026-10-25 02:30+01:00", "Europe/Warsaw") == second


@pytest.mark.parametrize(
    "moment", [datetime(2026, 10, 25, 2, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC), FIRST_OF_TWO]
)
def test_nothing_is_said_of_an_hour_that_comes_once(moment: datetime) -> None:
    zone = "UTC" if moment == FIRST_OF_TWO else "Europe/Warsaw"
    assert formats.which_of_two(moment, zone) == ""
    assert weekly_slots.second_occurrence(moment, zone) is None


def test_a_weekly_slot_tells_of_the_night_on_which_its_hour_comes_twice() -> None:
    half_past_two = WeeklySlot(6, time(2, 30), "Europe/Warsaw")
    assert weekly_slots.repeated(half_past_two, datetime(2026, 9, 1, tzinfo=UTC)) == FIRST_OF_TWO
    assert weekly_slots.repeated(WeeklySlot(6, time(9), "Europe/Warsaw"), datetime(2026, 9, 1, tzinfo=UTC)) is None
