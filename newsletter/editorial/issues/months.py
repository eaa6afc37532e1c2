"""Months on a publication's clocks: read from text such as `2026-12`, and bounded in UTC."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from newsletter.errors import Invalid
from newsletter.i18n import time_zones

_MONTHS = 12


def parse_month(text: str) -> date:
    """The first day of a month such as `2026-12`; Invalid if it is none."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        first = None
    if first is None or first.year not in time_zones.YEARS:
        raise Invalid("Choose a month, written like 2026-12.")
    return first


def shift_month(first: date, by: int) -> date:
    """The first day of the month that many months later, or earlier for a negative number."""
    year, month = divmod(first.year * _MONTHS + first.month - 1 + by, _MONTHS)
    return date(year, month + 1, 1)


def month_bounds(first: date, time_zone: str) -> tuple[datetime, datetime]:
    """When a month begins and when the next one does, in UTC."""
    begin, end = (
        datetime.combine(day, time.min, ZoneInfo(time_zone)).astimezone(UTC) for day in (first, shift_month(first, 1))
    )
    return begin, end
