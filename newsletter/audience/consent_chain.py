"""The consent chain: a hash chain over the consent events, so that a change made behind our back is found.

A link holds a salted digest of what is personal in one event, and a head: a digest of the head before it, that digest,
and all else that the event says. An erasure blanks what is personal and deletes the salt; what stays can still be
checked. Events are chained by a job, in groups, soon after they are committed, because a chain that each sign-up had to
wait for would be a queue.
"""

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Select, String, exists, func, insert, or_, select, type_coerce, update
from sqlalchemy.orm import Session

from newsletter.audience.models import PERSONAL, ConsentChainLink, ConsentEvent, ImportedFile, Wording
from newsletter.db import UNSYNCED, is_postgresql
from newsletter.errors import Invalid, NotFound

log = structlog.get_logger(__name__)

_GROUP = 1_000
# On PostgreSQL, events may become visible after others with later ids, though never so many others.
_LOOK_BACK = 10_000
_SALT = 16
_START = bytes(32)
# An arbitrary number, always the same.
_LOCK = 7_304_001

# The fields that the digests cover. Wordings and files are covered by their hash, because row ids prove nothing. A name
# and its meaning never change; names may be added, since empty values are left out.
_LASTING: dict[str, ColumnElement[Any]] = {
    **{name: ConsentEvent.__table__.c[name] for name in ("id", "at", "letter_id", "operator")},
    "act": type_coerce(ConsentEvent.act, String),
    "way": type_coerce(ConsentEvent.channel, String),
    "wording": Wording.__table__.c.sha256,
}
_PERSONAL: dict[str, ColumnElement[Any]] = {
    **{name: ConsentEvent.__table__.c[name] for name in PERSONAL if name != "file_id"},
    "file": ImportedFile.__table__.c.sha256,
    "imported_by": ImportedFile.__table__.c.operator,
}


@dataclass(frozen=True, slots=True)
class Break:
    """The first broken link, its consent event, and what is wrong with it."""

    position: int
    event_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check found: `chained` and `erased` count the links before the first break, `head` is that of the last."""

    chained: int
    erased: int
    unchained: int
    """The events that wait to be chained."""
    head: str
    broken: Break | None

    def as_json(self) -> dict[str, Any]:
        """The same in plain JSON values."""
        found: dict[str, Any] = {"ok": self.broken is None, **asdict(self)}
        if self.broken:
            found["broken"] = {
                "position": self.broken.position,
                "entry": self.broken.event_id,
                "reason": self.broken.reason,
            }
        return found


def is_due(session: Session, _now: datetime) -> bool:
    """Whether `chain_some` has something to do."""
    return session.scalar(select(ConsentEvent.id).where(*_waiting(session, _LOOK_BACK)).limit(1)) is not None


def chain_some(session: Session, _now: datetime) -> int:
    """Chain up to 1,000 of the events that wait, in the order of their ids; how many, 0 when none is left."""
    _lock(session)
    return _chain(session, _LOOK_BACK)


def is_late_due(session: Session, _now: datetime) -> bool:
    """Whether `chain_late` has something to do; it looks at every event there is."""
    return session.scalar(select(ConsentEvent.id).where(*_waiting(session, None)).limit(1)) is not None


def chain_late(session: Session, _now: datetime) -> int:
    """As `chain_some`, but also events that became visible so late that it does not look for them any more."""
    _lock(session)
    return _chain(session, None)


def erase(session: Session, subscription_ids: Collection[int]) -> None:
    """Blank what is personal in the events of these subscriptions, and delete the salts of their digests."""
    # Otherwise an event could be chained with its old content while it is being blanked.
    _lock(session)
    theirs = ConsentEvent.subscription_id.in_(subscription_ids)
    chained = ConsentChainLink.event_id.in_(select(ConsentEvent.id).where(theirs))
    for statement in (
        update(ConsentChainLink).where(chained).values(salt=None),
        update(ConsentEvent).where(theirs).values(dict.fromkeys(PERSONAL)),
    ):
        session.execute(statement, execution_options=UNSYNCED)


def log_head(session: Session) -> None:
    """Log the head: a log that is kept elsewhere then proves that the chain was not replaced by another."""
    position, head = _last(session)
    if position:
        log.info("head of the consent chain", position=position, head=head.hex())


def verify(session: Session, logged: str = "") -> Verification:
    """Check each link and its event, up to the first that is broken.

    NotFound if the chain lacks the logged head; Invalid if that is no head.
    """
    if logged:
        _require_head(session, logged)
    unchained = session.scalar(select(func.count(ConsentEvent.id)).where(*_waiting(session, None))) or 0
    changed = set(_changed_wordings(session))
    chained, erased, head, broken = 0, 0, _START, None
    for link in _links(session):
        if reason := _broken(link, head, changed):
            broken = Break(link.position, link.event_id, reason)
            break
        chained, erased, head = chained + 1, erased + (link.salt is None), link.head
    return Verification(chained, erased, unchained, head.hex(), broken)


def _require_head(session: Session, logged: str) -> None:
    try:
        head = bytes.fromhex(logged)
    except ValueError:
        raise Invalid("a head is 64 characters from 0 to 9 and a to f, as the log has it") from None
    if session.scalar(select(ConsentChainLink.position).where(ConsentChainLink.head == head)) is None:
        raise NotFound("the chain has no link with this head: it was cut off or replaced, or restored from before then")


def _lock(session: Session) -> None:
    """One writer at a time, on PostgreSQL as on SQLite: another worker's job waits, and so does an erasure."""
    if is_postgresql(session):
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _waiting(session: Session, look_back: int | None) -> list[ColumnElement[bool]]:
    link = exists().where(ConsentChainLink.event_id == ConsentEvent.id)
    if look_back is None:
        return [~link]
    newest = session.scalar(select(func.max(ConsentChainLink.event_id))) or 0
    oldest = newest - look_back
    # Bounds on every part, so that no plan reads all links for a few.
    return [ConsentEvent.id > oldest, or_(ConsentEvent.id > newest, ~link.where(ConsentChainLink.event_id > oldest))]


def _last(session: Session) -> tuple[int, bytes]:
    newest = select(ConsentChainLink.position, ConsentChainLink.head).order_by(ConsentChainLink.position.desc())
    found = session.execute(newest.limit(1)).first()
    return (found.position, found.head) if found else (0, _START)


def _chain(session: Session, look_back: int | None) -> int:
    events = _with_sources(select(*_labelled()).select_from(ConsentEvent)).where(*_waiting(session, look_back))
    links, (position, head) = [], _last(session)
    for event in session.execute(events.order_by(ConsentEvent.id).limit(_GROUP)):
        position, salt = position + 1, secrets.token_bytes(_SALT)
        digest = _digest(salt, event)
        head = _head(head, digest, event)
        links.append({"position": position, "event_id": event.id, "salt": salt, "digest": digest, "head": head})
    if links:
        session.execute(insert(ConsentChainLink), links)
    return len(links)


def _links(session: Session) -> Iterable[Row[Any]]:
    """Each link with what its event says; None where the event is gone."""
    every = select(*_labelled(), ConsentChainLink.__table__, ConsentEvent.file_id).select_from(ConsentChainLink)
    every = _with_sources(every.outerjoin(ConsentEvent, ConsentEvent.id == ConsentChainLink.event_id))
    return session.execute(every.order_by(ConsentChainLink.position).execution_options(yield_per=_GROUP))


def _labelled() -> Iterator[ColumnElement[Any]]:
    return (column.label(name) for name, column in (_LASTING | _PERSONAL).items())


def _with_sources(events: Select[Any]) -> Select[Any]:
    events = events.outerjoin(Wording, Wording.id == ConsentEvent.wording_id)
    return events.outerjoin(ImportedFile, ImportedFile.id == ConsentEvent.file_id)


def _changed_wordings(session: Session) -> Iterator[str]:
    for sha256, text in session.execute(select(Wording.sha256, Wording.text)):
        if hashlib.sha256(text.encode()).hexdigest() != sha256:
            yield sha256


def _broken(link: Row[Any], before: bytes, changed: Collection[str]) -> str | None:
    if link.id is None:
        return "the entry was deleted"
    if link.wording in changed:
        return "the words that it refers to were changed"
    if link.head != _head(before, link.digest, link):
        return "the entry or its link was changed, or the link before it was removed"
    if link.salt is not None:
        return None if link.digest == _digest(link.salt, link) else "the entry was changed"
    is_blank = all(getattr(link, name) is None for name in PERSONAL)
    return None if is_blank else "the entry was filled in again after it was erased"


def _digest(salt: bytes, event: Row[Any]) -> bytes:
    return hashlib.sha256(salt + _canonical_json(event, _PERSONAL)).digest()


def _head(before: bytes, digest: bytes, event: Row[Any]) -> bytes:
    return hashlib.sha256(before + digest + _canonical_json(event, _LASTING)).digest()


def _canonical_json(event: Row[Any], labels: Iterable[str]) -> bytes:
    """The event's fields with these labels as JSON, without empty ones; equal fields give equal bytes."""
    filled = {label: value for label in labels if (value := getattr(event, label)) is not None}
    return json.dumps(filled, sort_keys=True, separators=(",", ":"), default=datetime.isoformat).encode()
