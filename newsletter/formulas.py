"""Formulas in CSV: cells that a spreadsheet would run are escaped, and unescaped again when they are read."""

import re

# The characters that make a spreadsheet take a cell for a formula (OWASP, "CSV injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Preceding apostrophes are included, so that unescaping restores a text that began with one.
_BEGINS = frozenset({"'", *FORMULA})
_FORMULA = re.compile(f"'*[{re.escape(''.join(FORMULA))}]")


def escape_formula(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would take for a formula."""
    # Nearly every cell of a million rows is settled by its first character.
    return f"'{text}" if text[:1] in _BEGINS and _FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """The text that `escape_formula` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
