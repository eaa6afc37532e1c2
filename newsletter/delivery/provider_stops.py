"""Stopping a provider's group because of what a bounce says of us; `breaker` does so for answers in SMTP itself."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.delivery.breaker import Trip, resumption
from newsletter.delivery.models import UNDER_WAY, Letter

_A_DAY = timedelta(days=1)


class Said(NamedTuple):
    """A server's answer: its code, or 0, and its words."""

    code: int
    reply: str


def stop_group(session: Session, letter_id: int | None, group: str, said: Said, now: datetime) -> None:
    """Hold the copies to a provider that refuses us by a bounce: those of that letter, and of all from its domain.

    Where nothing of them goes out any more the editors are told all the same.
    """
    held = 0
    for letter in session.scalars(select(Letter).where(Letter.state.in_(UNDER_WAY)).order_by(Letter.id)).all():
        if _has_sender_of(session, letter, letter_id):
            held += 1
            opening = _opening(letter.id, group, said, now) | {"resumes_at": resumption(said.reply, now)}
            row = insert(session, Trip).values({getattr(Trip, name): value for name, value in opening.items()})
            session.execute(row.on_conflict_do_nothing())
    if not held:
        alarm(session, letter_id, group, said, now)


def alarm(session: Session, letter_id: int | None, group: str, said: Said, now: datetime) -> None:
    """Alert the editors, at most once a day, to a provider's reply about a letter; nothing is stopped."""
    recent = select(Trip.id).where(Trip.letter_id == letter_id, Trip.group == group, Trip.opened_at > now - _A_DAY)
    if letter_id is not None and session.scalar(recent.limit(1)) is None:
        session.add(Trip(**_opening(letter_id, group, said, now), closed_at=now))


def _has_sender_of(session: Session, letter: Letter, letter_id: int | None) -> bool:
    other = session.get(Letter, letter_id) if letter_id is not None else None
    # What is said of a single letter's sender is said of all.
    return other is None or _domain_of(letter.sender_address) == _domain_of(other.sender_address)


def _domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _opening(letter_id: int, group: str, said: Said, now: datetime) -> dict[str, Any]:
    return {"letter_id": letter_id, "group": group, "opened_at": now, "copies": 0, **said._asdict()}
