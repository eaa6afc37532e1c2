"""Columns: what the headers and words of other programs' exports mean here.

By alias, never by position: Mailchimp, Substack, Ghost, listmonk, beehiiv, Kit, and our own export.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from newsletter.audience.models import Status
from newsletter.errors import Invalid


class Field(StrEnum):
    """What a column can tell us; any other column is passed over."""

    EMAIL = "email"
    NAME = "name"
    FIRST_NAME = "first name"
    LAST_NAME = "last name"
    STATUS = "status"
    LEFT = "left"
    CLEANED = "cleaned"
    MAIL_ON = "mail on"
    MAIL_OFF = "mail off"
    JOINED = "joined"


_ALIASES = {
    Field.EMAIL: ("email", "email address", "e mail", "e mail address", "mail", "subscriber email"),
    Field.NAME: ("name", "full name", "subscriber name"),
    Field.FIRST_NAME: ("first name", "firstname", "fname", "given name"),
    Field.LAST_NAME: ("last name", "lastname", "lname", "surname", "family name"),
    Field.STATUS: ("status", "subscription status"),
    Field.LEFT: ("unsub time", "unsubscribed at", "unsubscribe date", "left at", "deleted at"),
    Field.CLEANED: ("clean time",),
    Field.MAIL_ON: ("subscribed to emails",),
    Field.MAIL_OFF: ("email disabled",),
    Field.JOINED: ("confirm time", "optin time", "confirmed at", "created at"),
}
_FIELDS = {alias: field for field, aliases in _ALIASES.items() for alias in aliases}
_STATUS_FIELDS = (Field.STATUS, Field.LEFT, Field.CLEANED, Field.MAIL_ON, Field.MAIL_OFF)

_STATUSES = {
    Status.ACTIVE: ("active", "enabled", "subscribed", "confirmed"),
    Status.PENDING: ("pending", "unconfirmed", "unactivated", "validating"),
    Status.UNSUBSCRIBED: ("unsubscribed", "disabled", "inactive", "cancelled", "removed", "archived"),
    Status.BOUNCED: ("bounced", "cleaned", "invalid", "undeliverable"),
    Status.COMPLAINED: ("complained", "blocklisted", "spammed"),
}
_WORDS = {word: status for status, words in _STATUSES.items() for word in words}

_NOTHING = frozenset({"", "null", "none", "nil", "n/a", "0000-00-00 00:00:00"})
_YES = frozenset({"true", "yes", "1", "t", "y"})
_NO = frozenset({"false", "no", "0", "f", "n"})


@dataclass(frozen=True, slots=True)
class Layout:
    """Which places of a row hold which field; a header that occurs twice has two."""

    places: Mapping[Field, tuple[int, ...]]
    width: int
    tells_status: bool

    @classmethod
    def of(cls, header: Sequence[str]) -> Self:
        """The layout that a header describes; Invalid if no column is for addresses."""
        named = [_FIELDS.get(_plain(title)) for title in header]
        places = {field: tuple(at for at, name in enumerate(named) if name is field) for field in Field}
        if not places[Field.EMAIL]:
            raise Invalid(f"no column is called email; the first line names: {_shown(header)}")
        return cls(places, len(header), any(places[field] for field in _STATUS_FIELDS))

    def check(self, cells: Sequence[str]) -> None:
        """Invalid for a row with more cells than columns: some of them stand in the wrong place."""
        if len(cells) > self.width and any(cells[self.width :]):
            raise Invalid(f"it has {len(cells)} cells for {self.width} columns; a cell with a comma needs quotes")

    def cell(self, cells: Sequence[str], field: Field) -> str:
        """The first cell that says something for this field; "" if none does."""
        for place in self.places[field]:
            if place < len(cells) and (text := cells[place].strip()).casefold() not in _NOTHING:
                return text
        return ""

    def name(self, cells: Sequence[str]) -> str:
        """The whole name, or first and last put together."""
        if whole := self.cell(cells, Field.NAME):
            return whole
        return f"{self.cell(cells, Field.FIRST_NAME)} {self.cell(cells, Field.LAST_NAME)}".strip()

    def status(self, cells: Sequence[str]) -> Status | None:
        """What the file says of this reader, None if nothing; Invalid for a word that is not understood."""
        if not self.tells_status:
            return None
        if self.cell(cells, Field.CLEANED):
            return Status.BOUNCED
        word = _status(self.cell(cells, Field.STATUS))
        if word in {Status.BOUNCED, Status.COMPLAINED}:
            return word
        return Status.UNSUBSCRIBED if self._is_off(cells) else word

    def _is_off(self, cells: Sequence[str]) -> bool:
        return (
            bool(self.cell(cells, Field.LEFT))
            or _truth(self.cell(cells, Field.MAIL_OFF)) is True
            or _truth(self.cell(cells, Field.MAIL_ON)) is False
        )


def _plain(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.casefold().replace("_", " ")))


def _shown(texts: Sequence[str]) -> str:
    # A file can hold anything; a terminal or a log gets it escaped, and not a page of it.
    return ", ".join(repr(text[:40]) for text in texts[:20])


def _status(word: str) -> Status | None:
    if not word:
        return None
    if (known := _WORDS.get(word.casefold())) is None:
        raise Invalid(f"the status {_shown([word])} is not one that can be imported; known: {', '.join(_WORDS)}")
    return known


def _truth(word: str) -> bool | None:
    folded = word.casefold()
    if word and folded not in _YES | _NO:
        raise Invalid(f"{_shown([word])} is neither true nor false")
    return folded in _YES if word else None
