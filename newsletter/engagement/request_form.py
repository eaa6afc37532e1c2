"""What a contact request may hold, checked field by field; each fault is a sentence for the person who typed it."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from newsletter import characters
from newsletter.errors import Invalid
from newsletter.i18n.messages import lazy_gettext

MOST_CHARACTERS = 5_000
_LATEST = timedelta(days=366)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d(?::\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PreferredTime:
    """The day, and perhaps the time, that would suit somebody; both are None for no preference."""

    day: date | None = None
    at: time | None = None

    @classmethod
    def parse(cls, day: str, at: str, time_zone: str, now: datetime) -> Self:
        """The time that was typed, in that zone; Invalid if it is past, too far away, or no time that exists."""
        zone = ZoneInfo(time_zone)
        found = cls(_parsed_day(day.strip(), now.astimezone(zone).date()), _parsed_time(at.strip()))
        if found.at is None:
            return found
        if found.day is None:
            raise Invalid(lazy_gettext("Please choose a day as well"))
        local = datetime.combine(found.day, found.at, zone)
        if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            raise Invalid(lazy_gettext("Please choose another time: the clocks go forward then, and skip this one"))
        if local.astimezone(UTC) < now:
            raise Invalid(lazy_gettext("Please choose a time that is still to come"))
        return found


def clean_message(text: str) -> str:
    """What was written, trimmed; Invalid if it is empty, too long, or contains control characters."""
    message = characters.clean_passage(text, lazy_gettext("your message"), MOST_CHARACTERS)
    if not message:
        raise Invalid(lazy_gettext("Please write what you would like to know"))
    return message


def _parsed_day(text: str, today: date) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise Invalid(lazy_gettext("Please give the day like 2026-12-31"))
    if not today <= day <= today + _LATEST:
        raise Invalid(lazy_gettext("Please choose a day from today on, and at most a year away"))
    return day


def _parsed_time(text: str) -> time | None:
    if not text:
        return None
    try:
        at = time.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        at = None
    if at is None:
        raise Invalid(lazy_gettext("Please give the time like 14:30"))
    return at.replace(second=0)
