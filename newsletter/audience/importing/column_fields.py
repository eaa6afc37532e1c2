"""Which field each column holds: what the operator chose for its title, or else what the title means."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from newsletter.audience.importing import headers
from newsletter.audience.importing.cells import excerpt
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.source import Source
from newsletter.errors import Invalid

EVERYTHING_ELSE = "*"
"""What `--ignore` calls all columns that would be kept as attributes."""
_ONCE = (FieldKind.EMAIL, FieldKind.NAME, FieldKind.FIRST_NAME, FieldKind.LAST_NAME, FieldKind.JOINED)


@dataclass(frozen=True, slots=True)
class ColumnChoices:
    """The operator's choices for columns, by their titles: the field that one holds, or that it is ignored."""

    mapped: Mapping[str, FieldKind] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()

    @property
    def mapped_keys(self) -> Mapping[str, FieldKind]:
        """The field of each mapped column, by the key of its title."""
        return {column_key(title): kind for title, kind in self.mapped.items()}

    @property
    def ignored_keys(self) -> frozenset[str]:
        """The keys of the titles that are ignored."""
        return frozenset(map(column_key, self.ignored))

    def check(self, header: Sequence[str]) -> None:
        """Invalid for a column that the file does not have."""
        known = {column_key(title) for title in header}
        for title in (*self.mapped, *sorted(self.ignored - {EVERYTHING_ELSE})):
            if column_key(title) not in known:
                raise Invalid(f"no column is called {title!r}; the first line names: {excerpt(header)}")

    def within(self, header: Sequence[str]) -> "ColumnChoices":
        """Those of the columns that this header has."""
        known = {column_key(title) for title in header}
        mapped = {title: kind for title, kind in self.mapped.items() if column_key(title) in known}
        return ColumnChoices(
            mapped, frozenset(title for title in self.ignored if title == EVERYTHING_ELSE or column_key(title) in known)
        )


DEFAULT_CHOICES = ColumnChoices()
"""The default: each column is what its header says."""


def column_key(title: str) -> str:
    """What two spellings of one title have in common."""
    return headers.normalized(title) or title.strip()


def named_fields(header: Sequence[str], choices: ColumnChoices, source: Source) -> list[FieldKind | None]:
    """The field of each column, by the operator's choice or else by its title; None where neither gives one."""
    mapped, ignored = choices.mapped_keys, choices.ignored_keys
    # A column mapped as the address or name replaces those recognised by title; columns that tell who left are added.
    replaced = {name for name in mapped.values() if name in _ONCE}

    def field_of(title: str) -> FieldKind | None:
        if (key := column_key(title)) in mapped:
            return mapped[key]
        if key in ignored or key in source.ignored:
            return None
        found = source.fields.get(key) or headers.field_of(title)
        return None if found in replaced else found

    named = [field_of(title) for title in header]
    keys = [column_key(title) for title in header]
    if source.attributes_after in keys:
        for at in range(keys.index(source.attributes_after) + 1, len(keys)):
            if keys[at] not in mapped and keys[at] not in ignored:
                named[at] = FieldKind.ATTRIBUTE
    return named


def free_columns(
    header: Sequence[str], named: Sequence[FieldKind | None], choices: ColumnChoices, source: Source
) -> list[int]:
    """The columns that hold no known field, and that neither the operator nor the source ignores."""
    ignored = choices.ignored_keys | source.ignored
    return [at for at, title in enumerate(header) if named[at] is None and column_key(title) not in ignored]


def address_column(header: Sequence[str], free: Iterable[int], sample: Sequence[Sequence[str]]) -> int:
    """The one column of the sample that has nothing but addresses, whatever its title; Invalid if there is none."""
    if not any("@" in title for title in header):
        found = [at for at in free if _has_only_addresses([row[at].strip() for row in sample if at < len(row)])]
        if len(found) == 1:
            return found[0]
    raise Invalid(_no_addresses(header))


def _has_only_addresses(column: Iterable[str]) -> bool:
    texts = [text for text in column if text]
    return bool(texts) and all(_ADDRESS.fullmatch(text) for text in texts)


_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;]+")


def _no_addresses(header: Sequence[str]) -> str:
    if any("@" in title for title in header):
        return (
            "no column is called email, because this line is a reader, not a header; "
            "put a line above it that names the columns, such as: email,name"
        )
    return (
        f"no column is called email; the first line names: {excerpt(header)}; "
        "if one of them holds the addresses, say so: --map COLUMN=email"
    )
