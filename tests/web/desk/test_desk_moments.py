from datetime import UTC, datetime, timedelta

import pytest

from newsletter.errors import Invalid
from newsletter.web.desk import moments

WARSAW = "Europe/Warsaw"


@pytest.mark.parametrize("text", ["2026-11-24T09:00", " 2026-11-24T09:00 ", "2026-11-24 09:00", "2026-11-24T09:00:00"])
def test_a_typed_moment_is_meant_on_the_clocks_of_the_zone(text: str) -> None:
    assert moments.typed(text, WARSAW) == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_an_hour_that_the_clocks_skip_is_refused_with_the_next_that_exists() -> None:
    with pytest.raises(Invalid, match=r"Sunday 28 March 2027 .* skip 02:30\. Choose 03:30"):
        moments.typed("2027-03-28T02:30", WARSAW)


def test_of_an_hour_that_comes_twice_the_first_is_meant() -> None:
    assert moments.typed("2026-10-25T02:30", WARSAW) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-11-24", "24.11.2026 09:00", "2026-11-24T09:00Z", "2026-13-01T09"])
def test_what_is_no_moment_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(Invalid, match="like 2026-11-24T09:00"):
        moments.typed(text, WARSAW)


def test_a_year_beyond_the_calendar_is_no_crash() -> None:
    with pytest.raises(Invalid, match="too far away"):
        moments.typed("0001-01-01T00:30", WARSAW)


@pytest.mark.parametrize("text", ["", "2026-11-24T09:00", "x"])
def test_a_moment_that_our_page_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="choose it again"):
        moments.handed_on(text)


def test_a_moment_survives_the_way_through_a_field() -> None:
    moment = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert moments.typed(moments.for_input(moment, WARSAW), WARSAW) == moment


def test_the_clocks_go_forward_in_march_and_back_in_october() -> None:
    march, april = datetime(2027, 3, 23, 8, tzinfo=UTC), datetime(2027, 3, 30, 7, tzinfo=UTC)
    assert moments.clocks_change(march, april, WARSAW) == timedelta(hours=1)
    assert moments.clocks_change(april, march, WARSAW) == -timedelta(hours=1)
