"""Which column holds what, by its header and never by its position.

A column that may say who has unsubscribed is never ignored silently: a person says what it holds, or to ignore it.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from newsletter.audience.importing import headers, status_words
from newsletter.audience.importing.csv_export import unescape_formula
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.models import Status
from newsletter.audience.status_transitions import worse_status
from newsletter.errors import Invalid

_NOTHING = frozenset({"", "null", "none", "nil", "n/a"})
_ONCE = (FieldKind.EMAIL, FieldKind.NAME, FieldKind.FIRST_NAME, FieldKind.LAST_NAME, FieldKind.JOINED)


@dataclass(frozen=True, slots=True)
class ColumnChoices:
    """What a person said about columns, by header: what one holds, or that it is ignored."""

    mapped: Mapping[str, FieldKind] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()

    def check(self, header: Sequence[str]) -> None:
        """Invalid if the file lacks one of the columns."""
        known = {_key(title) for title in header}
        for title in (*self.mapped, *sorted(self.ignored)):
            if _key(title) not in known:
                raise Invalid(f"no column is called {title!r}; the first line names: {_shown(header)}")


DEFAULT_CHOICES = ColumnChoices()
"""No choices: each column is what its header says."""


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """The positions of each field in a row; a header that occurs twice gives two."""

    places: Mapping[FieldKind, tuple[int, ...]]
    telling: Sequence[tuple[int, FieldKind]]
    """The positions of status fields, and how each expresses the status."""
    passed_over: Sequence[int]
    postal: Sequence[int]
    header: Sequence[str]

    @classmethod
    def of(cls, header: Sequence[str], choices: ColumnChoices = DEFAULT_CHOICES) -> Self:
        """The layout that a header describes; Invalid without an address column, or with an undecided one."""
        choices.check(header)
        ignored = {_key(title) for title in choices.ignored}
        named = _named(header, choices)
        free = [at for at, title in enumerate(header) if named[at] is None and _key(title) not in ignored]
        if FieldKind.EMAIL not in named:
            raise Invalid(_no_addresses(header))
        if suspects := [(header[at], what) for at in free if (what := headers.suspected_field(header[at], header))]:
            raise Invalid(_undecided(suspects))
        return cls(
            places={one: tuple(at for at, name in enumerate(named) if name is one) for one in FieldKind},
            telling=[(at, name) for at, name in enumerate(named) if name in status_words.TELLING],
            passed_over=free,
            postal=[at for at in free if headers.is_postal(header[at], header)],
            header=header,
        )

    def check(self, cells: Sequence[str]) -> None:
        """Invalid for a row with more cells than columns, or with a status in a column that is not read."""
        width = len(self.header)
        if len(cells) > width and any(cells[width:]):
            raise Invalid(f"it has {len(cells)} cells for {width} columns; a cell with a comma needs quotes")
        for at in self.passed_over:
            if at < len(cells) and status_words.is_known_as_gone(cells[at]):
                raise Invalid(_unread_status(self.header[at], cells[at]))
        for at in self.postal:
            if at < len(cells) and status_words.is_status(cells[at]):
                raise Invalid(_unread_status(self.header[at], cells[at]))

    def cell(self, cells: Sequence[str], field: FieldKind) -> str:
        """The first non-empty cell of this field; "" if there is none."""
        for place in self.places[field]:
            if place < len(cells) and (text := unescape_formula(cells[place].strip())).casefold() not in _NOTHING:
                return text
        return ""

    def name(self, cells: Sequence[str]) -> str:
        """The full name, or first and last name joined."""
        if whole := self.cell(cells, FieldKind.NAME):
            return whole
        return f"{self.cell(cells, FieldKind.FIRST_NAME)} {self.cell(cells, FieldKind.LAST_NAME)}".strip()

    def status(self, cells: Sequence[str]) -> Status | None:
        """The worst status that the row states, None if none; Invalid if a value is not understood."""
        worst = None
        for at, how in self.telling:
            text = unescape_formula(cells[at].strip()) if at < len(cells) else ""
            try:
                worst = worse_status(worst, status_words.parse_status(how, text))
            except Invalid as error:
                raise Invalid(f"{error} (column {_shown([self.header[at]])})") from None
        return worst


def _named(header: Sequence[str], choices: ColumnChoices) -> list[FieldKind | None]:
    said = {_key(title): name for title, name in choices.mapped.items()}
    ignored = {_key(title) for title in choices.ignored}
    # A chosen column for the address or the name replaces the recognised ones; status columns add up.
    replaced = {name for name in said.values() if name in _ONCE}

    def of(title: str) -> FieldKind | None:
        if (key := _key(title)) in said:
            return said[key]
        found = None if key in ignored else headers.field_of(title)
        return None if found in replaced else found

    return [of(title) for title in header]


def _key(title: str) -> str:
    return headers.normalized(title) or title.strip()


def _no_addresses(header: Sequence[str]) -> str:
    if any("@" in title for title in header):
        return (
            "no column is called email, because this line is a reader, not a header; "
            "put a line above it that names the columns, such as: email,name"
        )
    return (
        f"no column is called email; the first line names: {_shown(header)}; "
        "if one of them holds the addresses, say so: --map COLUMN=email"
    )


def _undecided(suspects: Iterable[tuple[str, FieldKind]]) -> str:
    ways = "; ".join(
        f"{_shown([title])}: --map {shlex.quote(f'{title.strip()}={field}')} or --ignore {shlex.quote(title.strip())}"
        for title, field in suspects
    )
    return f"nothing was imported, because a column may tell who has left. Say what it holds, or leave it out: {ways}"


def _unread_status(title: str, text: str) -> str:
    column = shlex.quote(title.strip())
    return (
        f"{_shown([text])} under {_shown([title])} may say that this reader has left; "
        f"give --map {shlex.quote(f'{title.strip()}=status')} or --ignore {column}"
    )


def _shown(texts: Sequence[str]) -> str:
    # A file can hold anything, so a terminal or log gets an escaped excerpt.
    return ", ".join(repr(text[:40]) for text in texts[:20])
