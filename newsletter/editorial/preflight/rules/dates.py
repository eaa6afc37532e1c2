"""Rules for dates in English text: weekdays must match, days and times must exist, years must be plausible."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from newsletter.editorial.preflight.context import CheckContext, SourceLine
from newsletter.editorial.preflight.findings import Finding, note, warning
from newsletter.editorial.preflight.registry import rule
from newsletter.i18n import formats

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAY = r"(?P<weekday>mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b\.?,?\s+"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_YEAR = r"(?:,?\s+(?P<year>\d{4})\b)?"
_DATES = (
    re.compile(rf"\b(?:{_WEEKDAY}(?:the\s+)?)?{_DAY}\s+(?:of\s+)?{_MONTH}{_YEAR}", re.IGNORECASE),
    re.compile(
        rf"\b(?:{_WEEKDAY})?{_MONTH}\s+(?:the\s+)?{_DAY}\b(?!\s*[:%]|\s+(?:people|of us|[a-z]{{3,}}s)\b){_YEAR}",
        re.IGNORECASE,
    ),
)
_FAR_YEAR = re.compile(rf"(?:\bin|\bsince|\bby|\bof|{_MONTH})\s+(?P<year>[2-9]\d{{3}})\b", re.IGNORECASE)
# As in 2026-02-30, 31/11/2026 and 31.11.2026; with a stroke either the day or the month may stand first.
_NUMERIC = re.compile(
    r"(?<![\d./-])(?:(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})|(?P<one>\d{1,2})(?P<mark>[./])(?P<two>\d{1,2})(?P=mark)"
    r"(?P<last>(?:19|20|21)?\d{2}))(?![\d/-]|\.\d)"
    r"|\b(?:on|until|till|by|from|to|am|bis|vom|ab) (?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?!\d)"
)
_HOURS = re.compile(
    # A minus between two hours is no sign.
    r"(?<![\d:.,/])(?<!(?<!\d[:.]\d\d)-)(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?![\d:]|\.\d)(?P<half>\s?[ap]\.?m\b)?"
    r"|(?<![\d:.,/-])(?P<bare>\d{1,2})\s?[ap]\.?m\b"
    r"|(?<![\d:.,/-])(?P<round>\d{1,2})\s(?:o['’]clock|Uhr)\b",
    re.IGNORECASE,
)
_AN_HOUR_FOLLOWS = re.compile(
    r"\b(?:at|from|until|till|by|before|after|around|about|starts?|begins?|opens?|closes?|doors|\w+days?|\d:\d\d"
    r"|\d:\d\d (?:to|and|or))[\s,]*(?:[-–—]\s*)?$|\d[:.]\d\d(?:\s?[ap]\.?m\.?)?\s*[-–—]\s*$",
    re.IGNORECASE,
)
_NO_HOUR_FOLLOWS = re.compile(
    r"\b(?:ratio|scale|odds|score\w*|won|lost|beat|led|psalms?|isaiah|genesis|exodus|proverbs|jeremiah|ezekiel|matthew"
    r"|luke|acts|job|numbers|kings|samuel|sura|runs?|ran|swam|walked|finished|lasts?|time of|video"
    r"|track)\b[^.!?]{0,20}$|\bin $",
    re.IGNORECASE,
)
_NO_HOUR_BEFORE = re.compile(
    r"\s*(?:min(?:ute)?s?|sec(?:ond)?s?|for\b|long|ratio|scale|win|victory|loss)\b", re.IGNORECASE
)
_DIGIT = re.compile(r"\d")
_FAR = 20
_NEAR = 45


@dataclass(frozen=True, slots=True)
class _Written:
    """A date as written; None for a part that is missing."""

    line: SourceLine
    place: int
    words: str
    weekday: int | None
    day: int
    month: int
    year: int | None

    def in_year(self, year: int) -> date | None:
        """The date in that year; None if there is no such day."""
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return None


@rule()
def weekdays_are_right(context: CheckContext) -> Iterator[Finding]:
    """A reader who comes on Tuesday the 25th, when the 25th is a Wednesday, comes in vain."""
    for written in _dates(context):
        meant = _meant(written, context)
        if written.weekday is not None and meant is not None and meant.weekday() != written.weekday:
            right = f"{formats.plain_day(meant)} is a {formats.weekday_name(meant.weekday())}"
            yield _finding(warning, written, f"“{written.words}”: {right}", "correct the weekday or the date")


@rule()
def days_and_hours_exist(context: CheckContext) -> Iterator[Finding]:
    """Nobody can come on the 31st of November, or at 25:00."""
    for written in _dates(context):
        if all(written.in_year(year) is None for year in ([written.year] if written.year else (2023, 2024))):
            yield _finding(warning, written, f"there is no {written.words}", "check a calendar")
    for line in context.lines:
        for found in _NUMERIC.finditer(line.text):
            if not _is_a_day(found):
                yield warning(f"there is no {found[0]}", "check a calendar", *line.where(found))
        for found in _HOURS.finditer(line.text):
            if _is_no_hour(found, line.text):
                yield warning(f"there is no {found[0]} on a clock", "correct the time", *line.where(found))


@rule()
def years_are_meant(context: CheckContext) -> Iterator[Finding]:
    """In January the fingers still type last year, and a typo can make it another century."""
    issued = context.issue.date
    if issued is None or not context.is_english:
        return
    for written in _dates(context):
        this_year = written.in_year(issued.year)
        if this_year and written.year == issued.year - 1 and abs(this_year - issued).days <= _NEAR:
            yield _finding(note, written, f"“{written.words}” is a year before this issue", "check that it is meant")
    for line in context.lines:
        for found in _FAR_YEAR.finditer(line.text) if _DIGIT.search(line.text) else ():
            if int(found["year"]) > issued.year + _FAR:
                place = line.column(found.start("year"))
                yield note(f"{found['year']} is far in the future", "check that it is meant", line.number, place)


def _dates(context: CheckContext) -> Iterator[_Written]:
    if not context.is_english:
        return
    for line in context.lines:
        if _DIGIT.search(line.text):
            for form in _DATES:
                yield from (_written(line, found) for found in form.finditer(line.text))


def _written(line: SourceLine, found: re.Match[str]) -> _Written:
    return _Written(
        line=line,
        place=found.start(),
        words=found[0].strip(" ,."),
        weekday=_number(_WEEKDAYS, found["weekday"]),
        day=int(found["day"]),
        month=(_number(_MONTHS, found["month"]) or 0) + 1,
        year=int(found["year"]) if found["year"] else None,
    )


def _number(names: tuple[str, ...], begun: str | None) -> int | None:
    if begun is None:
        return None
    return next(number for number, name in enumerate(names) if name.startswith(begun.lower()[:3]))


def _meant(written: _Written, context: CheckContext) -> date | None:
    """The date in the year as written, or in the year that brings it nearest to the issue's own date."""
    if written.year is not None:
        return written.in_year(written.year) if written.year else None
    issued = context.issue.date
    if issued is None:
        return None
    near = (written.in_year(issued.year + step) for step in (-1, 0, 1))
    return min((day for day in near if day), key=lambda day: abs(day - issued), default=None)


def _finding(level: Callable[[str, str, int, int], Finding], written: _Written, what: str, mend: str) -> Finding:
    return level(what, mend, written.line.number, written.line.column(written.place))


def _is_a_day(found: re.Match[str]) -> bool:
    if found["day"]:
        return _exists(2024, int(found["month"]), int(found["day"]))
    if found["y"]:
        return _exists(int(found["y"]), int(found["m"]), int(found["d"]))
    year, one, two = _full_year(found["last"]), int(found["one"]), int(found["two"])
    return _exists(year, two, one) or (found["mark"] == "/" and _exists(year, one, two))


def _full_year(year: str) -> int:
    return int(year) if len(year) == 4 else 2000 + int(year)


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _is_no_hour(found: re.Match[str], text: str) -> bool:
    """Whether it is written as a time that does not exist; 25:17 may also be a score, a duration or a verse."""
    if found["bare"]:
        return not 1 <= int(found["bare"]) <= 12
    if found["round"]:
        return int(found["round"]) > 24
    hour, minute = int(found["hour"]), int(found["minute"])
    if (hour <= 23 and minute <= 59) or (hour, minute) == (24, 0):
        return bool(found["half"]) and not 1 <= hour <= 12
    if found["half"]:
        return True
    before = text[max(0, found.start() - 40) : found.start()]
    if ":" not in found[0] or _NO_HOUR_FOLLOWS.search(before) or _NO_HOUR_BEFORE.match(text, found.end()):
        return False
    return 24 <= hour <= 29 or bool(_AN_HOUR_FOLLOWS.search(before))
