"""How a number in a cell is meant, by the format in which it is shown: a date, a duration, leading zeros."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache

_BEFORE_1900 = date(1899, 12, 30).toordinal()
_DAYS_TO_1904 = 1462
_FALSE_LEAP_DAY = 60
"""The number of February 29, 1900, which never was; the days before it are one off."""
_DAY = 86_400
"""Seconds."""
_DATES = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
"""The formats that have a number instead of a code."""
_DURATION = 46
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.')
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_BRACKET = re.compile(r"\[[^\]]*\]")
_ZEROS = re.compile("0{2,20}")
_PLAIN = re.compile("-?[1-9][0-9]{0,14}|0")

NumberReader = Callable[[str], str]
"""Gives the text of a cell from the number in it."""


def reader_of(style: int, codes: Mapping[int, str], *, from_1904: bool) -> NumberReader:
    """What reads cells of the format with this number; `codes` are those that the workbook defines."""
    code = codes.get(style, "")
    if _ZEROS.fullmatch(code):
        return lambda text: number.zfill(len(code)) if (number := plain_number(text)).isdecimal() else number
    unquoted = _LITERAL.sub("", code)
    if style == _DURATION or _ELAPSED.search(unquoted):
        return _duration
    if style in _DATES or re.search("[dmyhs]", _BRACKET.sub("", unquoted).partition(";")[0], re.IGNORECASE):
        return lambda text: _moment(text, _DAYS_TO_1904 if from_1904 else 0)
    return plain_number


def plain_number(text: str) -> str:
    """A number as people write it: `41` for `41.0`, and no more digits than it has."""
    if _PLAIN.fullmatch(text):
        return text
    try:
        number = float(text)
        return str(int(number)) if number.is_integer() else str(number)
    except ValueError:
        return text


def moment_text(moment: datetime) -> str:
    """A moment, or a date if it is midnight, as ISO 8601 has it."""
    return moment.date().isoformat() if moment.time() == time() else str(moment)


def _moment(text: str, days_more: int) -> str:
    try:
        day, seconds = divmod(round((float(text) + days_more) * _DAY), _DAY)
        hour = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        if not day:
            return hour
        return f"{_date(day)} {hour}" if seconds else _date(day)
    except (ValueError, OverflowError):
        return plain_number(text)


@lru_cache(4096)
def _date(day: int) -> str:
    return date.fromordinal(_BEFORE_1900 + day + (day < _FALSE_LEAP_DAY)).isoformat()


def _duration(text: str) -> str:
    try:
        return str(timedelta(seconds=round(float(text) * _DAY)))
    except (ValueError, OverflowError):
        return plain_number(text)
