"""The catalogue: the words that formats need beside those of the CLDR; a language without its own uses English."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language's words and plural forms."""

    locale: str
    """The CLDR locale whose rules fit these words; "en" alone would be American, with its 12-hour clock."""
    day: str
    """Patterns of the CLDR for a date with its weekday: with the year, and without it."""
    day_of_year: str
    day_and_time: str
    first_of_two: str
    second_of_two: str
    every: str
    now_and_then: str
    about: str
    under_a_minute: str
    a_second: str
    a_minute: str
    nouns: Mapping[str, Mapping[str, str]]
    """The forms of each noun by plural category (CLDR: zero, one, two, few, many, other)."""


def _nouns(plurals: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    return {noun: {"one": noun, "other": many} for noun, many in plurals.items()}


ENGLISH = Catalogue(
    locale="en_GB",
    day="EEEE d MMMM y",
    day_of_year="EEEE d MMMM",
    day_and_time="{day} at {time}",
    first_of_two="the first of two, {offset}",
    second_of_two="the second of two, {offset}",
    every="every {days}",
    now_and_then="now and then",
    about="about {time}",
    under_a_minute="less than a minute",
    a_second="{copies} a second",
    a_minute="{copies} a minute",
    nouns=_nouns(
        {
            "bounce": "bounces",
            "check": "checks",
            "complaint": "complaints",
            "copy": "copies",
            "day": "days",
            "email": "emails",
            "error": "errors",
            "hint": "hints",
            "hour": "hours",
            "issue": "issues",
            "line": "lines",
            "link": "links",
            "minute": "minutes",
            "note": "notes",
            "other domain": "other domains",
            "person": "people",
            "place": "places",
            "post": "posts",
            "problem": "problems",
            "reader": "readers",
            "recovery code": "recovery codes",
            "revision": "revisions",
            "test email": "test emails",
            "time": "times",
            "warning": "warnings",
            "week": "weeks",
            "word": "words",
        }
    ),
)
