"""Contact requests: what people ask or want to book; each waits at the desk until it is answered, and is then deleted.

What they write may be about their health, so it is kept here only: in no log, and in no mail unless a publication
wants it there. The person who asks need not be a reader.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import UNSYNCED, Base, LongId, LongRef, insert
from newsletter.engagement.request_form import PreferredTime
from newsletter.errors import Conflict, NotFound
from newsletter.pagination import Order, Page, PageRequest

_AT_ONCE = 500


class ContactRequest(Base):
    """A question or a booking; it waits while `answered_at` is None."""

    __tablename__ = "contact_requests"
    __table_args__ = (
        Index(None, "publication_id", "answered_at"),
        # An address of the desk and a link in a mail contain this id, so that of a deleted one is never used again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[LongId]
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    received_at: Mapped[datetime]
    is_booking: Mapped[bool]
    topic: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254))
    key: Mapped[str] = mapped_column(String(254), index=True)
    """The key of the address (`mailboxes`)."""
    is_proven: Mapped[bool]
    """Whether they came by a link that was mailed to this address."""
    wished_day: Mapped[date | None]
    wished_time: Mapped[time | None]
    time_zone: Mapped[str] = mapped_column(String(64))
    """The zone of the preferred time."""
    text: Mapped[str] = mapped_column(Text)
    consent: Mapped[str] = mapped_column(Text)
    """The exact words that they agreed to, and their version; 0 for the default."""
    consent_version: Mapped[int]
    digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Of all that was typed, while it waits, so that a form that is sent twice is one request."""
    letter_id: Mapped[LongRef | None]
    """The mail to the team, in the outbox."""
    reminded_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    read_by: Mapped[str] = mapped_column(String(254), default="")
    """Who of the team opened it last."""
    answered_at: Mapped[datetime | None] = mapped_column(index=True)
    answered_by: Mapped[str] = mapped_column(String(254), default="")

    @property
    def preferred_time(self) -> PreferredTime:
        """The day and time that would suit them."""
        return PreferredTime(self.wished_day, self.wished_time)

    def as_json(self) -> dict[str, Any]:
        """The request as plain JSON values, for the person who sent it."""
        return {
            "at": self.received_at.isoformat(),
            "booking": self.is_booking,
            "topic": self.topic,
            "name": self.name,
            "wished_day": self.wished_day.isoformat() if self.wished_day else None,
            "wished_time": self.wished_time.isoformat("minutes") if self.wished_time else None,
            "text": self.text,
            "agreed_to": self.consent,
            "answered_at": self.answered_at.isoformat() if self.answered_at else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A request as it was typed and checked, before it is stored."""

    publication_id: int
    is_booking: bool
    topic: str
    name: str
    email: str
    key: str
    is_proven: bool
    preferred_time: PreferredTime
    time_zone: str
    text: str
    consent: str
    consent_version: int

    @property
    def digest(self) -> str:
        """Identifies the form, also when it is sent again."""
        typed = [str(getattr(self, field.name)) for field in fields(self) if not field.name.startswith("consent")]
        return hashlib.sha256(json.dumps(typed).encode()).hexdigest()


_NEWEST_FIRST: Order[ContactRequest] = Order((ContactRequest.id,), lambda one: one.id)
_OLDEST_FIRST: Order[ContactRequest] = Order((ContactRequest.id,), lambda one: one.id, newest_first=False)


def store(session: Session, new: NewRequest, now: datetime) -> int | None:
    """Store a request; its id, or None if the very same one is waiting already."""
    names = ("publication_id", "is_booking", "topic", "name", "email", "key", "is_proven", "time_zone", "text")
    typed = {name: getattr(new, name) for name in (*names, "consent", "consent_version", "digest")}
    row = insert(session, ContactRequest).values(
        received_at=now,
        wished_day=new.preferred_time.day,
        wished_time=new.preferred_time.at,
        read_by="",
        answered_by="",
        **typed,
    )
    return session.scalar(row.on_conflict_do_nothing(index_elements=["digest"]).returning(ContactRequest.id))


def load_request(session: Session, publication_id: int, request_id: int) -> ContactRequest:
    """The request of that id to this publication; NotFound if there is none."""
    found = session.get(ContactRequest, request_id)
    if found is None or found.publication_id != publication_id:
        raise NotFound("There is no such request. It may have been deleted: answered ones are, after a while.")
    return found


def page_of_requests(
    session: Session, publication_id: int, turn: PageRequest, size: int, *, are_answered: bool
) -> Page[ContactRequest]:
    """A page of those that wait, the longest waiting first; or of those that are answered, the newest first."""
    order = _NEWEST_FIRST if are_answered else _OLDEST_FIRST
    theirs = _of_publication(publication_id, are_answered=are_answered)
    return order.page(lambda some: session.scalars(some).all(), theirs, turn, size)


def count_waiting(session: Session, publication_id: int) -> int:
    """How many wait for an answer."""
    return session.scalar(_of_publication(publication_id).with_only_columns(func.count())) or 0


def count_since(session: Session, publication_id: int, since: datetime) -> int:
    """How many came in since then."""
    found = select(func.count()).where(ContactRequest.publication_id == publication_id)
    return session.scalar(found.where(ContactRequest.received_at > since)) or 0


def mark_answered(session: Session, request: ContactRequest, editor: str, now: datetime) -> None:
    """Mark it as answered, from which day on its time until deletion counts; Conflict if somebody else has."""
    waiting = update(ContactRequest).where(ContactRequest.id == request.id, ContactRequest.answered_at.is_(None))
    done = waiting.values(answered_at=now, answered_by=editor, digest=None).returning(ContactRequest.id)
    if session.scalar(done, execution_options=UNSYNCED) is None:
        session.refresh(request)
        raise Conflict(f"This has been marked as answered already, by {request.answered_by}.")
    session.refresh(request)


def reopen_request(request: ContactRequest) -> None:
    """Let it wait again; no effect if it does."""
    request.answered_at, request.answered_by = None, ""


def erase_requests(session: Session, keys: Collection[str]) -> list[int]:
    """Erase what came from these addresses; the ids of the mails to the team about it."""
    theirs = delete(ContactRequest).where(ContactRequest.key.in_(keys)).returning(ContactRequest.letter_id)
    return [letter_id for letter_id in session.scalars(theirs, execution_options=UNSYNCED) if letter_id]


def export_requests(session: Session, keys: Collection[str]) -> list[dict[str, Any]]:
    """What came from these addresses, oldest first, as plain JSON values."""
    theirs = select(ContactRequest).where(ContactRequest.key.in_(keys)).order_by(ContactRequest.id)
    return [one.as_json() for one in session.scalars(theirs)]


def claim_overdue(session: Session, before: datetime, now: datetime) -> dict[int, int]:
    """Those that have waited since `before`, each claimed once for a reminder; returns how many, by publication."""
    waiting = update(ContactRequest).where(
        ContactRequest.answered_at.is_(None), ContactRequest.reminded_at.is_(None), ContactRequest.received_at < before
    )
    claimed = waiting.values(reminded_at=now).returning(ContactRequest.publication_id)
    found = session.scalars(claimed, execution_options=UNSYNCED).all()
    return {publication_id: found.count(publication_id) for publication_id in sorted(set(found))}


def prune(session: Session, retention: timedelta, now: datetime) -> int:
    """Delete some that were answered so long ago; how many, 0 when none is left."""
    old = select(ContactRequest.id).where(ContactRequest.answered_at <= now - retention).limit(_AT_ONCE)
    deletion = delete(ContactRequest).where(ContactRequest.id.in_(old)).returning(ContactRequest.id)
    return len(session.scalars(deletion, execution_options=UNSYNCED).all())


def _of_publication(publication_id: int, *, are_answered: bool = False) -> Select[ContactRequest]:
    theirs = select(ContactRequest).where(ContactRequest.publication_id == publication_id)
    waiting = ContactRequest.answered_at.is_(None)
    return theirs.where(~waiting if are_answered else waiting)
