"""The roll of a letter: the readers behind a count, page by page, each with what the server said.

A page goes on where the one before it ended, by a key, so that the last costs what the first does. What only
Python can tell (the wording of an answer, a domain) is looked for in so many copies a page at most.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.db import Sessions
from newsletter.delivery import troubles
from newsletter.delivery.models import Copy, CopyState
from newsletter.delivery.progress import TOLD

_OF_INTEREST = frozenset(CopyState) - {CopyState.PENDING, CopyState.SENDING, CopyState.SENT}
_BATCH = 1_000
_FARTHEST = 50_000


class Line(NamedTuple):
    """One copy, as it is told."""

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


class Page(NamedTuple):
    """Some lines, and where the next page begins; None after the last."""

    lines: Sequence[Line]
    after: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which copies: all of these must be so of one, as far as they are given."""

    state: CopyState | None = None
    put_off: bool = False
    """Waiting, and tried in vain."""
    said: str | None = None
    """`Trouble.said`."""
    reason: str | None = None
    words: str | None = None
    """`Wording.words`."""
    domain: str | None = None

    @property
    def is_told(self) -> bool:
        """Whether they are few, and have an index of their own."""
        return self.put_off or self.state in _OF_INTEREST

    def fits(self, line: Line) -> bool:
        """Whether a line is among them, as far as SQL cannot tell."""
        if self.words is not None and troubles.outline(line.reply or "") != self.words:
            return False
        return self.domain is None or line.address.rpartition("@")[2].lower() == self.domain


def page(session: Session, letter_id: int, wanted: Wanted, after: int = 0, most: int = 50) -> Page:
    """Up to so many lines behind that key."""
    found: list[Line] = []
    for seen, line in enumerate(_lines(session, letter_id, wanted, after, most + 1), 1):
        if wanted.fits(line):
            found.append(line)
        if len(found) > most:
            return Page(found[:most], _key(wanted, found[most - 1]))
        if seen == _FARTHEST:
            return Page(found, _key(wanted, line))
    return Page(found, None)


def every(sessions: Sessions, letter_id: int, wanted: Wanted) -> Iterator[Line]:
    """All lines, however many; no transaction stays open between two batches."""
    after: int | None = 0
    while after is not None:
        with sessions.reading() as session:
            lines, after = page(session, letter_id, wanted, after, _BATCH)
        yield from lines


def _lines(session: Session, letter_id: int, wanted: Wanted, after: int, at_once: int) -> Iterator[Line]:
    size = at_once if wanted.words is None and wanted.domain is None else _BATCH
    while True:
        batch = [Line._make(row) for row in session.execute(_some(letter_id, wanted, after).limit(size))]
        yield from batch
        if len(batch) < size:
            return
        after = _key(wanted, batch[-1])


def _some(letter_id: int, wanted: Wanted, after: int) -> Select[*tuple[object, ...]]:
    key = Copy.id if wanted.is_told else Copy.subscription_id
    some = select(*(getattr(Copy, name) for name in Line._fields)).where(Copy.letter_id == letter_id, key > after)
    if wanted.is_told:
        some = some.where(TOLD)
    if state := CopyState.PENDING if wanted.put_off else wanted.state:
        some = some.where(Copy.state == state)
    if wanted.said is not None:
        code, status = troubles.parse_said(wanted.said)
        some = some.where(Copy.code.is_not_distinct_from(code), Copy.status.is_not_distinct_from(status))
    if wanted.reason is not None:
        some = some.where(Copy.reason == wanted.reason)
    return some.order_by(key)


def _key(wanted: Wanted, line: Line) -> int:
    return line.id if wanted.is_told else line.subscription_id
