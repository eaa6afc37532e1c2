"""Types of attributes: which texts are a number, a date, or yes or no, to Python and to both databases alike."""

import datetime as dt
import re
from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import BigInteger, ColumnElement, Float, Text, and_, cast, func, or_, true

YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
"""What a boolean is written as, in small letters."""

_NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?"
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d.*)?", re.ASCII)
_LIMIT = 1e15
"""No number is as large, nor as small below zero."""
_IN_DATABASE = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"


class AttributeType(StrEnum):
    """The type by which an attribute's values are compared."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"


def guess_type(values: Iterable[str]) -> AttributeType:
    """The type that all of these values have, ignoring empty ones; text if there is no such type or no value."""
    present = [value for value in values if value]
    for type_, fits in _FITS.items():
        if present and all(map(fits, present)):
            return type_
    return AttributeType.TEXT


def number_of(text: str) -> float | None:
    """The number that a text is; None if it is none, or one such as 01099, which is not written like this."""
    return float(text) if re.fullmatch(_NUMBER, text) else None


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    try:
        return bool(found and dt.date.fromisoformat(found[1]))
    except ValueError:
        return False


_FITS = {
    AttributeType.NUMBER: lambda text: number_of(text) is not None,
    AttributeType.DATE: _is_date,
    AttributeType.BOOLEAN: lambda text: text.lower() in (*YES, *NO),
}


def is_of_type(text: ColumnElement[str | None], type_: AttributeType, *, on_postgresql: bool) -> ColumnElement[bool]:
    """The SQL condition that a text, which is there, can be compared by this type.

    As a date, it may also begin with a day that no month has, such as 2026-02-30.
    """
    if type_ is AttributeType.NUMBER:
        return text.regexp_match(f"^{_NUMBER}$") if on_postgresql else is_number_in_sqlite(text)
    if type_ is AttributeType.DATE:
        return text.regexp_match(f"^{_IN_DATABASE}") if on_postgresql else _glob(text, f"{_IN_DATABASE}*")
    if type_ is AttributeType.BOOLEAN:
        return func.lower(text).in_((*YES, *NO))
    return true()


def is_number_in_sqlite(
    text: ColumnElement[str | None], over: float = -_LIMIT, under: float = _LIMIT
) -> ColumnElement[bool]:
    """SQLite's condition that a text, which is there, is a number between these two."""
    # Beside what is cast to a number, SQLite takes a text for the number that it is, or else for more than any.
    is_between = and_(text > cast(over, Float(53)), text < cast(under, Float(53)))
    # It takes “1e5”, “007”, “+7”, “7.” and “.7” for numbers, too. To write its whole part again, and look whether it is
    # the same, takes less than a pattern.
    whole = cast(cast(text, BigInteger), Text)
    begins_well = or_(_glob(text, whole + ".*"), _glob(text, "-0.*"))
    decimals = func.length(text) - func.instr(text, ".")
    is_decimal = and_(begins_well, ~_glob(text, "*[^0-9.-]*"), decimals.between(1, 9))
    return and_(is_between, or_(whole == text, text == "-0", is_decimal))


def _glob(text: ColumnElement[str | None], pattern: str | ColumnElement[str]) -> ColumnElement[bool]:
    return text.bool_op("GLOB")(pattern)
