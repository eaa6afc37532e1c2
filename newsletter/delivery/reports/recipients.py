"""The recipients behind a count, each with the server's reply; and the copies of one reader.

Keyset pagination, so that the last page costs as much as the first. A filter that only Python can apply (the wording
of a reply) reads a limited number of copies for each page.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, TextClause, null, select
from sqlalchemy.orm import Session

from newsletter.db import Sessions
from newsletter.delivery.ledger.partitions import belongs_to
from newsletter.delivery.models import REPORTED, Copy, CopyNote, CopyState, Letter, Note
from newsletter.delivery.reports import failures, progress
from newsletter.pagination import Order, Page, PageRequest

_OF_INTEREST = frozenset(CopyState) - {CopyState.PENDING, CopyState.SENDING, CopyState.SENT}
_NEWEST_FIRST: Order[Row[Copy, Letter]] = Order((Copy.id,), lambda row: row[0].id)
_BATCH = 1_000
_FARTHEST = 5_000


class RecipientRow(NamedTuple):
    """A copy, as it is shown."""

    id: int
    subscription_id: int
    address: str
    name: str
    state: CopyState
    attempts: int
    not_before: datetime
    ended_at: datetime | None
    code: int | None
    status: str | None
    reply: str | None
    reason: str | None


class RecipientPage(NamedTuple):
    """Some rows, and the key at which the next page begins; None after the last."""

    lines: Sequence[RecipientRow]
    after: int | None


@dataclass(frozen=True, slots=True)
class RecipientFilter:
    """A filter for copies; all given conditions must hold."""

    state: CopyState | None = None
    put_off: bool = False
    """Waiting, after a failed attempt."""
    reply_code: str | None = None
    """`Failure.reply_code`."""
    reason: str | None = None
    words: str | None = None
    """`Wording.words`."""
    domain: str | None = None
    note: Note | None = None
    """What was learned about them after sending."""

    @property
    def is_indexed(self) -> bool:
        """Whether a partial index covers them, because they are few."""
        return self.put_off or self.state in _OF_INTEREST

    @property
    def by_id(self) -> bool:
        """Whether the key of a page is the copy's id, not the reader's."""
        return self.is_indexed or self.note is not None

    def fits(self, line: RecipientRow) -> bool:
        """Whether a row matches the conditions that SQL cannot check."""
        return self.words is None or failures.normalized_reply(line.reply or "") == self.words


def page(session: Session, letter_id: int, wanted: RecipientFilter, after: int = 0, most: int = 50) -> RecipientPage:
    """Up to `most` rows after that key; for bounces and complaints, begin before the letter's first copy."""
    found: list[RecipientRow] = []
    for seen, line in enumerate(_lines(session, letter_id, wanted, after, most + 1), 1):
        if wanted.fits(line):
            found.append(line)
        if len(found) > most:
            return RecipientPage(found[:most], _key(wanted, found[most - 1]))
        if seen == _FARTHEST:
            return RecipientPage(found, _key(wanted, line))
    return RecipientPage(found, None)


def iter_recipients(
    sessions: Sessions, letter_id: int, wanted: RecipientFilter, after: int = 0
) -> Iterator[RecipientRow]:
    """All rows after that key; no transaction stays open between two batches."""
    further: int | None = after
    while further is not None:
        with sessions.reading() as session:
            lines, further = page(session, letter_id, wanted, further, _BATCH)
        yield from lines


def copies_of_readers(
    session: Session, subscription_ids: Collection[int], turn: PageRequest, size: int
) -> Page[Row[Copy, Letter]]:
    """A page of the copies for these subscriptions, each with its letter, newest first."""
    theirs = select(Copy, Letter).join(Letter, Letter.id == Copy.letter_id)
    theirs = theirs.where(Copy.subscription_id.in_(subscription_ids))
    return _NEWEST_FIRST.page(lambda some: session.execute(some).all(), theirs, turn, size)


def notes_of_copies(session: Session, copy_ids: Collection[int]) -> dict[int, Note]:
    """What was heard of these copies after they were sent, by copy id: that one bounced, or else a complaint."""
    noted = select(CopyNote.copy_id, CopyNote.kind).where(CopyNote.copy_id.in_(copy_ids), CopyNote.kind != Note.RESENT)
    return dict(session.execute(noted.order_by(CopyNote.kind.desc())).all())


def _lines(
    session: Session, letter_id: int, wanted: RecipientFilter, after: int, at_once: int
) -> Iterator[RecipientRow]:
    size = at_once if wanted.words is None else _BATCH
    while True:
        batch = [
            RecipientRow._make(row) for row in session.execute(_some(session, letter_id, wanted, after).limit(size))
        ]
        yield from batch
        if len(batch) < size:
            return
        after = _key(wanted, batch[-1])


def _some(session: Session, letter_id: int, wanted: RecipientFilter, after: int) -> Select[*tuple[object, ...]]:
    key = Copy.id if wanted.by_id else Copy.subscription_id
    some = select(*_columns(wanted.note)).where(*_conditions(session, wanted), key > after)
    if wanted.note is None:
        return some.where(Copy.letter_id == letter_id).order_by(key)
    noted = some.join(CopyNote, CopyNote.copy_id == Copy.id).where(belongs_to(session, letter_id))
    return noted.where(CopyNote.kind == wanted.note, CopyNote.copy_id > after).order_by(CopyNote.copy_id)


def _columns(note: Note | None) -> list[Any]:
    columns = {name: getattr(Copy, name) for name in RecipientRow._fields}
    if note in {Note.BOUNCED, Note.COMPLAINED}:
        # What was said of it later, in place of the 250 that it was accepted with.
        columns |= {"code": null(), "status": null(), "reply": CopyNote.detail}
    return list(columns.values())


def _conditions(session: Session, wanted: RecipientFilter) -> Iterator[ColumnElement[bool] | TextClause]:
    if wanted.is_indexed:
        yield REPORTED
    if state := CopyState.PENDING if wanted.put_off else wanted.state:
        yield Copy.state == state
    if wanted.reply_code is not None:
        code, status = failures.parse_reply_code(wanted.reply_code)
        yield Copy.code.is_not_distinct_from(code)
        yield Copy.status.is_not_distinct_from(status)
    if wanted.reason is not None:
        yield Copy.reason == wanted.reason
    if wanted.domain is not None:
        yield progress.domain_of(session) == wanted.domain


def _key(wanted: RecipientFilter, line: RecipientRow) -> int:
    return line.id if wanted.by_id else line.subscription_id
