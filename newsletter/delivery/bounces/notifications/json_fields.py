"""Untrusted JSON, bounded in size and read field by field."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from newsletter.characters import as_line
from newsletter.clock import Clock

MOST_BYTES = 1_000_000
_MOST_NESTED = 32
MOST_PARTS = 20_000
"""Objects and lists; the largest batch has a few thousand, and each costs what it is read with."""
_MOST_WORDS = 2_000
_LONGEST_ADDRESS = 254
# Far enough from the ends of the calendar that days can be added to any moment, and taken away.
_FIRST_YEAR, _LAST_YEAR = 2000, 2500
_ADDRESS = re.compile(r"(?:.*<)?([^\s<>@]+@[^\s<>@]+)>?")


class Unreadable(Exception):
    """What came is not the JSON that it should be; the message is for the person who set it up."""


def _parse_json(body: bytes) -> object:
    """The parsed body; Unreadable if it is not JSON, or too large or too deep to be events."""
    return _bounded(body, lambda: json.loads(body.decode(), parse_constant=_refuse))


def _bounded(body: bytes, parse: Callable[[], object]) -> object:
    if body.count(b"{") + body.count(b"[") > MOST_PARTS:
        raise Unreadable(f"The body has more than {MOST_PARTS} objects and lists.")
    try:
        found = parse()
    except (ValueError, RecursionError):
        raise Unreadable("The body is not JSON.") from None
    if _is_nested(found):
        raise Unreadable(f"The body is nested more than {_MOST_NESTED} deep.")
    return found


def read_objects(body: bytes) -> "list[Fields]":
    """The events of a body that is one object or an array of them; Unreadable if it is neither."""
    found = _parse_json(body)
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in items):
        raise Unreadable("The body is neither an object nor an array of objects.")
    return [Fields.from_value(item) for item in items]


def read_object(body: bytes) -> "Fields":
    """The body's one object; Unreadable if it is none."""
    found = _parse_json(body)
    if not isinstance(found, dict):
        raise Unreadable("The body is not an object.")
    return Fields(found)


def read_leading_object(text: str) -> "Fields":
    """The object that a text begins with, whatever follows it; empty if there is none that can be read.

    A line's end is allowed anywhere, because a mail server breaks lines that are too long.
    """
    decoder = json.JSONDecoder(parse_constant=_refuse, strict=False)
    try:
        found = _bounded(text.encode(errors="replace"), lambda: decoder.raw_decode(text.lstrip())[0])
    except Unreadable:
        return Fields({})
    return Fields.from_value(found)


def address_in(text: str) -> str:
    """The address in a text such as `Ada <ada@example.org>`; empty if there is none."""
    found = _ADDRESS.fullmatch(as_line(text[:_MOST_WORDS]))
    return found[1] if found and len(found[1]) <= _LONGEST_ADDRESS else ""


def utc(read: Clock) -> datetime | None:
    """What `read` returns, in UTC; a naive time is taken as UTC. None if it fails, or the year is outside 2000–2500."""
    try:
        found = read()
        moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


@dataclass(frozen=True, slots=True)
class Fields:
    """An object's fields; one that is missing, or of another type than is asked for, is empty."""

    items: Mapping[str, object]

    @classmethod
    def from_value(cls, found: object) -> Self:
        return cls(found if isinstance(found, dict) else {})

    def exact(self, name: str) -> str:
        """A text as it was sent."""
        found = self.items.get(name)
        return found if isinstance(found, str) else ""

    def text(self, name: str) -> str:
        """A text or a whole number in one line of printable characters."""
        found = self.items.get(name)
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found) if abs(found) < 10**30 else ""
        return as_line(found[:_MOST_WORDS]) if isinstance(found, str) else ""

    def first_text(self, *names: str) -> str:
        """The first of these that says something."""
        return next(filter(None, map(self.text, names)), "")

    def is_false(self, name: str) -> bool:
        """Whether its value is exactly false."""
        return self.items.get(name) is False

    def inner(self, *path: str) -> Self:
        """The nested object at this path."""
        found: object = self.items
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return self.from_value(found)

    def objects(self, name: str) -> list[Self]:
        """The objects in a list."""
        return [self.from_value(item) for item in self._list(name) if isinstance(item, dict)]

    def texts(self, name: str) -> list[str]:
        """The texts in a list."""
        return [item for item in self._list(name) if isinstance(item, str)]

    def address(self, name: str) -> str:
        """The address in a text."""
        return address_in(self.exact(name))

    def iso(self, name: str) -> datetime | None:
        """A moment written as in ISO 8601."""
        text = self.exact(name)
        return utc(lambda: datetime.fromisoformat(text))

    def epoch(self, name: str, per_second: int = 1) -> datetime | None:
        """A moment in seconds since 1970, or in parts of them."""
        found = self.items.get(name)
        if isinstance(found, bool) or not isinstance(found, int | float | str):
            return None
        return utc(lambda: datetime.fromtimestamp(float(found) / per_second, UTC))

    def as_json(self) -> bytes:
        """All of it."""
        return json.dumps(self.items).encode()

    def _list(self, name: str) -> list[object]:
        found = self.items.get(name)
        return found if isinstance(found, list) else []


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _is_nested(found: object) -> bool:
    level = [found]
    for _ in range(_MOST_NESTED):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return False
    return True


def _inside(found: object) -> Iterator[object]:
    if isinstance(found, dict | list):
        values = found.values() if isinstance(found, dict) else found
        yield from (one for one in values if isinstance(one, dict | list))
