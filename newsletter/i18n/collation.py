"""Collation: the order in which a language lists words, for lists too short to need a library."""

import unicodedata

_OWN_LETTERS = {"es": "ñ", "pl": "ąćęłńóśźż"}
"""Letters that follow their base letter, in this order, where other languages see one letter with an accent."""
_BASES = {"ł": "l"}
"""Of letters that Unicode does not decompose."""


def sort_key(text: str, language: str) -> tuple[list[tuple[str, int]], str]:
    """The key by which to sort words of a language: blind to case, and to accents that make no letter of their own."""
    own = _OWN_LETTERS.get(language.partition("-")[0].lower(), "")
    letters = unicodedata.normalize("NFC", text.casefold())
    return [place for letter in letters for place in _places(letter, own)], text


def _places(letter: str, own: str) -> list[tuple[str, int]]:
    base = _BASES.get(letter) or unicodedata.normalize("NFKD", letter)
    if letter in own:
        return [(base[0], 1 + own.index(letter))]
    return [(part, 0) for part in base if not unicodedata.combining(part)]
