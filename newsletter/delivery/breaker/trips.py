"""Trips: the breakers that opened, what they tell editors, and how a person or the clock closes them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, ForeignKey, String, Table, Text, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.addresses import provider_groups
from newsletter.db import UNSYNCED, Base, LongId, LongRef, partial_index
from newsletter.delivery.models import OVER, PENDING, Copy, Letter, LetterState
from newsletter.delivery.smtp import refusals

STRIKES = 5
HELD = datetime(9000, 1, 1, tzinfo=UTC)
"""The `not_before` of a copy that is held, or later (`held_by`): no clock lets it go."""
WHOLE = ""
"""In place of a provider: the letter as a whole."""

_REMEDY = (
    "Read what the server said, and have the mail server, the DNS records or the text fixed. "
    "Then resume: those who wait get it, and if it is refused again it stops again."
)

COMPLAINED = "Complaints:"
"""What the reply of a breaker begins with that readers opened, and no server."""
_COMPLAINED_REMEDY = (
    "Find out why: an old list, readers who never asked for it or have forgotten that they did, a promise that "
    "was not kept. Then resume, or stop the issue."
)

_PORTION = 5_000
# Yahoo's own advice for deferrals that it gives for volume or complaints.
_HOURS = timedelta(hours=4)


class Trip(Base):
    """A breaker that opened: for a whole letter, or for one provider's part of it."""

    __tablename__ = "breakers"
    __table_args__ = (
        # Two workers that count to five at once open it once.
        partial_index("uq_breakers_open", "letter_id", "provider_group", unique=True, where="closed_at IS NULL"),
    )

    id: Mapped[LongId]
    letter_id: Mapped[int] = mapped_column(ForeignKey("letters.id"))
    provider_group: Mapped[str] = mapped_column(String(253))
    """The provider group, or WHOLE."""
    opened_at: Mapped[datetime]
    code: Mapped[int]
    """The code of the server's last reply; its text is in `reply`."""
    reply: Mapped[str] = mapped_column(Text)
    copies: Mapped[int]
    """How many refused copies were put back to pending."""
    told_at: Mapped[datetime | None]
    """When the editors were mailed about it."""
    closed_at: Mapped[datetime | None]
    resumes_at: Mapped[datetime | None]
    """When it closes by itself; None if only a person closes it."""

    @property
    def provider(self) -> str:
        """The provider's display name."""
        return provider_groups.display_name(self.provider_group)

    @property
    def server_reply(self) -> str:
        """The server's last reply: its code and text."""
        return f"{self.code} {self.reply}".strip()

    @property
    def message(self) -> str:
        """Who said what, in a sentence."""
        return self.reply if self.is_of_complaints else f"The server said: {self.server_reply}"

    @property
    def is_of_complaints(self) -> bool:
        """Whether readers opened it by their complaints, and no server by its replies."""
        return self.code == 0 and self.reply.startswith(COMPLAINED)

    @property
    def remedy(self) -> str:
        """What to do before going on."""
        return _COMPLAINED_REMEDY if self.is_of_complaints else _REMEDY

    @property
    def is_alarm(self) -> bool:
        """Whether it never stopped anything, and is only for the editors to know."""
        return self.closed_at == self.opened_at

    @property
    def explanation(self) -> str:
        """What happened, in two sentences for editors."""
        if self.provider_group == WHOLE:
            return (
                f"Mail servers refused it {STRIKES} times in a row because of the sender or the message, not the "
                "readers. No reader has lost it: those copies wait again with the rest."
            )
        why = f"{self.provider} refuses it because of the sender or the message, not the readers."
        if self.is_of_complaints:
            why = f"Too many of its readers at {self.provider} report it as spam, which spoils our standing there."
        return f"{why} " + (
            "Nothing is stopped."
            if self.is_alarm
            else "Its readers’ copies wait for some hours; all the others go on."
            if self.resumes_at
            else "Its readers’ copies wait; all the others go on."
        )


class Strike(Base):
    """A copy that was refused because of us, since when its provider has accepted none of the letter."""

    __tablename__ = "strikes"

    copy_id: Mapped[LongRef] = mapped_column(primary_key=True, autoincrement=False)
    letter_id: Mapped[int] = mapped_column(ForeignKey("letters.id"), index=True)
    provider_group: Mapped[str] = mapped_column(String(253))
    domain: Mapped[str] = mapped_column(String(253))
    in_a_row: Mapped[bool]
    """Whether no provider has accepted a copy of the letter since."""


_COPIES = cast("Table", Copy.__table__)
_OPEN = Trip.closed_at.is_(None)


def resumption(reply: str, now: datetime) -> datetime | None:
    """When to go on by itself after such an answer; None if a person has to mend something first."""
    return now + _HOURS if refusals.passes_by_itself(reply) else None


def held_by(trip_id: int) -> datetime:
    """The `not_before` of copies that this breaker holds, by which they are found when it closes before another."""
    return HELD + timedelta(seconds=trip_id)


def open_trips(session: Session, letter_id: int) -> Sequence[Trip]:
    """The open breakers of a letter, oldest first."""
    return session.scalars(select(Trip).where(Trip.letter_id == letter_id, _OPEN).order_by(Trip.id)).all()


def close(session: Session, letter_id: int, now: datetime) -> bool:
    """Close all breakers of a letter and reset its count; whether one was open. `release_held` lets the copies go."""
    session.execute(delete(Strike).where(Strike.letter_id == letter_id), execution_options=UNSYNCED)
    opened = update(Trip).where(Trip.letter_id == letter_id, _OPEN).values(closed_at=now)
    closed = session.scalars(opened.returning(Trip.id), execution_options=UNSYNCED).all()
    return bool(closed)


def release_held(session: Session, now: datetime) -> int:
    """Release a portion of the copies whose breaker has been closed; how many, 0 when none is left."""
    over = select(Letter.id).where(Letter.state.in_(OVER))
    session.execute(delete(Strike).where(Strike.letter_id.in_(over)), execution_options=UNSYNCED)
    due = update(Trip).where(_OPEN, Trip.resumes_at <= now).values(closed_at=now)
    session.execute(due, execution_options=UNSYNCED)
    stopped = select(Trip.letter_id).where(_OPEN)
    running = select(Letter.id).where(Letter.state == LetterState.RUNNING)
    free = session.scalars(running.where(Letter.id.not_in(stopped)))
    # Of a letter that another breaker still stops, what a closed one held.
    closed = select(Trip.letter_id, Trip.id).where(Trip.closed_at.is_not(None), Trip.letter_id.in_(stopped))
    partly = session.execute(closed.where(Trip.letter_id.in_(running)).order_by(Trip.id))
    held = [(letter_id, Copy.not_before >= HELD) for letter_id in free]
    held += [(letter_id, Copy.not_before == held_by(trip_id)) for letter_id, trip_id in partly]
    return next(filter(None, (_release(session, *each, now) for each in held)), 0)


def release_letter(session: Session, letter_id: int, now: datetime) -> int:
    """Release a portion of one letter's held copies; how many."""
    return _release(session, letter_id, Copy.not_before >= HELD, now)


def _release(session: Session, letter_id: int, held: ColumnElement[bool], now: datetime) -> int:
    waiting = select(Copy.id).where(Copy.letter_id == letter_id, PENDING, held).limit(_PORTION)
    back = update(_COPIES).where(_COPIES.c.letter_id == letter_id, _COPIES.c.id.in_(waiting), PENDING)
    return session.connection().execute(back.values(not_before=now)).rowcount


def unreported(session: Session) -> Sequence[int]:
    """The ids of breakers that opened and that editors have had no mail about."""
    return session.scalars(select(Trip.id).where(Trip.told_at.is_(None)).order_by(Trip.id)).all()


def claim_report(session: Session, trip_id: int, now: datetime) -> Trip | None:
    """Claim a breaker, to mail the editors about it; None if another worker has claimed it."""
    mine = update(Trip).where(Trip.id == trip_id, Trip.told_at.is_(None)).values(told_at=now).returning(Trip.id)
    found = session.scalar(mine, execution_options=UNSYNCED)
    return session.get(Trip, trip_id, populate_existing=True) if found else None
