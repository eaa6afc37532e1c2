"""The preferred time of a contact request: a day and a time of day as somebody would type them, in the team's zone."""

from datetime import UTC, date, datetime, time

import pytest

from newsletter.engagement import request_form
from newsletter.engagement.request_form import PreferredTime
from newsletter.errors import Invalid

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
WARSAW = "Europe/Warsaw"


@pytest.mark.parametrize(
    ("day", "at", "preferred_time"),
    [
        ("", "", PreferredTime()),
        ("2026-03-20", "", PreferredTime(date(2026, 3, 20))),
        (" 2026-03-20 ", "13:00", PreferredTime(date(2026, 3, 20), time(13))),
        ("2027-03-21", "23:59:59", PreferredTime(date(2027, 3, 21), time(23, 59))),
        ("2026-10-25", "02:30", PreferredTime(date(2026, 10, 25), time(2, 30))),
    ],
)
def test_a_day_alone_a_day_with_a_time_or_nothing_can_be_preferred(
    day: str, at: str, preferred_time: PreferredTime
) -> None:
    assert PreferredTime.parse(day, at, WARSAW, NOW) == preferred_time


@pytest.mark.parametrize(
    ("day", "at", "zone", "fault"),
    [
        ("2026-03-19", "", WARSAW, "from today on"),
        ("2026-03-20", "12:59", WARSAW, "still to come"),
        ("2026-03-20", "", "Pacific/Kiritimati", "from today on"),
        ("2027-03-22", "", WARSAW, "at most a year away"),
        ("9999-12-31", "23:59", WARSAW, "at most a year away"),
        ("2026-03-29", "02:30", WARSAW, "the clocks go forward"),
        ("", "10:00", WARSAW, "choose a day as well"),
        ("tomorrow", "", WARSAW, "like 2026-12-31"),
        ("2026-02-30", "", WARSAW, "like 2026-12-31"),
        ("20260401", "", WARSAW, "like 2026-12-31"),
        ("٢٠٢٦-٠٤-٠١", "", WARSAW, "like 2026-12-31"),
        ("2026-04-01", "25:00", WARSAW, "like 14:30"),
        ("2026-04-01", "10:00+02:00", WARSAW, "like 14:30"),
        ("2026-04-01", "noon", WARSAW, "like 14:30"),
    ],
)
def test_a_time_at_which_nobody_can_meet_is_refused_in_words(day: str, at: str, zone: str, fault: str) -> None:
    with pytest.raises(Invalid, match=fault):
        PreferredTime.parse(day, at, zone, NOW)


def test_a_message_is_trimmed_and_keeps_its_lines() -> None:
    assert request_form.clean_message(" \u200b One.\r\n\r\nTwo.\n ") == "One.\n\nTwo."
