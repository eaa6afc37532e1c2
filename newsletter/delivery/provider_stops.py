"""Stop a provider's group because of a bounce that is about us; `breaker` does so for answers in SMTP itself."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db import insert
from newsletter.delivery.breaker import COMPLAINED, Trip, resumption
from newsletter.delivery.models import UNDER_WAY, Letter

_A_DAY = timedelta(days=1)
_TOO_MANY = "; too many to go on."


class ServerAnswer(NamedTuple):
    """A server's answer: its code, or 0 without one, and its text."""

    code: int
    reply: str


def stop_group(
    session: Session, letter_id: int | None, sender: str, group: str, answer: ServerAnswer, now: datetime
) -> None:
    """Hold the copies to a provider that refuses mail from this sender by a bounce, of all letters from its domain.

    Without a sender those of all. Where nothing of them goes out any more the editors are told all the same.
    """
    if not _hold(session, sender, group, answer, now):
        alarm(session, letter_id, group, answer, now)


def stop_for_complaints(session: Session, letter_id: int, group: str, rate: str, now: datetime) -> bool:
    """Hold the copies to a provider whose readers complain of a letter, once a letter; whether that was new.

    Where nothing of them goes out any more the editors are told all the same.
    """
    answer = ServerAnswer(0, f"{COMPLAINED} {rate}{_TOO_MANY}")
    if _has_spoken(session, letter_id, group, _TOO_MANY):
        return False
    sender = session.get_one(Letter, letter_id).sender_address
    if letter_id not in (stopped_letters := _hold(session, sender, group, answer, now)):
        told_at = now if stopped_letters else None
        session.add(Trip(**_opening(letter_id, group, answer, now), closed_at=now, told_at=told_at))
    return True


def warn_of_complaints(session: Session, letter_id: int, group: str, rate: str, now: datetime) -> None:
    """Have the editors told, once a letter, that a provider's readers complain of it; nothing is stopped."""
    if not _has_spoken(session, letter_id, group, ""):
        answer = ServerAnswer(0, f"{COMPLAINED} {rate}.")
        session.add(Trip(**_opening(letter_id, group, answer, now), closed_at=now))


def _has_spoken(session: Session, letter_id: int, group: str, ending: str) -> bool:
    of_complaints = Trip.code == 0, Trip.reply.startswith(COMPLAINED), Trip.reply.endswith(ending)
    before = select(Trip.id).where(Trip.letter_id == letter_id, Trip.provider_group == group, *of_complaints)
    return session.scalar(before.limit(1)) is not None


def _hold(session: Session, sender: str, group: str, answer: ServerAnswer, now: datetime) -> list[int]:
    """Hold the copies to a provider of all letters from this sender's domain; which letters these are."""
    stopped_letters = []
    for letter in session.scalars(select(Letter).where(Letter.state.in_(UNDER_WAY)).order_by(Letter.id)).all():
        if not sender or _domain_of(letter.sender_address) == _domain_of(sender):
            stopped_letters.append(letter.id)
            opening = _opening(letter.id, group, answer, now) | {"resumes_at": resumption(answer.reply, now)}
            row = insert(session, Trip).values({getattr(Trip, name): value for name, value in opening.items()})
            session.execute(row.on_conflict_do_nothing())
    return stopped_letters


def alarm(session: Session, letter_id: int | None, group: str, answer: ServerAnswer, now: datetime) -> None:
    """Alert the editors, at most once a day, to a provider's reply about a letter; nothing is stopped."""
    ours = select(Trip.id).where(Trip.letter_id == letter_id, Trip.provider_group == group)
    recent = ours.where(Trip.opened_at > now - _A_DAY)
    if letter_id is not None and session.scalar(recent.limit(1)) is None:
        session.add(Trip(**_opening(letter_id, group, answer, now), closed_at=now))


def _domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _opening(letter_id: int, group: str, answer: ServerAnswer, now: datetime) -> dict[str, Any]:
    return {"letter_id": letter_id, "provider_group": group, "opened_at": now, "copies": 0, **answer._asdict()}
