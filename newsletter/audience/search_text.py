"""Searching: how text is spelled for search alone, so that readers are found whatever case or accents were typed.

What is folded is never a key: two people may be spelled alike here.
"""

import unicodedata

LONGEST = 200
"""So many characters of what somebody types are looked for."""

# Letters with a stroke, ligatures and the like, which Unicode does not take apart.
_LETTERS = str.maketrans("łøđðħıŧŋ", "loddhitn", "") | str.maketrans({"æ": "ae", "œ": "oe", "þ": "th"})


def fold(text: str) -> str:
    """Small letters without marks: `Łukasz` is `lukasz`, `GRÜN` is `grun`, `Straße` is `strasse`."""
    if text.isascii() and text.isprintable():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    # Again, because some capitals appear only now.
    return "".join(map(_bare, apart)).casefold().translate(_LETTERS)


def search_entry(email: str, key: str, name: str) -> str:
    """What is searched of a reader: each word of name and address, a space before it."""
    spelled = [fold(name), fold(email)]
    if not email.isascii():
        # A host is found by its letters and by its A-label.
        spelled.append(fold(key))
    return "".join(f" {word}" for text in spelled for word in text.split())


def search_terms(typed: str) -> list[str]:
    """What an entry must hold, all of it, to be found; one or two letters are the beginning of a word."""
    return [word if len(word) > 2 else f" {word}" for word in dict.fromkeys(fold(typed[:LONGEST]).split())]


def trigrams(text: str) -> set[str]:
    """What a text is indexed by, and looked for: each three letters in a row, and the beginning of each word."""
    begun = {text[place : place + 2] for place, character in enumerate(text[:-1]) if character == " "}
    return begun | {text[place : place + 3] for place in range(len(text) - 2)}


def _bare(character: str) -> str:
    """A character without marks and invisible ones; a space for a control character, for a NUL is none to ask about."""
    category = unicodedata.category(character)
    return " " if category == "Cc" else "" if category[0] == "M" or category in {"Cf", "Cs"} else character
