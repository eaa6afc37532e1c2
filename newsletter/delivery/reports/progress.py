"""Progress of a letter that is being sent, at a cost that does not grow with its audience.

Waiting copies and copies with problems are counted in partial indexes. The audience hardly ever changes once a letter
has begun, so it is counted rarely (`copy_range`); the remaining copies were sent.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    String,
    TextClause,
    func,
    literal,
    null,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from newsletter.addresses.provider_groups import ProviderGroups
from newsletter.db import position
from newsletter.delivery import breaker
from newsletter.delivery.ledger.partitions import belongs_to
from newsletter.delivery.models import PENDING, REPORTED, SENDING, Copy, CopyNote, CopyState, Counts, Note


class CopyRange(NamedTuple):
    """The number of a letter's copies, and their first and last id."""

    audience: int
    first: int
    last: int


class LetterProgress(NamedTuple):
    """The counts of a letter's copies at a point in time."""

    counts: Counts
    deferred: int
    """How many of the waiting copies were deferred by a server."""
    next_try: datetime | None
    """When the first of those is tried again."""


@dataclass(frozen=True, slots=True)
class WaitingForHour:
    """The copies that wait for the delivery hours of their readers."""

    count: int
    last_at: datetime | None
    """When the last of those hours begins; None if none is waited for."""


NOBODY_WAITS = WaitingForHour(0, None)


def copy_range(session: Session, letter_id: int) -> CopyRange:
    """The number and ids of a letter's copies; reads all of them, so call it rarely."""
    found = select(func.count(), func.min(Copy.id), func.max(Copy.id)).where(Copy.letter_id == letter_id)
    count, first, last = session.execute(found).one()
    return CopyRange(count, first or 0, last or 0)


def letter_progress(
    session: Session, letter_id: int, audience: int, learned: Mapping[Note, int] | None = None
) -> LetterProgress:
    """The current counts, in one statement; `learned` are the later bounces and complaints, if they are wanted."""
    found = {name: (count, at) for name, count, at in session.execute(_count_statement(session, letter_id))}
    deferred, next_try = found.pop("deferred")
    by_state = {CopyState(name): count for name, (count, _) in found.items()}
    notes = learned or {}
    counts = Counts(
        audience=audience,
        **dict.fromkeys(CopyState, 0) | by_state | {CopyState.SENT: max(0, audience - sum(by_state.values()))},
        bounced=notes.get(Note.BOUNCED, 0),
        complained=notes.get(Note.COMPLAINED, 0),
    )
    return LetterProgress(counts, deferred, next_try)


def later_notes(session: Session, letter_id: int, whole: CopyRange) -> dict[Note, int]:
    """How many of a letter's sent copies later bounced or got a complaint."""
    notes = select(CopyNote.kind, func.count()).join(Copy, Copy.id == CopyNote.copy_id).group_by(CopyNote.kind)
    among = (
        CopyNote.copy_id.between(whole.first, whole.last),
        belongs_to(session, letter_id),
        Copy.state == CopyState.SENT,
    )
    return dict(session.execute(notes.where(*among)).all())


def waiting_for_hour(session: Session, letter_id: int, now: datetime) -> WaitingForHour:
    """How many copies wait for their reader's delivery hour, and when the last of them may go."""
    waiting = select(func.count(), func.max(Copy.wished_at))
    waiting = waiting.where(Copy.letter_id == letter_id, PENDING, Copy.wished_at > now)
    count, last_at = session.execute(waiting).one()
    return WaitingForHour(count, last_at)


def waiting_by_group(session: Session, letter_id: int, groups: ProviderGroups) -> dict[str, int]:
    """How many copies wait for each provider group; reads every waiting copy."""
    return _by_group(session, groups, Copy.letter_id == letter_id, PENDING)


def handed_over_by_group(session: Session, letter_id: int, groups: ProviderGroups) -> dict[str, int]:
    """How many copies each provider group accepted or refused; reads every copy."""
    return _by_group(session, groups, Copy.letter_id == letter_id, Copy.state.in_((CopyState.SENT, CopyState.REFUSED)))


def sent_by_group(session: Session, letter_id: int, groups: ProviderGroups) -> dict[str, int]:
    """How many copies each provider group accepted; reads every copy."""
    return _by_group(session, groups, Copy.letter_id == letter_id, Copy.state == CopyState.SENT)


def domain_of(session: Session) -> ColumnElement[str]:
    """The domain of a copy's address, as an SQL expression; empty for an erased reader."""
    return func.lower(func.substr(Copy.address, position(session, Copy.address, "@") + 1), type_=String())


def is_under_way(session: Session, letter_id: int) -> bool:
    """Whether any copy is waiting or being sent."""
    some = select(Copy.id).limit(1)
    # Ordered by their indexes; otherwise PostgreSQL searches among all sent copies.
    pending = some.where(Copy.letter_id == letter_id, PENDING).order_by(Copy.not_before, Copy.id)
    sending = some.where(belongs_to(session, letter_id), SENDING).order_by(Copy.lease_until)
    return session.scalar(pending) is not None or session.scalar(sending) is not None


def _by_group(session: Session, groups: ProviderGroups, *which: ColumnElement[bool] | TextClause) -> dict[str, int]:
    domain = domain_of(session)
    counts: dict[str, int] = defaultdict(int)
    for name, count in session.execute(select(domain, func.count()).where(*which).group_by(domain)):
        counts[groups.of_domain(name)] += count
    return dict(counts)


def _count_statement(session: Session, letter_id: int) -> CompoundSelect[str, int, datetime]:
    own = Copy.letter_id == letter_id
    deferred = select(literal("deferred", String()), func.count(), func.min(Copy.not_before))
    pending = select(literal("pending", String()), func.count(), null()).where(own, PENDING)
    sending = select(literal("sending", String()), func.count(), null()).where(belongs_to(session, letter_id), SENDING)
    reported = select(type_coerce(Copy.state, String()), func.count(), null()).where(own, REPORTED).group_by(Copy.state)
    deferred = deferred.where(own, REPORTED, PENDING, Copy.not_before < breaker.HELD)
    return deferred.union_all(pending, sending, reported.where(Copy.state != CopyState.PENDING))
