"""Columns: which cell of a row holds which field, told by the header and never by position.

A column that may say who has left is never ignored silently: somebody decides what it holds, or that it is of no use.
Whatever else a row says about its reader becomes an attribute.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from newsletter import characters
from newsletter.audience import chosen_hour, tag_names
from newsletter.audience.address import Address
from newsletter.audience.chosen_hour import DeliveryHour
from newsletter.audience.importing import headers, status_words
from newsletter.audience.importing.cells import (
    MAX_ATTRIBUTES,
    are_plain,
    attributes_in,
    checked_text,
    excerpt,
    says_gone,
    split_tags,
    tags_in,
    text_of,
)
from newsletter.audience.importing.column_fields import (
    DEFAULT_CHOICES,
    EVERYTHING_ELSE,
    ColumnChoices,
    address_column,
    column_key,
    free_columns,
    named_fields,
)
from newsletter.audience.importing.headers import FieldKind
from newsletter.audience.importing.sources.plain import PLAIN
from newsletter.audience.importing.sources.source import Membership, Source
from newsletter.audience.statuses import Pace, Status, worse_status
from newsletter.errors import Invalid
from newsletter.formulas import unescape_formula

_MAX_TAGS = 100
_STATUS_OF = {one: None if one is Membership.NEVER_SUBSCRIBED else Status(one.value) for one in Membership}
_MAX_PROOF = 50_000

Details = Sequence[tuple[str, Callable[[Sequence[str]], Any]]]
"""Fields of an `ImportRow`, each with what reads it from the texts of a row's cells."""


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """Which cells of a row hold which field; a field whose header occurs twice has two cells."""

    places: Mapping[FieldKind, tuple[int, ...]]
    telling: Sequence[tuple[int, FieldKind]]
    """The cells that tell whether a reader has left, each with the kind of its column."""
    passed_over: Sequence[int]
    """The cells whose columns nobody has said anything about, so that one may say that its reader has left."""
    texts: Sequence[int]
    """The cells that hold a text, be it of a field or an attribute, and not JSON."""
    others_passed_over: Sequence[int]
    """Those passed over that are not among them."""
    postal: Sequence[int]
    attributes: Sequence[tuple[int, str]]
    proofs: Sequence[tuple[int, str]]
    header: Sequence[str]
    source: Source = PLAIN
    membership: Membership | None = None
    """The status of all readers in the file, if its name or header tells it."""
    stated: Sequence[int] = ()
    """The cells of which files from this source always fill one, because they tell where a reader stands."""
    doubt: str = ""
    """Why it is not clear who in the list has left, and what to do, in sentences without the last full stop."""

    @classmethod
    def from_header(
        cls,
        header: Sequence[str],
        choices: ColumnChoices = DEFAULT_CHOICES,
        source: Source = PLAIN,
        file_name: str = "",
        sample: Sequence[Sequence[str]] = (),
    ) -> Self:
        """The layout that a header describes.

        If no title is known to mean addresses, the column is taken in which all of `sample`, the first rows, are
        addresses. Raises Invalid if there is none, or if an unmapped column may tell who has left.
        """
        choices.check(header)
        named = named_fields(header, choices, source)
        free = free_columns(header, named, choices, source)
        if FieldKind.EMAIL not in named:
            named[address_column(header, free, sample)] = FieldKind.EMAIL
            free = [at for at in free if named[at] is None]
        if suspects := [(header[at], what) for at in free if (what := headers.suspected_field(header[at], header))]:
            raise Invalid(_undecided(suspects))
        others = [] if EVERYTHING_ELSE in choices.ignored else free
        attributes = _attributes(header, named, others)
        membership = source.membership(file_name, [headers.normalized(title) for title in header])
        passed_over = _passed_over(header, named, free, choices, source)
        # JSON is long, and not to be looked at twice.
        no_texts = {None, FieldKind.ATTRIBUTES, *status_words.TELLING}
        texts = sorted({*(at for at, _ in attributes), *(at for at, name in enumerate(named) if name not in no_texts)})
        return cls(
            places={one: tuple(at for at, name in enumerate(named) if name is one) for one in FieldKind},
            telling=[(at, name) for at, name in enumerate(named) if name in status_words.TELLING],
            passed_over=passed_over,
            texts=texts,
            others_passed_over=[at for at in passed_over if at not in texts],
            postal=[at for at in free if headers.is_postal(header[at], header)],
            attributes=attributes,
            proofs=[(at, header[at].strip()) for at, name in enumerate(named) if name is FieldKind.PROOF],
            header=header,
            source=source,
            membership=membership,
            stated=[] if membership else _stated(header, named, source),
            doubt="" if membership else _doubt(header, named, choices, source, file_name),
        )

    def details(self) -> Details:
        """What a row can say besides its address, name, status and date."""
        places, source = self.places, self.source
        possible = (
            ("proof", self.proof, self.proofs),
            ("remark", _remarking(source, self.proofs), source.remark and self.proofs),
            ("tags", self.tags, places[FieldKind.TAGS] or source.tagged_words),
            ("is_monthly", self.is_monthly, places[FieldKind.PACE]),
            ("topics_off", self.topics_off, places[FieldKind.TOPICS_OFF]),
            ("delivery_hour", self.delivery_hour, places[FieldKind.DELIVERY_HOUR]),
            ("attributes", self.attribute_values, self.attributes or places[FieldKind.ATTRIBUTES]),
        )
        return [(name, read) for name, read, told_by in possible if told_by]

    def padded(self, cells: list[str]) -> list[str]:
        """The cells of a row, one for each column; Invalid for a row with too many cells."""
        missing = len(self.header) - len(cells)
        if missing < 0 and any(cells[missing:]):
            raise Invalid(f"it has {len(cells)} cells for {len(self.header)} columns; a cell with a comma needs quotes")
        return cells + [""] * missing if missing > 0 else cells

    def checked_texts(self, cells: Sequence[str]) -> Sequence[str]:
        """The texts of a row's cells; Invalid if one says in an unread column that its reader has left."""
        is_plain = are_plain([cells[at] for at in self.texts])
        for at in self.others_passed_over if is_plain else self.passed_over:
            if cells[at] and status_words.is_known_as_gone(cells[at]):
                raise Invalid(_unread_status(self.header[at], cells[at]))
        for at in self.postal:
            if status_words.is_status(cells[at]):
                raise Invalid(_unread_status(self.header[at], cells[at]))
        if is_plain:
            return cells
        texts = list(cells)
        for at in self.texts:
            texts[at] = text_of(cells[at], self.source.nothing)
        return texts

    def has_titles(self, cells: Sequence[str]) -> bool:
        """Whether this is the header again, as where files were put together."""
        return [cell.strip() for cell in cells] == [title.strip() for title in self.header]

    def is_other_header(self, cells: Sequence[str]) -> bool:
        """Whether this row seems to be the header of another list: it names its columns, that of the addresses too."""
        named = [self.source.fields.get(column_key(cell)) or headers.field_of(cell) for cell in cells if cell.strip()]
        return FieldKind.EMAIL in named and len(named) - named.count(None) > max(1, named.count(None))

    def is_first_half(self, cells: Sequence[str], following: Sequence[str]) -> bool:
        """Whether the next row, without an address, seems to be the rest of this one, cut by a line break in a cell."""
        missing = len(self.header) - len(cells)
        return 0 < missing == len(following) - 1 and not any("@" in cell for cell in following)

    def text(self, texts: Sequence[str], field: FieldKind) -> str:
        """The first text of this field that is not empty; "" if there is none."""
        for place in self.places[field]:
            if texts[place]:
                return texts[place]
        return ""

    def name(self, texts: Sequence[str]) -> str:
        """The whole name, or first and last put together."""
        if whole := self.text(texts, FieldKind.NAME):
            return whole
        return f"{self.text(texts, FieldKind.FIRST_NAME)} {self.text(texts, FieldKind.LAST_NAME)}".strip()

    def status(self, cells: Sequence[str]) -> Status | None:
        """The worst status that the row gives its reader, None if none; raises Invalid for an unknown word."""
        worst = _STATUS_OF[self.membership] if self.membership else None
        for at, how in self.telling:
            # An empty cell says nothing, except that nobody subscribed.
            if not cells[at] and how is not FieldKind.SUBSCRIBED:
                continue
            try:
                worst = worse_status(worst, self.source.status(how, cells[at]))
            except Invalid as error:
                raise Invalid(f"{error} (column {excerpt([self.header[at]])})") from None
        if worst is None and self.stated and all(status_words.is_nothing(cells[at].strip()) for at in self.stated):
            titles = excerpt([self.header[at] for at in self.stated])
            raise Invalid(f"nothing says where this reader stands: the cell for it is empty (column {titles})")
        return worst

    def skip_reason(self, cells: Sequence[str], address: Address) -> str:
        """The reason why a row is skipped because it is no reader's; "" if it is not skipped."""
        source = self.source
        if self.membership is Membership.NEVER_SUBSCRIBED:
            return f"never subscribed at {source.title}"
        if source.skipped_domain and address.domain == source.skipped_domain:
            return f"asked {source.title} to delete their data"
        if source.skipped_words and (found := self._words_among(cells, source.skipped_words)):
            return f"{found[0]} at {source.title}"
        return ""

    def tags(self, texts: Sequence[str]) -> tuple[str, ...]:
        """The names of the reader's tags, each once; raises Invalid for a name that is not valid."""
        source = self.source
        found = self._words_among(texts, source.tagged_words) if source.tagged_words else []
        for place in self.places[FieldKind.TAGS]:
            if text := texts[place]:
                names, leaving = tags_in(text, source.tag_separator)
                if leaving and place in self.passed_over:
                    raise Invalid(_unread_status(self.header[place], leaving, FieldKind.TAGS))
                found += names
        if len(found) > _MAX_TAGS:
            raise Invalid(f"{len(found)} tags for one reader, and {_MAX_TAGS} fit")
        return tuple(dict.fromkeys(found))

    def is_monthly(self, texts: Sequence[str]) -> bool:
        """Whether the reader gets one digest a month."""
        return self.text(texts, FieldKind.PACE) == Pace.MONTHLY

    def topics_off(self, texts: Sequence[str]) -> tuple[str, ...]:
        """The keys of the topics that are turned off, each once; raises Invalid for a name that is not valid."""
        if not (text := self.text(texts, FieldKind.TOPICS_OFF)):
            return ()
        names = (tag_names.clean_tag(each, "the topic") for each in split_tags(text, ","))
        return tuple(dict.fromkeys(map(characters.label_key, names)))[:_MAX_TAGS]

    def delivery_hour(self, texts: Sequence[str]) -> DeliveryHour | None:
        """When issues are to arrive, if the row says so; raises Invalid for an hour or a time zone that is unknown."""
        zone, hour = self.text(texts, FieldKind.DELIVERY_ZONE), self.text(texts, FieldKind.DELIVERY_HOUR)
        try:
            return chosen_hour.parse(zone, hour)
        except Invalid:
            raise Invalid(
                f"no delivery hour is {hour[:40]!r} in {zone[:40]!r}: give an hour from 0 to 23, "
                "and a time zone such as Europe/Warsaw"
            ) from None

    def attribute_values(self, texts: Sequence[str]) -> dict[str, str]:
        """The row's attribute values by name, as they are written; raises Invalid for one that cannot be stored."""
        found: dict[str, str] = {}
        for place, name in self.attributes:
            if text := texts[place]:
                # Nearly every text may be stored as it is.
                is_plain = len(text) <= tag_names.MAX_VALUE and text.isprintable()
                found.setdefault(name, text if is_plain else checked_text(name, text))
        for place in self.places[FieldKind.ATTRIBUTES]:
            if text := text_of(texts[place], self.source.nothing):
                parsed = attributes_in(self.header[place], text)
                if place in self.passed_over and (leaving := next(filter(says_gone, parsed.items()), None)):
                    raise Invalid(_unread_status(self.header[place], ": ".join(leaving), FieldKind.ATTRIBUTES))
                found |= parsed
        return found

    def proof(self, texts: Sequence[str]) -> str:
        """The other system's own proof of consent, word for word; raises Invalid for one that cannot be stored."""
        found = [(title, text) for at, title in self.proofs if (text := texts[at])]
        whole = "; ".join([f"{title} {text}" for title, text in found])
        # Nearly always; otherwise each cell has the limit, and the column at fault is named.
        if len(whole) <= _MAX_PROOF and whole.isprintable():
            return whole
        return "; ".join(f"{title} {checked_text(title, text, _MAX_PROOF)}" for title, text in found)

    def _words_among(self, cells: Sequence[str], words: frozenset[str]) -> list[str]:
        texts = [cells[at] for at, _ in self.telling if cells[at]]
        return [text.strip().casefold() for text in texts if headers.normalized(text) in words]


def _remarking(source: Source, proofs: Iterable[tuple[int, str]]) -> Callable[[Sequence[str]], str]:
    """Reads what the source says of a row's proof; "" where it says nothing."""
    places = {headers.normalized(title): at for at, title in proofs}

    def read(texts: Sequence[str]) -> str:
        def cell(title: str) -> str:
            return texts[places[title]] if title in places else ""

        return source.remark(cell) if source.remark else ""

    return read


def _doubt(
    header: Sequence[str],
    named: Sequence[FieldKind | None],
    choices: ColumnChoices,
    source: Source,
    file_name: str,
) -> str:
    if any(kind in status_words.TELLING for kind in choices.mapped.values()):
        return ""
    if source.states and source.states.isdisjoint({column_key(title) for title in header} - choices.ignored_keys):
        return (
            f"this list from {source.title} does not tell who has left, and whoever did would be mailed again. "
            f"{source.export[0].upper()}{source.export[1:]}"
        )
    if headers.names_the_gone(file_name) and not any(kind in status_words.TELLING for kind in named):
        return (
            f"the name {excerpt([file_name])} may say that its readers have left, and no column does. "
            "If they have, add a column “status” with “unsubscribed” or “bounced” in each row"
        )
    return ""


_STATES = (FieldKind.STATUS, FieldKind.SUBSCRIBED)


def _stated(header: Sequence[str], named: Sequence[FieldKind | None], source: Source) -> list[int]:
    titled = [at for at, title in enumerate(header) if column_key(title) in source.states]
    # Where only those are marked who have left, as by Mautic, an empty cell says that this reader has not.
    return titled if all(named[at] in _STATES for at in titled) else []


# A name as well: where a row lacks a cell, the next one moves into its place.
_HEARD = {
    *(FieldKind.TAGS, FieldKind.ATTRIBUTE, FieldKind.ATTRIBUTES),
    *(FieldKind.NAME, FieldKind.FIRST_NAME, FieldKind.LAST_NAME, FieldKind.JOINED),
}


def _passed_over(
    header: Sequence[str],
    named: Sequence[FieldKind | None],
    free: Iterable[int],
    choices: ColumnChoices,
    source: Source,
) -> list[int]:
    if source.attributes_after in [column_key(title) for title in header]:
        return []
    mapped = choices.mapped_keys
    unmapped = [at for at, name in enumerate(named) if name in _HEARD and column_key(header[at]) not in mapped]
    return sorted({*free, *unmapped})


def _attributes(
    header: Sequence[str], named: Sequence[FieldKind | None], others: Iterable[int]
) -> list[tuple[int, str]]:
    chosen = [at for at, name in enumerate(named) if name is FieldKind.ATTRIBUTE]
    chosen += [at for at in others if not headers.is_bookkeeping(header[at])]
    if len(chosen) > MAX_ATTRIBUTES:
        raise Invalid(
            f"{len(chosen)} columns would be kept as attributes, and {MAX_ATTRIBUTES} fit: leave some out with "
            "--ignore COLUMN, or all that are not known with --ignore '*'"
        )
    titles = [(at, unescape_formula(header[at])) for at in sorted(chosen)]
    return [(at, tag_names.clean_tag(title, "the title of a column")) for at, title in titles]


def _undecided(suspects: Iterable[tuple[str, FieldKind]]) -> str:
    ways = "; ".join(
        f"{excerpt([title])}: --map {shlex.quote(f'{title.strip()}={field}')} or --ignore {shlex.quote(title.strip())}"
        for title, field in suspects
    )
    return f"nothing was imported, because a column may tell who has left. Say what it holds, or leave it out: {ways}"


def _unread_status(title: str, text: str, harmless_as: FieldKind | None = None) -> str:
    """Why a row is refused whose text under this title may say that its reader has left, and what to answer.

    `harmless_as` is the field to map the column to if the text says no such thing; without it, the status is offered.
    """
    column = shlex.quote(title.strip())
    mapped = shlex.quote(f"{title.strip()}={harmless_as or FieldKind.STATUS}")
    answer = f"; if not, give --map {mapped} or" if harmless_as else f"; give --map {mapped} or"
    return f"{excerpt([text])} under {excerpt([title])} may say that this reader has left{answer} --ignore {column}"
