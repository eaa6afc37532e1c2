"""Columns: which place of a row holds what, known by the header and never by position.

A column that may tell who has left is never passed over in silence: somebody says what it holds, or that it counts for
nothing.
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
    """What somebody said of columns, by their headers: what one holds, or that it counts for nothing."""

    mapped: Mapping[str, FieldKind] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()

    def check(self, header: Sequence[str]) -> None:
        """Invalid for a column that the file does not have."""
        known = {_key(title) for title in header}
        for title in (*self.mapped, *sorted(self.ignored)):
            if _key(title) not in known:
                raise Invalid(f"no column is called {title!r}; the first line names: {_shown(header)}")


DEFAULT_CHOICES = ColumnChoices()
"""Nothing was said: each column is what its header says."""


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """Which places of a row hold which field; a header that occurs twice has two."""

    places: Mapping[FieldKind, tuple[int, ...]]
    telling: Sequence[tuple[int, FieldKind]]
    """Where a row tells whether its reader is still one, and how it says so."""
    passed_over: Sequence[int]
    postal: Sequence[int]
    header: Sequence[str]

    @classmethod
    def of(cls, header: Sequence[str], choices: ColumnChoices = DEFAULT_CHOICES) -> Self:
        """The layout that a header describes; Invalid if no column is for addresses, or one may tell who has left."""
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
        """Invalid for a row with more cells than columns, or one that says it is gone where nobody would look."""
        width = len(self.header)
        if len(cells) > width and any(cells[width:]):
            raise Invalid(f"it has {len(cells)} cells for {width} columns; a cell with a comma needs quotes")
        for at in self.passed_over:
            if at < len(cells) and status_words.is_known_as_gone(cells[at]):
                raise Invalid(_told_unasked(self.header[at], cells[at]))
        for at in self.postal:
            if at < len(cells) and status_words.is_status(cells[at]):
                raise Invalid(_told_unasked(self.header[at], cells[at]))

    def cell(self, cells: Sequence[str], field: FieldKind) -> str:
        """The first cell that says something for this field; "" if none does."""
        for place in self.places[field]:
            if place < len(cells) and (text := unescape_formula(cells[place].strip())).casefold() not in _NOTHING:
                return text
        return ""

    def name(self, cells: Sequence[str]) -> str:
        """The whole name, or first and last put together."""
        if whole := self.cell(cells, FieldKind.NAME):
            return whole
        return f"{self.cell(cells, FieldKind.FIRST_NAME)} {self.cell(cells, FieldKind.LAST_NAME)}".strip()

    def status(self, cells: Sequence[str]) -> Status | None:
        """The worst that the file says of this reader, None if nothing; Invalid for what is not understood."""
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
    # Who says which column holds the address or the name means that one alone. What tells of leaving adds up.
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


def _told_unasked(title: str, text: str) -> str:
    column = shlex.quote(title.strip())
    return (
        f"{_shown([text])} under {_shown([title])} may say that this reader has left; "
        f"give --map {shlex.quote(f'{title.strip()}=status')} or --ignore {column}"
    )


def _shown(texts: Sequence[str]) -> str:
    # A file can hold anything; a terminal or a log gets it escaped, and not a page of it.
    return ", ".join(repr(text[:40]) for text in texts[:20])
