from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from newsletter.editorial.schedule import weekly_slots
from newsletter.errors import Invalid
from newsletter.web.desk.sending import moments

WARSAW, NEW_YORK = "Europe/Warsaw", "America/New_York"
utc = partial(datetime, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2026-11-24T09:00", "x", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_moment_that_our_page_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="choose them again"):
        moments.parse_instant(text)


def test_a_moment_survives_the_way_through_a_field() -> None:
    moment = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert weekly_slots.parse_local(moments.for_input(moment, WARSAW), WARSAW) == moment


@pytest.mark.parametrize(
    ("before", "after", "zone", "at", "direction"),
    [
        (utc(2026, 3, 24, 8), utc(2026, 3, 31, 7), WARSAW, utc(2026, 3, 29, 1), "forward"),
        (utc(2026, 10, 20, 7), utc(2026, 10, 27, 8), WARSAW, utc(2026, 10, 25, 1), "back"),
        (utc(2026, 3, 3, 14), utc(2026, 3, 10, 13), NEW_YORK, utc(2026, 3, 8, 7), "forward"),
        (utc(2026, 10, 27, 13), utc(2026, 11, 3, 14), NEW_YORK, utc(2026, 11, 1, 6), "back"),
        (utc(2026, 10, 25, 0, 59, 59), utc(2026, 10, 25, 1), WARSAW, utc(2026, 10, 25, 1), "back"),
    ],
)
def test_the_change_of_clocks_between_two_moments_is_found_to_the_minute(
    before: datetime, after: datetime, zone: str, at: datetime, direction: str
) -> None:
    change = moments.clock_change(before, after, zone)
    assert change
    assert (change.at, change.direction) == (at, direction)
    assert moments.clock_change(at, after, zone) is None
    assert moments.clock_change(before, at - timedelta(seconds=1), zone) is None
