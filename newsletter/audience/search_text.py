"""Search text: folds names and addresses so that readers are found whatever case or accents are typed.

Folded text is never a key, because two people may have the same.
"""

import unicodedata

LONGEST = 200
"""The number of characters of a search that are used."""

# Letters with strokes, ligatures and the like, which Unicode normalisation does not decompose.
_LETTERS = str.maketrans("łøđðħıŧŋ", "loddhitn", "") | str.maketrans({"æ": "ae", "œ": "oe", "þ": "th"})


def fold(text: str) -> str:
    """Lower case without accents: `Łukasz` becomes `lukasz`, `GRÜN` `grun`, `Straße` `strasse`."""
    if text.isascii() and text.isprintable():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    # Again, because compatibility decomposition can produce capitals.
    return "".join(map(_bare, apart)).casefold().translate(_LETTERS)


def search_entry(email: str, key: str, name: str) -> str:
    """The searchable text of a reader: each word of the name and address with a space before it."""
    spelled = [fold(name), fold(email)]
    if not email.isascii():
        # A host can be searched both in Unicode and as an A-label.
        spelled.append(fold(key))
    return "".join(f" {word}" for text in spelled for word in text.split())


def search_terms(typed: str) -> list[str]:
    """The parts that an entry must all contain; one or two letters match only the beginning of a word."""
    return [word if len(word) > 2 else f" {word}" for word in dict.fromkeys(fold(typed[:LONGEST]).split())]


def trigrams(text: str) -> set[str]:
    """The trigrams of a text, plus the beginnings of words with a space before them."""
    begun = {text[place : place + 2] for place, character in enumerate(text[:-1]) if character == " "}
    return begun | {text[place : place + 3] for place in range(len(text) - 2)}


def _bare(character: str) -> str:
    """A character without combining marks and invisible characters; a space for a control character such as NUL."""
    category = unicodedata.category(character)
    return " " if category == "Cc" else "" if category[0] == "M" or category in {"Cf", "Cs"} else character
