"""What a single cell holds: a text, tags, or the attributes of a JSON object."""

import csv
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from newsletter import characters
from newsletter.audience import tag_names
from newsletter.audience.importing import headers, status_words
from newsletter.audience.importing.headers import FieldKind
from newsletter.errors import Invalid
from newsletter.formulas import unescape_formula

MAX_ATTRIBUTES = 100
_FAILED = (
    "#n/a #value! #ref! #name? #div/0! #num! #null! #nv #wert! #bezug! #zahl! #valeur! #nom? #nombre! #nul! #n/d #n/d! "
    "#arg! #adr! #nazwa? #liczba! #zero! #¡valor! #¡ref! #¿nombre? #¡num! #¡nulo! #¡div/0!"
)
"""What spreadsheet programs show of a formula without a value, in five languages."""
NOTHING = frozenset({"null", "none", "nil", "n/a", *_FAILED.split()})
"""What programs write into empty cells, in small letters."""
_BETWEEN_TAGS = ("|", ";", ",")


class Tags(NamedTuple):
    """The names of the tags in a cell, and the first that says that its reader has left; "" if none does."""

    names: Sequence[str]
    leaving: str


@lru_cache(4096)
def tags_in(text: str, separator: str) -> Tags:
    """The tags in a cell; Invalid for a name that is not valid. Without a separator, it is guessed."""
    names = [tag_names.clean_tag(each) for each in split_tags(text, separator)]
    return Tags(names, next(filter(status_words.is_known_as_gone, names), ""))


def split_tags(text: str, separator: str) -> list[str]:
    """The parts of a cell that are not blank: of a line of CSV, or of a JSON array."""
    if not separator and text.startswith("[") and (listed := _texts_of(text)) is not None:
        return listed
    by = separator or next((each for each in _BETWEEN_TAGS if each in text), ",")
    # Mailchimp puts each name of its list into quotes of its own.
    found = next(csv.reader([text.replace("\n", " ")], delimiter=by, skipinitialspace=True), [])
    return [each for each in found if each.strip()]


def _texts_of(text: str) -> list[str] | None:
    """The texts of a JSON array that has nothing else in it; None for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) and all(isinstance(each, str) and each.strip() for each in found) else None


def attributes_in(title: str, text: str) -> dict[str, str]:
    """The attributes in the JSON object of a column with this title; Invalid if it is none, or cannot be stored."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise Invalid(f"{excerpt([text])} is not a JSON object (column {excerpt([title])})")
    if len(parsed) > MAX_ATTRIBUTES:
        raise Invalid(f"{len(parsed)} attributes for one reader, and {MAX_ATTRIBUTES} fit (column {excerpt([title])})")
    return {
        tag_names.clean_tag(name, "the name of an attribute"): checked_text(name, written)
        for name, value in parsed.items()
        if (written := value if isinstance(value, str) else _as_text(value))
    }


# Made once: `json.dumps` would make one for each value.
_ENCODER = json.JSONEncoder(ensure_ascii=False)


def _as_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            return _ENCODER.encode(value)


def checked_text(name: str, text: str, most: int = tag_names.MAX_VALUE) -> str:
    """The text if it can be stored under this name; Invalid if it is too long, or has control characters."""
    if len(text) > most:
        raise Invalid(f"{excerpt([name])} has {len(text)} characters, and {most} fit")
    return text if text.isprintable() else characters.passage(text, excerpt([name]))


def text_of(cell: str, nothing: frozenset[str]) -> str:
    """The text of a cell; "" if it is empty, or is one of these words, which are some of `NOTHING`."""
    text = cell.strip()
    # Nearly every cell is settled here, and there are a million rows of them.
    if not text or (len(text) > _LONGEST_WORD and "'" not in text and text[0] != "#"):
        return text
    return _short_text(text, nothing)


@lru_cache(4096)
def _short_text(text: str, nothing: frozenset[str]) -> str:
    text = unescape_formula(text)
    return "" if text not in _NAMES and text.casefold() in nothing else text


_NAMES = frozenset({"Nil", "Null"})
"""What people are called; programs write such words in small letters or in capitals."""
_LONGEST_WORD = max(len(text) for text in NOTHING if text.isalpha())


def are_plain(cells: Sequence[str]) -> bool:
    """Whether each of these is its own text (`text_of`), and none is known as gone; one look at all of them.

    It may say no of some that are.
    """
    row = _BETWEEN.join(["", *cells, ""])
    return (
        row.isprintable()
        and row.count(_BETWEEN) == len(cells) + 1
        and "'" not in row
        and f" {_BETWEEN}" not in row
        and not _NOT_PLAIN.search(row)
    )


_BETWEEN = "¦"
"""What hardly any cell has in it, and what can be printed."""
# What it begins with is looked at first, because most cells begin with none of these.
_NOT_PLAIN = re.compile(
    rf"{_BETWEEN}(?=[ #abcdnouw])(?:[ #]|n(?:ull|one|il|/a){_BETWEEN}|{status_words.MAY_SAY_GONE}(?!{_BETWEEN}))",
    re.IGNORECASE,
)


def says_gone(attribute: tuple[str, str]) -> bool:
    """Whether an attribute, a name and a text, says that its reader has left."""
    name, text = attribute
    suspected = _suspected(name)
    if suspected in _SAYING_GONE:
        return not status_words.is_no(text)
    if suspected is FieldKind.SUBSCRIBED and status_words.is_no(text):
        return not status_words.is_nothing(text)
    return status_words.is_known_as_gone(text)


_SAYING_GONE = frozenset({FieldKind.UNSUBSCRIBED, FieldKind.LEFT, FieldKind.BOUNCED, FieldKind.COMPLAINED})


@lru_cache(4096)
def _suspected(name: str) -> FieldKind | None:
    return headers.field_of(name) or headers.suspected_field(name, ())


def excerpt(texts: Sequence[str]) -> str:
    """The beginnings of some texts, escaped, because a file can hold anything and a terminal shows it."""
    return ", ".join(repr(text[:40]) for text in texts[:20])
