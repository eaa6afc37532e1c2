"""Diffs: what was kept, removed and added between two texts, by line and then by word."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby

_WORD = re.compile(r"\S+\s*|\s+")
# A longer passage was rewritten; matching it word by word would take long and show little.
_MOST_WORDS = 2_000


class Kind(StrEnum):
    """What happened to a piece of text."""

    SAME = "same"
    GONE = "gone"
    NEW = "new"
    FOLDED = "folded"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text of one kind; `text` is complete even where a piece is folded."""

    kind: Kind
    text: str

    @property
    def lines(self) -> int:
        """How many lines it spans."""
        return len(self.text.splitlines())


def compare(old: str, new: str) -> list[Piece]:
    """The diff of two texts: all pieces but the added ones make the old text, all but the removed ones the new."""
    pieces = _line_by_line(old.splitlines(keepends=True), new.splitlines(keepends=True))
    runs = groupby(pieces, key=lambda piece: piece.kind)
    return [Piece(kind, "".join(piece.text for piece in run)) for kind, run in runs]


def is_changed(pieces: Iterable[Piece]) -> bool:
    """Whether the two texts differ."""
    return any(piece.kind is not Kind.SAME for piece in pieces)


def fold_unchanged(pieces: Sequence[Piece], around: int = 2) -> list[Piece]:
    """The pieces, with unchanged text folded beyond `around` lines next to a change."""
    last = len(pieces) - 1
    folded = []
    for place, piece in enumerate(pieces):
        before, after = (0 if place == 0 else around), (0 if place == last else around)
        folded += _folded(piece, before, after) if piece.kind is Kind.SAME else [piece]
    return folded


def _line_by_line(old: list[str], new: list[str]) -> Iterator[Piece]:
    for act, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes():
        removed, added = "".join(old[a:b]), "".join(new[c:d])
        if act == "equal":
            yield Piece(Kind.SAME, removed)
        else:
            yield from _word_by_word(_WORD.findall(removed), _WORD.findall(added))


def _word_by_word(old: list[str], new: list[str]) -> Iterator[Piece]:
    if len(old) + len(new) > _MOST_WORDS:
        yield from _exchanged(old, new)
        return
    for act, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if act == "equal":
            yield Piece(Kind.SAME, "".join(old[a:b]))
        else:
            yield from _exchanged(old[a:b], new[c:d])


def _exchanged(old: list[str], new: list[str]) -> Iterator[Piece]:
    if old:
        yield Piece(Kind.GONE, "".join(old))
    if new:
        yield Piece(Kind.NEW, "".join(new))


def _folded(piece: Piece, before: int, after: int) -> list[Piece]:
    lines = piece.text.splitlines(keepends=True)
    hidden = lines[before : len(lines) - after]
    # Folding a single line would save nothing.
    if len(hidden) < 2:
        return [piece]
    ends = lines[:before], hidden, lines[len(lines) - after :]
    made = zip((Kind.SAME, Kind.FOLDED, Kind.SAME), ends, strict=True)
    return [Piece(kind, "".join(part)) for kind, part in made if part]
