"""The names of tags and attributes: how one is stored, and what its spellings have in common."""

import unicodedata
from functools import lru_cache

from newsletter import characters
from newsletter.errors import Invalid

MAX_NAME = 100
MAX_KEY = 200
MAX_VALUE = 4_000


@lru_cache(4096)
def folded_name(name: str) -> str:
    """The key of a tag's or an attribute's name, the same for every spelling."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())[:MAX_KEY]


@lru_cache(4096)
def clean_tag(text: str, what: str = "the tag") -> str:
    """The name of a tag or an attribute with single spaces; raises Invalid if it is empty or too long."""
    name = " ".join(characters.line(unicodedata.normalize("NFC", text), what).split())
    if not name or len(name) > MAX_NAME:
        raise Invalid(f"{what} needs 1 to {MAX_NAME} characters, and {text[:40]!r} has {len(name)}")
    return name
