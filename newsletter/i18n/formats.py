"""Formats: writes dates, times, numbers, durations and plurals for people, in a given language.

Dates, times and numbers follow the Unicode CLDR; whatever needs words follows the language's catalogue, or else the
English one. English is written one way, whatever its region: `Tuesday 24 November 2026 at 09:00`.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.lists import format_list

from newsletter.i18n.catalogue import ENGLISH, Catalogue

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
    local, locale = _local(instant, time_zone), _locale(language)
    if catalogue := _own_catalogue(language):
        written = dates.format_date(local, catalogue.day_of_year, locale)
    else:
        written = dates.format_skeleton("MMMMEEEEd", local, locale=locale)
    which = _in_brackets(which_of_two(instant, time_zone, language))
    return f"{written} {clock(local, language)}{which}"


def short_moment(instant: datetime, language: str = LANGUAGE) -> str:
    """`Tue 24 Nov 2026, 09:00 UTC`, for a line of a list."""
    written = dates.format_date(instant.astimezone(UTC), "EEE d MMM y", _locale(language))
    return f"{written}, {clock(instant.astimezone(UTC), language)} UTC"


def day(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`Tuesday 24 November 2026`, on the calendar of that zone."""
    return calendar_day(_local(instant, time_zone), language)


def calendar_day(day: date, language: str = LANGUAGE) -> str:
    """`Tuesday 24 November 2026`."""
    catalogue = _own_catalogue(language)
    return dates.format_date(day, catalogue.day if catalogue else "full", _locale(language))


def plain_day(day: date, language: str = LANGUAGE) -> str:
    """`24 November 2026`, without its weekday."""
    return dates.format_date(day, "long", _locale(language))


def clock(at: time | datetime, language: str = LANGUAGE) -> str:
    """`09:00`."""
    return dates.format_time(at.replace(tzinfo=None), "short", locale=_locale(language))


def weekday(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`Tuesday`, on the calendar of that zone."""
    return weekday_name(_local(instant, time_zone).weekday(), language)


def weekday_name(number: int, language: str = LANGUAGE) -> str:
    """`Monday` for 0."""
    return str(dates.get_day_names("wide", "stand-alone", _locale(language))[number])


def weekly(slot: Weekly, language: str = LANGUAGE) -> str:
    """`Tuesday at 09:00 (Europe/Warsaw)`."""
    name = weekday_name(slot.weekday, language)
    return f"{_joined(name, clock(slot.at, language), language)} ({slot.time_zone})"


def which_of_two(instant: datetime, time_zone: str, language: str = LANGUAGE) -> str:
    """`the first of two, UTC+2` for a time that occurs twice because the clocks go back; else empty."""
    local = _local(instant, time_zone)
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return ""
    words = _catalogue(language)
    return (words.second_of_two if local.fold else words.first_of_two).format(offset=_offset(local))


def every(weekdays: Collection[int], language: str = LANGUAGE) -> str:
    """`every Tuesday and Friday`; `now and then` for no day at all."""
    words = _catalogue(language)
    if not weekdays:
        return words.now_and_then
    names = [weekday_name(one, words.locale) for one in sorted(set(weekdays))]
    return words.every.format(days=format_list(names, locale=_locale(words.locale)))


def number(count: float, language: str = LANGUAGE) -> str:
    """`12,480`; a fraction is rounded to one decimal place."""
    return numbers.format_decimal(count, "#,##0.#", _locale(language))


def plural(count: int, one: str, other: str) -> str:
    """`one` or `other`, whichever English uses with that number."""
    return one if _locale(LANGUAGE).plural_form(count) == "one" else other


def counted(count: int, noun: str, language: str = LANGUAGE) -> str:
    """`1 copy`, `2 copies`, `12,480 readers`; the noun is one of the catalogue's."""
    words = _catalogue(language)
    form = words.nouns[noun][_locale(words.locale).plural_form(count)]
    return f"{number(count, words.locale)} {form}"


def duration(time: timedelta, language: str = LANGUAGE) -> str:
    """`about 3 hours 20 minutes`: rounded, in at most two units."""
    seconds, words = time.total_seconds(), _catalogue(language)
    if seconds < _MINUTE:
        return words.under_a_minute
    if seconds < _HOUR:
        parts = [(round(seconds / _MINUTE), "minute")]
    elif seconds < 2 * _DAY:
        minutes = round(seconds / _MINUTE / 10) * 10
        parts = [(minutes // 60, "hour"), (minutes % 60, "minute")]
    else:
        hours = round(seconds / _HOUR)
        parts = [(hours // 24, "day"), (hours % 24, "hour")]
    written = [counted(count, unit, language) for count, unit in parts if count or unit == parts[0][1]]
    return words.about.format(time=" ".join(written))


def rate(a_second: float, language: str = LANGUAGE) -> str:
    """`85 copies a second`, or `40 copies a minute` for a slower rate."""
    words = _catalogue(language)
    each, sentence = (a_second, words.a_second) if a_second >= 1 else (a_second * _MINUTE, words.a_minute)
    rounded = round(each, 1) if each < 10 else round(each)
    form = "one" if rounded == 1 else "other"
    return sentence.format(copies=f"{number(rounded, words.locale)} {words.nouns['copy'][form]}")


def _local(instant: datetime, time_zone: str) -> datetime:
    # By way of UTC, because a time that is in that zone already may be one that its clocks skip.
    return instant.astimezone(UTC).astimezone(ZoneInfo(time_zone))


def _day_and_time(instant: datetime, time_zone: str, language: str) -> str:
    local = _local(instant, time_zone)
    return _joined(calendar_day(local, language), clock(local, language), language)


def _joined(day: str, at: str, language: str) -> str:
    catalogue = _own_catalogue(language)
    return catalogue.day_and_time.format(day=day, time=at) if catalogue else f"{day}, {at}"


def _in_brackets(words: str) -> str:
    return words and f" ({words})"


def _offset(local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta()).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}{(rest and f':{rest:02}') or ''}"


def _own_catalogue(language: str) -> Catalogue | None:
    return ENGLISH if _locale(language).language == "en" else None


def _catalogue(language: str) -> Catalogue:
    return _own_catalogue(language) or ENGLISH


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    """The locale of a language tag (BCP 47); English for one that the CLDR does not know."""
    tag = language.replace("_", "-")
    for known in (tag, tag.partition("-")[0]):
        try:
            locale = Locale.parse(known, sep="-")
        except (ValueError, UnknownLocaleError):
            continue
        return locale if locale.language != "en" else Locale.parse(ENGLISH.locale)
    return Locale.parse(ENGLISH.locale)
