"""The search index: a Bloom filter of trigrams for each block of 256 readers.

    search     each block's filter answers "none" or "perhaps"; only entries of the latter blocks are read
    a change   clears the reader's `indexed`; until the worker has indexed it, every search reads that entry
    index      rebuilds the filters of some blocks, and sets `indexed`

A filter may give false positives, never a false negative for an indexed reader. Writing a reader costs no more than
without the index, and both databases work alike. For the reasons see docs/decisions/0016-searching-by-bloom-filters.md.
"""

from binascii import crc32
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Integer,
    LargeBinary,
    and_,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.audience import search_text
from newsletter.audience.models import Subscriber, Subscription
from newsletter.db import UNSYNCED, Base, insert

BLOCK = 256
_BITS = 32_768
_BLOCKS_FILLED_AT_ONCE = 5
_BLOCKS_READ_AT_ONCE = 50
# With more of either, reading all readers, newest first, fills a page sooner.
_MANY_BLOCKS = 1_000
_MANY_READERS = 5_000

# Written out, because neither database matches a parameter to a partial index.
_UNINDEXED = text("subscribers.indexed = false")
_WAITING = select(Subscriber.id).where(_UNINDEXED).order_by(Subscriber.id)


class SearchBlock(Base):
    """The filter of the readers whose ids begin at `number` times 256."""

    __tablename__ = "search_blocks"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    filter: Mapped[bytes] = mapped_column(LargeBinary)


def find(session: Session, parts: Collection[str]) -> list[int] | None:
    """The subscriptions whose search entries contain all these parts; None if too many match to list them."""
    numbers = _perhaps(session, _bits(parts))
    if len(numbers) > _MANY_BLOCKS:
        return None
    all_of_them = and_(*contains_all(session, parts))
    theirs = select(Subscriber.id).where(_UNINDEXED, all_of_them)
    readers = _in_blocks(session, numbers, all_of_them) | set(session.scalars(theirs.limit(_MANY_READERS + 1)))
    if len(readers) > _MANY_READERS:
        return None
    return list(session.scalars(select(Subscription.id).where(Subscription.subscriber_id.in_(readers))))


def contains_all(session: Session, parts: Iterable[str]) -> Iterator[ColumnElement[bool]]:
    """The conditions that a reader's search entry contains each of these parts."""
    # Not LIKE: PostgreSQL would estimate that almost nothing matches, and sort all readers for the first fifty.
    place = func.strpos if session.get_bind().dialect.name == "postgresql" else func.instr
    return (place(Subscriber.search, part) > 0 for part in parts)


def is_due(session: Session, _now: datetime) -> bool:
    """Whether `index_some` has something to do."""
    return session.scalar(_WAITING.limit(1)) is not None


def index_some(session: Session) -> int:
    """Index some readers that are not indexed yet; how many, 0 when none is left."""
    numbers = sorted({reader // BLOCK for reader in session.scalars(_WAITING.limit(_BLOCKS_FILLED_AT_ONCE * BLOCK))})[
        :_BLOCKS_FILLED_AT_ONCE
    ]
    if not numbers:
        return 0
    # Locked before any entry is read, so that of two workers the second one sees what the first one wrote.
    empty = [{"number": number, "filter": b""} for number in numbers]
    session.execute(insert(session, SearchBlock).values(empty).on_conflict_do_nothing())
    session.execute(select(SearchBlock.number).where(SearchBlock.number.in_(numbers)).with_for_update())
    theirs = or_(*map(_is_in, numbers))
    done = update(Subscriber).where(theirs, Subscriber.indexed.is_(False)).values(indexed=True).returning(Subscriber.id)
    count = len(session.scalars(done, execution_options=UNSYNCED).all())
    entries: dict[int, list[str]] = defaultdict(list)
    for reader, entry in session.execute(select(Subscriber.id, Subscriber.search).where(theirs)):
        entries[reader // BLOCK].append(entry)
    for number in numbers:
        own = update(SearchBlock).where(SearchBlock.number == number)
        session.execute(own.values(filter=_filter(entries[number])), execution_options=UNSYNCED)
    return count


def drop_readers(session: Session, reader_ids: Iterable[int]) -> None:
    """Have the worker rebuild the filters of deleted readers' blocks without their entries."""
    for number in sorted({reader_id // BLOCK for reader_id in reader_ids}):
        session.execute(delete(SearchBlock).where(SearchBlock.number == number))
        reindexing = update(Subscriber).where(_is_in(number), Subscriber.indexed).values(indexed=False)
        session.execute(reindexing, execution_options=UNSYNCED)


def _perhaps(session: Session, bits: Collection[int]) -> Sequence[int]:
    """The blocks whose filters have all these bits set."""
    numbers = select(SearchBlock.number).order_by(SearchBlock.number)
    if session.get_bind().dialect.name == "postgresql":
        has_all = (func.get_bit(SearchBlock.filter, literal(bit, Integer())) == 1 for bit in bits)
        return session.scalars(numbers.where(*has_all)).all()
    masks = [(bit // 8, 1 << bit % 8) for bit in bits]
    found = session.execute(numbers.add_columns(SearchBlock.filter))
    return [number for number, filter_ in found if all(filter_[place] & mask for place, mask in masks)]


def _in_blocks(session: Session, numbers: Sequence[int], condition: ColumnElement[bool]) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(numbers), _BLOCKS_READ_AT_ONCE):
        if len(found) <= _MANY_READERS:
            theirs = or_(*map(_is_in, numbers[start : start + _BLOCKS_READ_AT_ONCE]))
            found.update(session.scalars(select(Subscriber.id).where(theirs, condition)))
    return found


def _is_in(number: int) -> ColumnElement[bool]:
    return Subscriber.id.between(number * BLOCK, number * BLOCK + BLOCK - 1)


def _bits(texts: Iterable[str]) -> set[int]:
    return {crc32(gram.encode()) % _BITS for text in texts for gram in search_text.trigrams(text)}


def _filter(entries: Iterable[str]) -> bytes:
    """The filter of these entries; the lowest bit of a byte comes first, as in PostgreSQL's get_bit."""
    made = bytearray(_BITS // 8)
    for bit in _bits(entries):
        made[bit // 8] |= 1 << bit % 8
    return bytes(made)
