"""English: the date patterns that the CLDR does not have, and the plurals of what the desk counts."""

from collections.abc import Mapping

DAY = "EEEE d MMMM y"
"""A date with its weekday, as a pattern of the CLDR; below it the same without the year."""
DAY_OF_YEAR = "EEEE d MMMM"

NOUNS: Mapping[str, str] = {
    "address": "addresses",
    "bounce": "bounces",
    "check": "checks",
    "click": "clicks",
    "comment": "comments",
    "complaint": "complaints",
    "copy": "copies",
    "day": "days",
    "character": "characters",
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
    "other issue": "other issues",
    "person": "people",
    "place": "places",
    "post": "posts",
    "problem": "problems",
    "reader": "readers",
    "ready issue": "ready issues",
    "recovery code": "recovery codes",
    "request": "requests",
    "revision": "revisions",
    "single email": "single emails",
    "test email": "test emails",
    "time": "times",
    "warning": "warnings",
    "week": "weeks",
    "word": "words",
}
