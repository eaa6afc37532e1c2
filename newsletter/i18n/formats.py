"""Formats: writes dates, times, numbers, durations and plurals for people, in a given language.

Dates, times and numbers follow the Unicode CLDR; whatever needs words follows the language's catalogue, or else the
English one. English is written one way, whatever its region: `Tuesday 24 November 2026 at 09:00`.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.lists import format_list

from newsletter.i18n import messages, time_zones
from newsletter.i18n.english import DAY, DAY_OF_YEAR, NOUNS
from newsletter.i18n.locales import locale_of
from newsletter.i18n.messages import gettext, pgettext

LANGUAGE = "en"
"""The language of the desk and the command line."""

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


class Weekly(Protocol):
    """A time of the week (0 is Monday) in a time zone."""

    @property
    def weekday(self) -> int: ...
    @property
    def at(self) -> time: ...
    @property
    def time_zone(self) -> str: ...


def moment(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)`.

    A time that occurs twice says which of the two: `at 02:30 (Europe/Warsaw, the first of two, UTC+2)`.
    """
    which = ", ".join(filter(None, (time_zone, which_of_two(instant, time_zone, language))))
    return f"{_day_and_time(instant, time_zone, language)} ({which})"


def dated(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`Tuesday 24 November 2026 at 09:00`, for use where the zone is shown already, as beside a button."""
    return _day_and_time(instant, time_zone, language) + _in_brackets(which_of_two(instant, time_zone, language))


def brief(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`Tuesday 24 November 09:00`, for use where the year and the zone are shown already."""
    local, locale = _local(instant, time_zone), locale_of(language)
    if locale.language == "en":
        written = dates.format_date(local, DAY_OF_YEAR, locale)
    else:
        written = dates.format_skeleton("MMMMEEEEd", local, locale=locale)
    return f"{written} {clock_on(instant, time_zone, language)}"


def clock_on(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`09:00`, for use where the day and the zone are shown already; `02:30 (the first of two, UTC+2)`."""
    which = _in_brackets(which_of_two(instant, time_zone, language))
    return f"{clock(_local(instant, time_zone), language)}{which}"


def short_moment(instant: datetime, language: str = LANGUAGE) -> str:
    """`Tue 24 Nov 2026, 09:00 UTC`, for a line of a list."""
    written = dates.format_date(instant.astimezone(UTC), "EEE d MMM y", locale_of(language))
    return f"{written}, {clock(instant.astimezone(UTC), language)} UTC"


def day(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`Tuesday 24 November 2026`, on the calendar of that zone."""
    return calendar_day(_local(instant, time_zone), language)


def calendar_day(day: date, language: str = LANGUAGE) -> str:
    """`Tuesday 24 November 2026`."""
    locale = locale_of(language)
    return dates.format_date(day, DAY if locale.language == "en" else "full", locale)


def month(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`November 2026`, on the calendar of that zone."""
    return calendar_month(_local(instant, time_zone), language)


def calendar_month(day: date, language: str = LANGUAGE) -> str:
    """`November 2026`."""
    return dates.format_date(day, "LLLL y", locale_of(language))


def plain_day(day: date, language: str = LANGUAGE) -> str:
    """`24 November 2026`, without its weekday."""
    return dates.format_date(day, "long", locale_of(language))


def clock(at: time | datetime, language: str = LANGUAGE) -> str:
    """`09:00`."""
    return dates.format_time(at.replace(tzinfo=None), "short", locale=locale_of(language))


def full_hour(hour: int, language: str = LANGUAGE) -> str:
    """`07:00` for 7."""
    return clock(time(hour), language)


def weekday(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`Tuesday`, on the calendar of that zone."""
    return weekday_name(_local(instant, time_zone).weekday(), language)


def weekday_name(number: int, language: str = LANGUAGE) -> str:
    """`Monday` for 0."""
    return str(dates.get_day_names("wide", "stand-alone", locale_of(language))[number])


def weekly(slot: Weekly, language: str = LANGUAGE) -> str:
    """`Tuesday at 09:00 (Europe/Warsaw)`."""
    return _weekly(slot.weekday, slot.at, slot.time_zone, language)


@lru_cache(maxsize=256)
def _weekly(number: int, at: time, time_zone: str, language: str) -> str:
    return f"{_joined(weekday_name(number, language), clock(at, language), language)} ({time_zone})"


def which_of_two(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`the first of two, UTC+2` for a time that occurs twice because the clocks go back; else empty."""
    local = _local(instant, time_zone)
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return ""
    offset = time_zones.offset_of(local)
    if local.fold:
        return gettext("the second of two, %(offset)s", language, offset=offset)
    return gettext("the first of two, %(offset)s", language, offset=offset)


def every(weekdays: Collection[int], language: str = LANGUAGE) -> str:
    """`every Tuesday and Friday`; `now and then` for no day at all."""
    if not weekdays:
        return gettext("now and then", language)
    # In the form that follows "every", which in many languages is not that of a calendar.
    names = (
        pgettext("every", "Monday", language),
        pgettext("every", "Tuesday", language),
        pgettext("every", "Wednesday", language),
        pgettext("every", "Thursday", language),
        pgettext("every", "Friday", language),
        pgettext("every", "Saturday", language),
        pgettext("every", "Sunday", language),
    )
    days = word_list([names[one] for one in sorted(set(weekdays))], language)
    return gettext("every %(days)s", language, days=days)


def day_list(days: Collection[date]) -> str:
    """`1, 8 and 15 December`, or `29 December and 5 January`, in English and without the year."""
    several = sorted(set(days))
    if len({(day.year, day.month) for day in several}) > 1:
        return word_list([dates.format_date(day, "d MMMM", LANGUAGE) for day in several])
    return f"{word_list([str(day.day) for day in several])} {dates.format_date(several[0], 'MMMM', LANGUAGE)}"


def word_list(words: Sequence[str], language: str = LANGUAGE) -> str:
    """`Monday, Wednesday and Friday`."""
    return format_list(words, locale=_words_locale(language))


def number(count: float, language: str = LANGUAGE) -> str:
    """`12,480`; a fraction is rounded to one decimal place."""
    return numbers.format_decimal(count, "#,##0.#", locale_of(language))


def plural(count: int, one: str, other: str) -> str:
    """`one` or `other`, whichever English uses with that number."""
    return one if locale_of(LANGUAGE).plural_form(count) == "one" else other


def counted(count: int, noun: str) -> str:
    """`1 copy`, `2 copies`, `12,480 readers`, in English; the noun is one of NOUNS."""
    return f"{number(count)} {plural(count, noun, NOUNS[noun])}"


def duration(time: timedelta) -> str:
    """`about 3 hours 20 minutes`: rounded, in at most two units, in English."""
    seconds = time.total_seconds()
    if seconds < _MINUTE:
        return "less than a minute"
    if seconds < _HOUR:
        parts = [(round(seconds / _MINUTE), "minute")]
    elif seconds < 2 * _DAY:
        minutes = round(seconds / _MINUTE / 10) * 10
        parts = [(minutes // 60, "hour"), (minutes % 60, "minute")]
    else:
        hours = round(seconds / _HOUR)
        parts = [(hours // 24, "day"), (hours % 24, "hour")]
    written = [counted(count, unit) for count, unit in parts if count or unit == parts[0][1]]
    return f"about {' '.join(written)}"


def rate(a_second: float) -> str:
    """`85 copies a second`, or `40 copies a minute` for a slower rate, in English."""
    each, unit = (a_second, "second") if a_second >= 1 else (a_second * _MINUTE, "minute")
    rounded = round(each, 1) if each < 10 else round(each)
    return f"{number(rounded)} {'copy' if rounded == 1 else 'copies'} a {unit}"


def _local(instant: datetime, time_zone: str) -> datetime:
    # By way of UTC, because a time that is in that zone already may be one that its clocks skip.
    return instant.astimezone(UTC).astimezone(ZoneInfo(time_zone))


def _day_and_time(instant: datetime, time_zone: str, language: str) -> str:
    local = _local(instant, time_zone)
    return _joined(calendar_day(local, language), clock(local, language), language)


def _joined(day: str, at: str, language: str) -> str:
    has_words = messages.catalogue_of(language) is not None or locale_of(language).language == "en"
    return gettext("%(day)s at %(time)s", language, day=day, time=at) if has_words else f"{day}, {at}"


def _in_brackets(words: str) -> str:
    return words and f" ({words})"


def _words_locale(language: str) -> Locale:
    """The locale of the words that this language gets."""
    return locale_of(messages.catalogue_of(language) or messages.SOURCE)
