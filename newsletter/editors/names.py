"""Editors' names: what is shown for an address that a record holds, and the initials beside it.

Records hold addresses, never names, so a change of name needs no change of records. A record from before the account
was made, or from an account that was removed, keeps its address: somebody else may have the address now.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter import characters
from newsletter.editors.models import Editor
from newsletter.errors import Invalid

COLOURS = 6
"""How many colours of initials there are; see `desk.css`."""

_NO_ADDRESS = "Please give a name without an @, so that nobody takes it for an address"


@dataclass(frozen=True, slots=True)
class EditorName:
    """An editor as a page shows them."""

    address: str
    name: str = ""
    """Empty if they have not given one, or are no longer on the team."""
    is_shared: bool = False
    """Whether somebody else on the team has the same name."""

    def __str__(self) -> str:
        """The name, with the address if others share it; the address alone without a name."""
        return self.full if self.is_shared else self.name or self.address

    @property
    def full(self) -> str:
        """The name and the address."""
        return f"{self.name} ({self.address})" if self.name else self.address

    @property
    def initials(self) -> str:
        """The first letters of the first and the last word; one alone in scripts without capitals."""
        letters = [letter for word in self.name.split() if (letter := _first_letter(word))]
        ends = [letters[0], letters[-1]] if len(letters) > 1 and all(map(_has_case, letters)) else letters[:1]
        return "".join(ends) or self.address[:1].upper()

    @property
    def colour(self) -> int:
        """The number of their colour, always the same for an address."""
        return crc32(self.address.encode()) % COLOURS + 1


class TeamNames:
    """The names of everybody on the team, from one look-up."""

    def __init__(self, session: Session) -> None:
        rows = session.execute(select(Editor.email, Editor.name, Editor.created_at).where(Editor.name != "")).all()
        counts = Counter(characters.label_key(name) for _, name, _ in rows)
        self._names = {
            email: (EditorName(email, name, counts[characters.label_key(name)] > 1), since)
            for email, name, since in rows
        }

    def find(self, address: str, at: datetime | None = None) -> EditorName:
        """The person whom a record of that time means by this address; the address alone if that is not certain."""
        found, since = self._names.get(address, (EditorName(address), None))
        return EditorName(address) if at and since and at < since else found

    def in_sentence(self, sentence: str) -> str:
        """A sentence with names beside the addresses of the team that are in it."""
        if not self._names:
            return sentence
        addresses = "|".join(map(re.escape, sorted(self._names, key=len, reverse=True)))
        return re.sub(rf"(?<![\w.+-])(?:{addresses})(?![\w-]|\.\w)", lambda match: self.find(match[0]).full, sentence)


def parse_name(typed: str) -> str:
    """A name as it is stored, "" for none; Invalid, with a sentence for who typed it, if it cannot be one."""
    name = characters.clean_name(typed)
    if any(sign in name for sign in "@＠﹫"):
        raise Invalid(_NO_ADDRESS)
    return name


def _first_letter(word: str) -> str:
    """The first letter or digit of a word with its marks, as a capital; "" for a word without any."""
    start = next((place for place, character in enumerate(word) if character.isalnum()), None)
    if start is None:
        return ""
    end = start + 1
    while end < len(word) and unicodedata.category(word[end]).startswith("M"):
        end += 1
    capital = word[start].upper()
    return (capital if len(capital) == 1 else word[start]) + word[start + 1 : end]


def _has_case(letter: str) -> bool:
    return letter.lower() != letter.upper() or letter.isdigit()
