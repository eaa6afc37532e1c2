"""Three-way merge of two texts with a common ancestor.

Changes clash where they touch the same sentence or insert at the same place; changes of neighbouring lines, or of
neighbouring sentences of one paragraph, do not. An identical change on both sides is taken once.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from typing import TypeVar

_Text = TypeVar("_Text", str, list[str])

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# A row of dots is looked at from its first one only, or a long one would take minutes.
_SENTENCE = re.compile(r"\S.*?(?:(?<![.!?…])[.!?…]++[)\]”’\"'*_]*(?=\s|$)|$)\s*|\s+", re.MULTILINE)

# A longer stretch without a landmark was rewritten; matching it piece by piece would take long.
_MOST_PAIRS = 250_000


@dataclass(frozen=True, slots=True)
class Clash:
    """A passage that both sides changed differently, with the text before."""

    before: str
    mine: str
    theirs: str

    @property
    def both(self) -> str:
        """Both versions, theirs first, so that nothing is lost."""
        if not self.theirs or not self.mine:
            return self.theirs or self.mine
        if self.theirs.endswith("\n"):
            return f"{self.theirs}\n{self.mine}"
        return f"{self.theirs.rstrip()} {self.mine}"


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge: merged text and clashes, in order."""

    pieces: Sequence[str | Clash]

    @property
    def clashes(self) -> Sequence[Clash]:
        """The clashes that a person has to resolve."""
        return [piece for piece in self.pieces if isinstance(piece, Clash)]

    @property
    def text(self) -> str:
        """The whole text, with both versions at each clash."""
        return "".join(piece.both if isinstance(piece, Clash) else piece for piece in self.pieces)


@dataclass(frozen=True, slots=True, order=True)
class _Hunk:
    """Pieces `start` to `end` of the ancestor, replaced by `new`; an empty range is an insertion."""

    start: int
    end: int
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """A linked list of landmarks, last one first."""

    pair: tuple[int, int]
    rest: "_Row | None"

    def pairs(self) -> Iterator[tuple[int, int]]:
        row: _Row | None = self
        while row:
            yield row.pair
            row = row.rest


@dataclass(slots=True)
class _Region:
    """A stretch of the ancestor that one side or both changed."""

    start: int
    end: int
    mine: list[_Hunk]
    theirs: list[_Hunk]


def merge(before: str, mine: str, theirs: str) -> Merged:
    """Merge two texts; `before` is their common ancestor."""
    settled = _settled(before, mine, theirs)
    if settled is not None:
        return Merged([settled])
    texts = [_whole(text.replace("\r\n", "\n")) for text in (before, mine, theirs)]
    pieces = list(_joined(_merged(_LINE, *texts)))
    is_ended = _settled(*(text[-1:] for text in (before, mine, theirs))) == "\n"
    if not is_ended and pieces and isinstance(pieces[-1], str):
        pieces[-1] = pieces[-1].removesuffix("\n")
    return Merged(pieces)


def _whole(text: str) -> str:
    """The text with a final line break, so that adding a line does not change the last one."""
    return f"{text}\n" if text and not text.endswith("\n") else text


def _settled(before: _Text, mine: _Text, theirs: _Text) -> _Text | None:
    """The text to take if only one side changed it, or both in the same way; else None."""
    if mine in (before, theirs):
        return theirs
    return mine if theirs == before else None


def _merged(unit: re.Pattern[str], before: str, mine: str, theirs: str) -> Iterator[str | Clash]:
    old = unit.findall(before)
    at = 0
    for region in _regions(_hunks(old, unit.findall(mine)), _hunks(old, unit.findall(theirs))):
        yield "".join(old[at : region.start])
        sides = (_as_changed(old, region, hunks) for hunks in (region.mine, region.theirs))
        yield from _decided(unit, old[region.start : region.end], *sides)
        at = region.end
    yield "".join(old[at:])


def _hunks(old: list[str], new: list[str]) -> Iterator[_Hunk]:
    a = c = 0
    # Pieces that occur once in each text anchor the match (patience diff): few comparisons, no chance matches.
    for b, d in [*_landmarks(old, new), (len(old), len(new))]:
        yield from _between(old, new, (a, b), (c, d))
        a, c = b + 1, d + 1


def _landmarks(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """The longest common sequence of pieces that occur once in both texts."""
    old_places, new_places = _once(old), _once(new)
    pairs = [(old_places[piece], new_places[piece]) for piece in old_places if piece in new_places]
    ends: list[int] = []
    rows: list[_Row] = []
    for pair in pairs:
        length = bisect_left(ends, pair[1])
        row = _Row(pair, rows[length - 1] if length else None)
        ends[length : length + 1], rows[length : length + 1] = [pair[1]], [row]
    return list(rows[-1].pairs())[::-1] if rows else []


def _once(pieces: list[str]) -> dict[str, int]:
    counted = Counter(pieces)
    return {piece: at for at, piece in enumerate(pieces) if counted[piece] == 1}


def _between(old: list[str], new: list[str], old_range: tuple[int, int], new_range: tuple[int, int]) -> Iterator[_Hunk]:
    (start, end), (c, d) = old_range, new_range
    head = _alike(old[start:end], new[c:d])
    start, c = start + head, c + head
    tail = _alike(old[start:end][::-1], new[c:d][::-1])
    end, d = end - tail, d - tail
    for act, a, b, e, f in _opcodes(old[start:end], new[c:d]):
        exchanged = new[c + e : c + f]
        if act == "replace" and b - a == f - e:
            # The same number of pieces: replace one by one, so that the other side may change a neighbour.
            yield from (_Hunk(start + a + n, start + a + n + 1, (piece,)) for n, piece in enumerate(exchanged))
        elif act != "equal":
            yield _Hunk(start + a, start + b, tuple(exchanged))


def _opcodes(old: list[str], new: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if len(old) * len(new) > _MOST_PAIRS:
        return [("change", 0, len(old), 0, len(new))]
    return SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if old or new else []


def _regions(mine: Iterator[_Hunk], theirs: Iterator[_Hunk]) -> Iterator[_Region]:
    region: _Region | None = None
    hunks = sorted([*((hunk, True) for hunk in mine), *((hunk, False) for hunk in theirs)])
    for hunk, is_mine in hunks:
        if region is None or not _meet(region, hunk):
            if region:
                yield region
            region = _Region(hunk.start, hunk.end, [], [])
        region.end = max(region.end, hunk.end)
        (region.mine if is_mine else region.theirs).append(hunk)
    if region:
        yield region


def _meet(region: _Region, hunk: _Hunk) -> bool:
    """Whether a change overlaps a region that starts at or before it, or inserts at the same place."""
    return hunk.start < region.end or (hunk.start, hunk.end) == (region.start, region.end)


def _as_changed(old: list[str], region: _Region, hunks: list[_Hunk]) -> list[str]:
    made, at = [], region.start
    for hunk in hunks:
        made += [*old[at : hunk.start], *hunk.new]
        at = hunk.end
    return made + old[at : region.end]


def _decided(unit: re.Pattern[str], before: list[str], mine: list[str], theirs: list[str]) -> Iterator[str | Clash]:
    settled = _settled(before, mine, theirs)
    if settled is not None:
        yield "".join(settled)
        return
    head = _alike(mine, theirs)
    tail = _alike(mine[head:][::-1], theirs[head:][::-1])
    inner_mine, inner_theirs = (side[head : len(side) - tail] for side in (mine, theirs))
    yield "".join(mine[:head])
    if (settled := _settled(before, inner_mine, inner_theirs)) is not None:
        yield "".join(settled)
    else:
        yield from _clash(unit, *("".join(side) for side in (before, inner_mine, inner_theirs)))
    yield "".join(mine[len(mine) - tail :])


def _clash(unit: re.Pattern[str], before: str, mine: str, theirs: str) -> Iterator[str | Clash]:
    if unit is _LINE and before and mine and theirs:
        yield from _merged(_SENTENCE, before, mine, theirs)
    else:
        yield Clash(before, mine, theirs)


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the common prefix."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _joined(pieces: Iterator[str | Clash]) -> Iterator[str | Clash]:
    run = ""
    for piece in pieces:
        if isinstance(piece, Clash):
            if run:
                yield run
            yield piece
            run = ""
        else:
            run += piece
    if run:
        yield run
