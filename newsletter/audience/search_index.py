"""The search index: the search entries of each block of 128 readers as one text, which is searched as a whole.

    search     finds the blocks that contain what was typed, and in them the readers
    a change   clears the reader's `indexed`; until the worker has indexed it, every search reads that entry as well
    index      packs some blocks anew, and sets `indexed`

A text may be older than an entry, so whoever searches looks at the entries of those whom the index names. Writing a
reader costs no more than without it. For the reasons see docs/decisions/0027-searching-packed-entries.md.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, LargeBinary, Row, delete, func, literal, or_, select, text, true, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.audience.models import Subscriber
from newsletter.db import UNSYNCED, Base, insert, is_postgresql, position
from newsletter.pagination import PageRequest

BLOCK = 128
"""With so many, a text mostly fits into a page of PostgreSQL, which would otherwise fetch it from elsewhere."""
_BLOCKS_PACKED_AT_ONCE = 20
# What many have is found in a few blocks; what few have, in fewer statements.
_FEWEST_BLOCKS, _MOST_BLOCKS = 4, 256
_MANY_ENTRIES = 1_000

# Written out, because neither database matches a parameter to a partial index.
UNINDEXED = text("subscribers.indexed = false")
"""Readers whose entries the index does not know."""
_WAITING = select(Subscriber.id).where(UNINDEXED).order_by(Subscriber.id)


class SearchBlock(Base):
    """The entries of the readers whose ids begin at `number` times 128: a line for each id, empty if it is nobody's."""

    __tablename__ = "search_blocks"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entries: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a search found in some blocks in a row: the readers, and how many entries were looked at for them."""

    readers: list[int]
    looked_at: int
    end: int
    """The last id that was looked at."""


def search(session: Session, parts: Collection[str], turn: PageRequest) -> Iterator[Stretch]:
    """Whose entries contain all these parts, the newest reader first; the oldest if the page is `after` a reader."""
    forwards, number, wanted = turn.after is not None, SearchBlock.number, [part.encode() for part in parts]
    blocks = select(number, SearchBlock.entries).order_by(number if forwards else number.desc())
    blocks = blocks.where(*_contain(session, wanted))
    beyond: ColumnElement[bool] = true()
    if turn.after is not None:
        beyond = number >= (turn.after + 1) // BLOCK
    elif turn.before is not None:
        beyond = number <= (turn.before - 1) // BLOCK
    size = _FEWEST_BLOCKS
    while found := session.execute(blocks.where(beyond).limit(size)).all():
        stretch = _search_blocks(found, wanted, turn)
        yield stretch
        last = found[-1].number
        beyond = number > last if forwards else number < last
        size = min(2 * size, _MOST_BLOCKS) if stretch.looked_at < _MANY_ENTRIES else size


def contains_all(session: Session, parts: Iterable[str]) -> Iterator[ColumnElement[bool]]:
    """The conditions that a reader's search entry contains each of these parts."""
    # Not LIKE: PostgreSQL would estimate that almost nothing matches, and sort all readers for the first fifty.
    return (position(session, Subscriber.search, part) > 0 for part in parts)


def is_due(session: Session, _now: datetime) -> bool:
    """Whether `index_some` has something to do."""
    return session.scalar(_WAITING.limit(1)) is not None


def index_some(session: Session) -> int:
    """Index some readers that are not indexed yet; how many, 0 when none is left."""
    numbers = sorted({reader // BLOCK for reader in session.scalars(_WAITING.limit(_BLOCKS_PACKED_AT_ONCE * BLOCK))})[
        :_BLOCKS_PACKED_AT_ONCE
    ]
    if not numbers:
        return 0
    # Locked before any entry is read, so that of two workers the second one sees what the first one wrote.
    empty = [{"number": number, "entries": b""} for number in numbers]
    session.execute(insert(session, SearchBlock).values(empty).on_conflict_do_nothing())
    session.execute(select(SearchBlock.number).where(SearchBlock.number.in_(numbers)).with_for_update())
    theirs = or_(*map(_is_in, numbers))
    done = update(Subscriber).where(theirs, Subscriber.indexed.is_(False)).values(indexed=True).returning(Subscriber.id)
    count = len(session.scalars(done, execution_options=UNSYNCED).all())
    entries: dict[int, dict[int, str]] = defaultdict(dict)
    for reader, entry in session.execute(select(Subscriber.id, Subscriber.search).where(theirs)):
        entries[reader // BLOCK][reader % BLOCK] = entry
    for number in numbers:
        own = update(SearchBlock).where(SearchBlock.number == number)
        session.execute(own.values(entries=_pack(entries[number])), execution_options=UNSYNCED)
    return count


def drop_readers(session: Session, reader_ids: Iterable[int]) -> None:
    """Have the worker pack the blocks of deleted readers anew, without their entries."""
    for number in sorted({reader_id // BLOCK for reader_id in reader_ids}):
        # Made first if it is missing, so that a worker who packs it waits for this transaction, or this one for it.
        missing = insert(session, SearchBlock).values(number=number, entries=b"")
        session.execute(missing.on_conflict_do_nothing())
        session.execute(delete(SearchBlock).where(SearchBlock.number == number))
        reindexing = update(Subscriber).where(_is_in(number), Subscriber.indexed).values(indexed=False)
        session.execute(reindexing, execution_options=UNSYNCED)


def _search_blocks(blocks: Iterable[Row[int, bytes]], parts: Sequence[bytes], turn: PageRequest) -> Stretch:
    readers, looked_at, number = [], 0, 0
    for number, entries in blocks:
        lines, count = _lines_with(entries, parts)
        readers += [reader for line in lines if turn.reaches(reader := number * BLOCK + line)]
        looked_at += count
    return Stretch(readers, looked_at, number * BLOCK + (BLOCK - 1 if turn.after is not None else 0))


def _lines_with(entries: bytes, parts: Sequence[bytes]) -> tuple[list[int], int]:
    """The lines that contain all these parts, and how many were looked at: those with the rarest part."""
    rarest, *others = sorted(parts, key=entries.count)
    lines, looked_at, place = [], 0, entries.find(rarest)
    while place >= 0:
        start, end = entries.rfind(b"\n", 0, place) + 1, entries.index(b"\n", place)
        if all(entries.find(part, start, end) >= 0 for part in others):
            lines.append(entries.count(b"\n", 0, start))
        looked_at += 1
        place = entries.find(rarest, end)
    return lines, looked_at


def _contain(session: Session, parts: Iterable[bytes]) -> Iterator[ColumnElement[bool]]:
    if is_postgresql(session):
        return (func.position(literal(part).op("IN")(SearchBlock.entries)) > 0 for part in parts)
    return (func.instr(SearchBlock.entries, part) > 0 for part in parts)


def _is_in(number: int) -> ColumnElement[bool]:
    return Subscriber.id.between(number * BLOCK, number * BLOCK + BLOCK - 1)


def _pack(entries: dict[int, str]) -> bytes:
    return "".join(entries.get(place, "") + "\n" for place in range(BLOCK)).encode()
