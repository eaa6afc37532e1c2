"""Dates, numbers, durations and plurals are written as the language does, and English in one way only."""

import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from newsletter.editorial.schedule.weekly_slots import WeeklySlot
from newsletter.i18n import formats
from newsletter.i18n.english import NOUNS

ROOT = Path(__file__).parents[2]
ZONE = "Europe/Warsaw"
NINE = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("language", ["en", "en-US", "en-GB", "EN", "klingon", "xx-Latn"])
def test_english_is_written_one_way_and_stands_in_for_a_language_that_is_not_known(language: str) -> None:
    assert formats.moment(NINE, ZONE, language) == "Tuesday 24 November 2026 at 09:00 (Europe/Warsaw)"
    assert formats.dated(NINE, ZONE, language) == "Tuesday 24 November 2026 at 09:00"
    assert formats.brief(NINE, ZONE, language) == "Tuesday 24 November 09:00"
    assert formats.day(NINE, ZONE, language) == "Tuesday 24 November 2026"
    assert formats.plain_day(NINE, language) == "24 November 2026"
    assert formats.weekly(WeeklySlot(1, time(9), ZONE), language) == "Tuesday at 09:00 (Europe/Warsaw)"
    assert formats.number(12480, language) == "12,480"


@pytest.mark.parametrize("language", ["de", "de-AT", "de-Latn"])
def test_a_german_date_is_german(language: str) -> None:
    assert formats.moment(NINE, ZONE, language) == "Dienstag, 24. November 2026 um 09:00 Uhr (Europe/Warsaw)"
    assert formats.brief(NINE, ZONE, language) == "Di., 24. November 09:00"
    assert formats.day(NINE, ZONE, language) == "Dienstag, 24. November 2026"
    assert formats.plain_day(NINE, language) == "24. November 2026"
    assert formats.weekly(WeeklySlot(1, time(9), ZONE), language) == "Dienstag um 09:00 Uhr (Europe/Warsaw)"


def test_a_number_is_grouped_as_the_language_does() -> None:
    assert formats.number(12480, "de") == "12.480"
    assert formats.number(2.5, "de") == "2,5"


def test_a_phrase_without_a_catalogue_is_english_throughout() -> None:
    assert formats.every([4, 1], "fr") == "every Tuesday and Friday"
    assert formats.moment(NINE, ZONE, "fr") == "mardi 24 novembre 2026, 09:00 (Europe/Warsaw)"


@pytest.mark.parametrize(
    ("language", "phrase"),
    [
        ("de", "jeden Dienstag und Freitag"),
        ("pl", "we wtorki i w piątki"),
        ("es", "todos los martes y viernes"),
    ],
)
def test_the_days_of_the_week_have_the_form_that_their_language_asks_for(language: str, phrase: str) -> None:
    assert formats.every([4, 1], language) == phrase


def test_the_days_of_a_week_are_a_list() -> None:
    assert formats.every([]) == "now and then"
    assert formats.every([2]) == "every Wednesday"
    assert formats.every([4, 0, 2, 0]) == "every Monday, Wednesday and Friday"


def test_a_long_time_is_given_in_two_units() -> None:
    assert formats.duration(timedelta(hours=3, minutes=18)) == "about 3 hours 20 minutes"


def test_a_short_moment_is_in_utc() -> None:
    assert formats.short_moment(datetime.fromisoformat("2026-11-24T10:00:00+01:00")) == "Tue 24 Nov 2026, 09:00 UTC"


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [(1, "copy", "1 copy"), (0, "copy", "0 copies"), (2, "person", "2 people"), (12480, "reader", "12,480 readers")],
)
def test_a_noun_has_the_form_that_its_number_asks_for(count: int, noun: str, words: str) -> None:
    assert formats.counted(count, noun) == words


def test_the_catalogue_has_each_noun_that_is_counted() -> None:
    files = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "newsletter").rglob("*.py")]
    asked = {
        noun
        for file in files
        for noun in re.findall(r"\bcounted\([^\"'\n]*, [\"']([a-z ]+)[\"']\)", file.read_text(encoding="utf-8"))
    }
    assert len(asked) > 10
    assert asked <= NOUNS.keys()


def test_no_other_module_writes_days_or_large_numbers_by_itself() -> None:
    files = [*(ROOT / "templates").rglob("*.*"), *(ROOT / "newsletter").rglob("*.py")]
    code = {file.name: file.read_text(encoding="utf-8") for file in files if "assets" not in file.parts}
    assert [name for name, text in code.items() if re.search(r"strftime|:%[aAbBp]\b|%[AB] |:,\}", text)] == []
