"""Search text: names and addresses folded, so that readers are found whatever case or accents are typed."""

from newsletter.characters import fold

LONGEST = 200
"""The number of characters of a search that are used."""


def search_entry(email: str, key: str, name: str) -> str:
    """The searchable text of a reader: each word of the name and address with a space before it."""
    # A host can be searched both in Unicode and as an A-label.
    spelled = [name, email] if email.isascii() else [name, email, key]
    return " ".join(["", *" ".join(map(fold, spelled)).split()])


def search_terms(typed: str) -> list[str]:
    """The parts that an entry must all contain; one or two letters match only the beginning of a word."""
    return [word if len(word) > 2 else f" {word}" for word in dict.fromkeys(fold(typed[:LONGEST]).split())]
