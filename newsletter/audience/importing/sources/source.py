"""What a peer's export looks like: by which columns it is known, and what its columns and words mean."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from newsletter.audience.importing import status_words
from newsletter.audience.importing.cells import NOTHING
from newsletter.audience.importing.headers import FieldKind, normalized, terms
from newsletter.audience.statuses import Status
from newsletter.errors import Invalid
from newsletter.formulas import unescape_formula


class Membership(StrEnum):
    """What a file as a whole says of everybody in it, by its name or its columns."""

    ACTIVE = "active"
    PENDING = "pending"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    NEVER_SUBSCRIBED = "never subscribed"


ProofCell = Callable[[str], str]
"""A row's cell under a header that is kept as proof, as `normalized` spells it; "" if there is none."""
Remark = Callable[[ProofCell], str]
"""What a row's proof is worth, if something is to be said of it; else ""."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A program that lists come from; headers and words are spelled as `normalized` does."""

    name: str
    """As `--source` takes it."""
    title: str
    signs: Sequence[frozenset[str]]
    """Sets of headers: a file that has all of one set is from here."""
    foreign: frozenset[str]
    """Headers that it never has."""
    fields: Mapping[str, FieldKind]
    words: Mapping[str, Status | None]
    """Its words for where a reader stands; None says nothing. Where there are none, any language's are understood."""
    ignored: frozenset[str]
    """Columns that are of use to that program only."""
    states: frozenset[str]
    """Columns of which one has to be there, because it tells who has left; empty where it has no states."""
    export: str
    """How to make an export that tells who has left, in a sentence."""
    skipped_words: frozenset[str]
    """Words for somebody who never was a reader: their rows are passed over."""
    tagged_words: frozenset[str]
    """Words that are kept as a tag, too."""
    skipped_domain: str
    """Addresses at this domain belong to no reader."""
    tag_separator: str
    attributes_after: str | None
    """The header of the last column that is no attribute; None where each is what its title says."""
    nothing: frozenset[str]
    """Words that stand for an empty cell."""
    headerless: Sequence[str]
    """The columns of a file whose first line is a reader; empty where it has a header."""
    members: str
    """A pattern for the names of the lists in its zip; empty where it has none."""
    membership: Callable[[str, Collection[str]], Membership | None]
    """What a file says as a whole, by its name and its headers."""
    remark: Remark | None

    def score(self, headers: Collection[str]) -> int:
        """How well a file's headers match this source; 0 if not at all."""
        had = frozenset(headers)
        if had & self.foreign:
            return 0
        matched = max((len(sign) for sign in self.signs if sign <= had), default=0)
        if not matched:
            return 0
        return 100 * matched + len(had & (self.fields.keys() | self.ignored | self.states))

    def status(self, field: FieldKind, cell: str) -> Status | None:
        """What a cell says of its reader; Invalid for a word that this source does not have."""
        return _status(self, field, cell)


def define(
    name: str,
    title: str,
    *,
    signs: Iterable[str] = (),
    foreign: str = "",
    fields: Mapping[FieldKind, str] | None = None,
    words: Mapping[Status | None, str] | None = None,
    ignored: str = "",
    states: str = "",
    export: str = "",
    skipped_words: str = "",
    tagged_words: str = "",
    skipped_domain: str = "",
    tag_separator: str = "",
    attributes_after: str | None = None,
    nothing: frozenset[str] = NOTHING,
    headerless: Sequence[str] = (),
    members: str = "",
    membership: Callable[[str, Collection[str]], Membership | None] = lambda _name, _headers: None,
    remark: Remark | None = None,
) -> Source:
    """A source, from comma-separated lists of headers and words as people write them."""
    return Source(
        name,
        title,
        [frozenset(terms(sign)) for sign in signs],
        frozenset(terms(foreign)),
        {header: field for field, headers in (fields or {}).items() for header in terms(headers)},
        {word: status for status, each in (words or {}).items() for word in terms(each)},
        frozenset(terms(ignored)),
        frozenset(terms(states)),
        export,
        frozenset(terms(skipped_words)),
        frozenset(terms(tagged_words)),
        skipped_domain,
        tag_separator,
        attributes_after,
        nothing,
        headerless,
        members,
        membership,
        remark,
    )


_WORDED = (FieldKind.STATUS, FieldKind.ACCOUNT, FieldKind.UNSUBSCRIBED)


@lru_cache(4096)
def _status(source: Source, field: FieldKind, cell: str) -> Status | None:
    text = unescape_formula(cell.strip())
    if not source.words or field not in _WORDED:
        return status_words.parse_status(field, text)
    plain = normalized(text)
    if plain in source.words:
        return source.words[plain]
    if plain in source.skipped_words:
        return None
    found = status_words.parse_status(field, text)
    # A word of another program may end a subscription, and never begins one.
    if found is Status.ACTIVE:
        known = ", ".join(source.words)
        raise Invalid(f"the status {text[:40]!r} is none of {source.title}, which has: {known}")
    return found
