"""Cells of CSV: those that a spreadsheet would run are escaped, and unescaped again when they are read."""

import re
from collections.abc import Collection

# The characters that make a spreadsheet take a cell for a formula (OWASP, "CSV injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Where lists are separated by semicolons, as in German, a spreadsheet begins a cell at each of these, quoted or not.
_SEPARATED = '[;\t\r\n]"*'
# Preceding apostrophes are included, so that unescaping restores a text that began with one.
_FORMULA = f"'*[{re.escape(''.join(FORMULA))}]"
_WITHIN = re.compile(_SEPARATED + _FORMULA)
_UNESCAPED = re.compile(rf"(\A|{_SEPARATED})(?={_FORMULA})")
_ESCAPED = re.compile(rf"(\A|{_SEPARATED})'(?={_FORMULA})")
_NEEDS_QUOTES = re.compile('[",\r\n]')
_BEGINS = frozenset({"'", *FORMULA})
_QUOTED_OR_SPLIT = frozenset('",;\t\r')


def escape_formula(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would take for a formula."""
    # Nearly every cell of a million rows is settled here.
    return _UNESCAPED.sub(r"\1'", text) if text[:1] in _BEGINS or _WITHIN.search(text) else text


def are_plain(texts: Collection[str]) -> bool:
    """Whether each of these is a cell of CSV as it is: no formula, and nothing to quote; one look at all of them."""
    lines = "\n" + "\n".join(texts)
    if lines.count("\n") > len(texts) or any(each in lines for each in _QUOTED_OR_SPLIT):
        return False
    # To look for two characters takes ten times as long as for one.
    return not any(each in lines and f"\n{each}" in lines for each in _BEGINS - {"\n"})


def csv_cell(text: str) -> str:
    """The text as a cell of CSV that is no formula."""
    return quoted(escape_formula(text))


def quoted(text: str) -> str:
    """The text as a cell of CSV (RFC 4180), in quotes where it has to be."""
    return '"{}"'.format(text.replace('"', '""')) if _NEEDS_QUOTES.search(text) else text


def unescape_formula(text: str) -> str:
    """The text that `escape_formula` was given."""
    return _ESCAPED.sub(r"\1", text) if "'" in text else text
