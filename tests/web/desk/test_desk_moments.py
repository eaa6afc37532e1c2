from datetime import UTC, datetime

import pytest

from newsletter.editorial.schedule import weekly_slots
from newsletter.errors import Invalid
from newsletter.web.desk.sending import moments

WARSAW = "Europe/Warsaw"


@pytest.mark.parametrize("text", ["", "2026-11-24T09:00", "x"])
def test_a_moment_that_our_page_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="choose them again"):
        moments.parse_instant(text)


def test_a_moment_survives_the_way_through_a_field() -> None:
    moment = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert weekly_slots.parse_local(moments.for_input(moment, WARSAW), WARSAW) == moment


def test_the_clocks_go_forward_in_march_and_back_in_october() -> None:
    march, april = datetime(2027, 3, 23, 8, tzinfo=UTC), datetime(2027, 3, 30, 7, tzinfo=UTC)
    assert moments.shift_direction(march, april, WARSAW) == "forward"
    assert moments.shift_direction(april, march, WARSAW) == "back"
