"""What a person types, at every border: trimmed of what nobody sees, refused where it holds what no text may.

A control character breaks headers, feeds and terminals; one that turns the reading direction makes a line read as
another than it is (Unicode TR 36, 3.6; CVE-2021-42574).
"""

import re
import unicodedata

from newsletter.errors import Invalid

# Format characters stay, because several scripts need joiners and marks. Those that turn the direction do not.
_TURNS = "\u202a-\u202e\u2066-\u2069"
_CONTROL = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\ud800-\udfff{_TURNS}]")
_CONTROL_IN_TEXT = re.compile(f"[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f\ud800-\udfff{_TURNS}]")


def trimmed(text: str) -> str:
    """The text without spaces and invisible characters at its ends, as they come along when it is copied."""
    start, end = 0, len(text)
    while start < end and _is_unseen(text[start]):
        start += 1
    while end > start and _is_unseen(text[end - 1]):
        end -= 1
    return text[start:end]


def line(text: str, what: str) -> str:
    """The text trimmed; Invalid, naming `what` it is, if it is more than one line or holds a control character."""
    bare = text.strip()
    if bare.isprintable():
        return bare
    if found := _CONTROL.search(bare):
        raise Invalid(f"Please give {what} in one line, in letters only: {_holds(found[0])}")
    return trimmed(bare)


def words(text: str, what: str) -> str:
    """A text of any number of lines; Invalid, naming `what` it is and the line, if it holds a control character."""
    if found := _CONTROL_IN_TEXT.search(text):
        number = text.count("\n", 0, found.start()) + 1
        raise Invalid(f"Please take a character out of line {number} of {what}: {_holds(found[0])}")
    return text


def _holds(character: str) -> str:
    return f"it holds a line break or a control character (U+{ord(character):04X})"


def _is_unseen(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf"
