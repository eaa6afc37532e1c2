"""When the local hour that a reader chose comes, for an issue of a certain slot."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience import chosen_hour, delivery_hours
from newsletter.audience.chosen_hour import HOURS, DeliveryHour
from newsletter.audience.delivery_hours import DAY
from newsletter.audience.importing.column_fields import ColumnChoices
from newsletter.audience.importing.columns import ColumnLayout
from newsletter.audience.importing.headers import FieldKind
from newsletter.errors import Invalid

MINUTE = timedelta(minutes=1)
CHANGES = [
    # Days on which clocks change: in Europe, in America, on Lord Howe Island by half an hour, in Chile and in Egypt.
    *(datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 29), (10, 25), (3, 8), (11, 1), (4, 5), (10, 4))),
    *(datetime(2026, month, day, tzinfo=UTC) for month, day in ((4, 24), (10, 29), (9, 6), (4, 4))),
]


@pytest.mark.parametrize(
    ("zone", "slot", "hour", "arrives"),
    [
        # An ordinary day: the slot is 08:00 in Berlin.
        ("Europe/Berlin", "2026-11-24T07:00", 8, "2026-11-24T07:00"),  # the slot lies in that hour
        ("Europe/Berlin", "2026-11-24T07:30", 8, "2026-11-24T07:30"),  # so does this one
        ("Europe/Berlin", "2026-11-24T07:00", 9, "2026-11-24T08:00"),
        ("Europe/Berlin", "2026-11-24T07:00", 7, "2026-11-25T06:00"),  # 23 hours later
        ("Europe/Berlin", "2026-11-24T07:59", 7, "2026-11-25T06:00"),
        # From one end of the world to the other, and between the whole hours.
        ("Pacific/Pago_Pago", "2026-11-24T07:00", 8, "2026-11-24T19:00"),  # -11
        ("Pacific/Kiritimati", "2026-11-24T07:00", 8, "2026-11-24T18:00"),  # +14
        ("Asia/Kolkata", "2026-11-24T07:00", 13, "2026-11-24T07:30"),  # +5:30
        ("Asia/Kolkata", "2026-11-24T07:00", 12, "2026-11-24T07:00"),
        ("Asia/Kathmandu", "2026-11-24T07:00", 13, "2026-11-24T07:15"),  # +5:45
        ("America/St_Johns", "2026-11-24T07:00", 8, "2026-11-24T11:30"),  # -3:30
        # In spring Berlin has no hour 2: it begins when the clock skips it.
        ("Europe/Berlin", "2026-03-28T07:00", 2, "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-28T07:00", 3, "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-28T07:00", 7, "2026-03-29T05:00"),  # 22 hours later
        ("Australia/Lord_Howe", "2026-10-03T12:00", 2, "2026-10-03T15:30"),  # from 02:00 to 02:30
        # In autumn it has hour 2 twice: the first counts, unless the slot lies after it.
        ("Europe/Berlin", "2026-10-24T07:00", 2, "2026-10-25T00:00"),
        ("Europe/Berlin", "2026-10-25T00:30", 2, "2026-10-25T00:30"),
        ("Europe/Berlin", "2026-10-25T01:30", 2, "2026-10-25T01:30"),
        ("Europe/Berlin", "2026-10-24T02:00", 3, "2026-10-25T02:00"),  # 24 hours later, and not a minute more
        # Where the clock is put back by two hours, an hour may be 25 hours away: then a day has to do.
        ("Antarctica/Troll", "2026-10-24T03:00", 4, "2026-10-25T03:00"),
    ],
)
def test_an_issue_arrives_at_the_first_such_hour_at_or_after_its_slot(
    zone: str, slot: str, hour: int, arrives: str
) -> None:
    moments = delivery_hours.first_moments(datetime.fromisoformat(f"{slot}Z"), ZoneInfo(zone))
    assert moments[hour] == datetime.fromisoformat(f"{arrives}Z")


def minute_by_minute(slot: datetime, zone: ZoneInfo) -> dict[int, datetime]:
    """The same, told by a clock on the wall that is looked at each minute."""
    found: dict[int, datetime] = {}
    shown = slot.astimezone(zone).replace(tzinfo=None)
    for number in range(24 * 60):
        at = slot if number == 0 else (slot + number * MINUTE).replace(second=0, microsecond=0)
        before, shown = shown, at.astimezone(zone).replace(tzinfo=None)
        skipped = before.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        while skipped < shown:
            found.setdefault(skipped.hour, at)
            skipped += timedelta(hours=1)
        found.setdefault(shown.hour, at)
    return found


@given(
    st.sampled_from(sorted(available_timezones())),
    st.sampled_from(CHANGES),
    st.integers(-36 * 3_600, 36 * 3_600),
)
def test_around_every_change_of_a_clock_it_is_what_the_clock_on_the_wall_shows(
    name: str, day: datetime, seconds: int
) -> None:
    slot, zone = day + timedelta(seconds=seconds), ZoneInfo(name)
    moments = delivery_hours.first_moments(slot, zone)
    assert sorted(moments) == list(HOURS)
    assert all(slot <= at <= slot + DAY for at in moments.values())
    assert moments == dict.fromkeys(HOURS, slot + DAY) | minute_by_minute(slot, zone)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        ("Europe/Warsaw", "24"),
        ("Europe/Warsaw", "-1"),
        ("Europe/Warsaw", "8.5"),
        ("Europe/Warsaw", "٨"),
        ("Europe/Warsaw", "0" * 5_000 + "8"),
        ("Europe/Warsaw", "08"),
        ("Europe/Atlantis", "8"),
        ("", "8"),
        ("../../etc/passwd", "8"),
        ("Europe/Warsaw\0", "8"),
        ("Z" * 500, "8"),
    ],
)
def test_an_hour_that_does_not_exist_or_an_unknown_zone_is_refused(zone: str, hour: str) -> None:
    with pytest.raises(Invalid, match="from the list"):
        chosen_hour.parse(zone, hour)


def test_an_hour_needs_a_zone_and_no_hour_needs_none() -> None:
    assert chosen_hour.parse("Asia/Tokyo", "0") == DeliveryHour("Asia/Tokyo", 0)
    assert chosen_hour.parse("Europe/Atlantis", "") is None


@pytest.mark.parametrize(("hour", "zone"), [("25", "Asia/Tokyo"), ("7", ""), ("7", "Europe/Atlantis"), ("x" * 500, "")])
def test_a_list_whose_delivery_hour_does_not_exist_says_what_it_has_to_be(hour: str, zone: str) -> None:
    mapped = {"h": FieldKind.DELIVERY_HOUR, "z": FieldKind.DELIVERY_ZONE}
    layout = ColumnLayout.from_header(["email", "h", "z"], ColumnChoices(mapped))
    assert layout.delivery_hour(["ada@example.org", "7", "Asia/Tokyo"]) == DeliveryHour("Asia/Tokyo", 7)
    assert layout.delivery_hour(["ada@example.org", "", "Asia/Tokyo"]) is None
    with pytest.raises(Invalid, match="give an hour from 0 to 23, and a time zone such as Europe/Warsaw"):
        layout.delivery_hour(["ada@example.org", hour, zone])
