"""Characters in typed text: invisible ones are trimmed, and forbidden ones refused. One rule for all input.

A control character breaks headers, feeds and terminals; one that changes the writing direction makes a line read
differently from what it is (Unicode TR 36, 3.6; CVE-2021-42574).
"""

import re
import unicodedata
from functools import lru_cache

from newsletter.errors import Invalid
from newsletter.i18n.messages import lazy_gettext

MAX_NAME = 100
"""The most characters of a person's name."""
_THE_NAME = lazy_gettext("the name")

# Format characters are allowed, because several scripts need joiners and marks, except those that change the direction.
_TURNS = "\u202a-\u202e\u2066-\u2069"
_NOT_IN_XML = "\ufffe\uffff"
"""Characters that no feed, and no MJML, can contain (XML 1.0, 2.2)."""
_TURN = re.compile(f"[{_TURNS}]")
_IN_LINE = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\ud800-\udfff{_NOT_IN_XML}{_TURNS}]")
_IN_PASSAGE = re.compile(f"[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\ud800-\udfff{_NOT_IN_XML}{_TURNS}]")
# Letters with strokes, ligatures and the like, which Unicode normalisation does not decompose.
_LETTERS = str.maketrans("łøđðħıŧŋ", "loddhitn", "") | str.maketrans({"æ": "ae", "œ": "oe", "þ": "th"})
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def trimmed(text: str) -> str:
    """The text without spaces and invisible characters at its ends, which copying often adds."""
    if text.isascii():
        return text.strip()
    start, end = 0, len(text)
    while start < end and _is_unseen(text[start]):
        start += 1
    while end > start and _is_unseen(text[end - 1]):
        end -= 1
    return text[start:end]


def line(text: str, what: str) -> str:
    """The text trimmed; Invalid, naming `what`, if it has several lines or contains a control character."""
    bare = text.strip()
    # Nearly every text is settled here: whatever is invisible cannot be printed, either.
    if bare.isprintable():
        return bare
    if found := forbidden_in_line(bare):
        raise Invalid(
            lazy_gettext(
                "Please give %(what)s in one line, in plain characters: it contains %(character)s",
                what=what,
                character=named(found),
            )
        )
    return trimmed(bare)


def clean_name(text: str) -> str:
    """A person's name with single spaces, safe in a header; Invalid if it cannot be a name, "" for an empty text."""
    return short(" ".join(line(unicodedata.normalize("NFC", text), _THE_NAME).split()), _THE_NAME, MAX_NAME)


def short(text: str, what: str, most: int) -> str:
    """The text; Invalid, naming `what`, if it has more than `most` characters."""
    if len(text) > most:
        raise Invalid(
            lazy_gettext(
                "Please shorten %(what)s: it has %(count)s characters; the limit is %(most)s",
                what=what,
                count=len(text),
                most=most,
            )
        )
    return text


def passage(text: str, what: str) -> str:
    """A text of any number of lines; Invalid, naming `what` and the line, if it contains a control character."""
    if found := _IN_PASSAGE.search(text):
        number = text.count("\n", 0, found.start()) + 1
        raise Invalid(
            lazy_gettext(
                "Please correct line %(line)s of %(what)s: it contains %(character)s",
                line=number,
                what=what,
                character=named(found[0]),
            )
        )
    return text


def clean_passage(text: str, what: str, most: int) -> str:
    """A typed text of any number of lines, trimmed; Invalid, naming `what`, as for `passage` and `short`."""
    return short(trimmed(passage(text.replace("\r\n", "\n"), what)), what, most)


def forbidden_in_line(text: str) -> str:
    """The first character that is forbidden in a line; "" if there is none."""
    found = None if text.isprintable() else _IN_LINE.search(text)
    return found[0] if found else ""


def forbidden_in_passage(text: str) -> str:
    """The first character that is forbidden in a text of several lines; "" if there is none."""
    found = _IN_PASSAGE.search(text)
    return found[0] if found else ""


def named(character: str) -> str:
    """The name of an invisible character, for people."""
    if _TURN.match(character):
        code = f"U+{ord(character):04X}"
        return lazy_gettext("a character that turns the reading direction (%(code)s)", code=code)
    return lazy_gettext("a line break or a control character")


def _is_unseen(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf"


def storable(text: str) -> str:
    """A text that every database can store: line ends are LF, and � stands for what PostgreSQL or UTF-8 lacks."""
    return _UNSTORABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def as_text(value: str) -> str:
    """A value as plain text without line breaks."""
    return value if value.isprintable() else _UNPRINTABLE.sub(" ", value)


def as_lines(value: str) -> str:
    """A value as plain text that keeps its line breaks."""
    return value if value.isprintable() else "\n".join(map(as_text, value.split("\n")))


def as_line(value: str) -> str:
    """A value as one line with single spaces, which can neither end a header nor begin another (RFC 5322, 2.2)."""
    return " ".join(as_text(value).split())


def fold(text: str) -> str:
    """Lower case without accents: `Łukasz` becomes `lukasz`, `GRÜN` `grun`, `Straße` `strasse`.

    For searches, and never the key of a person, because two people may have the same.
    """
    if text.isascii() and text.isprintable():
        return text.lower()
    return "".join(map(_folded, unicodedata.normalize("NFKD", text.casefold())))


LONGEST_LABEL_KEY = 200


def label_key(name: str) -> str:
    """What categories, tags and authors are compared by, so that “Back Pain” and “back pain” are one."""
    return " ".join(fold(name).split())[:LONGEST_LABEL_KEY]


@lru_cache(4096)
def _folded(character: str) -> str:
    """A character of decomposed text, folded; "" for marks and what is invisible, a space for a control character."""
    category = unicodedata.category(character)
    if category[0] == "M" or category in {"Cf", "Cs"}:
        return ""
    # In lower case again, because compatibility decomposition can produce capitals.
    return " " if category == "Cc" else character.casefold().translate(_LETTERS)
