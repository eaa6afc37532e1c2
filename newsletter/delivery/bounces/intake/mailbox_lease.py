"""Whose turn it is to read a mailbox: one worker at a time, on whichever host, and later after each failure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, String, Text, and_, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import UNSYNCED, Base, insert

EVERY = timedelta(minutes=1)
"""From one reading of a mailbox to the next."""
_LEASE = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=1)


class MailboxLease(Base):
    """A mailbox: who reads it now, when it is read next, and how that went."""

    __tablename__ = "mailbox_leases"

    mailbox: Mapped[str] = mapped_column(String(254), primary_key=True)
    worker: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    next_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(default=0)
    """How often in a row it could not be read."""
    problem: Mapped[str] = mapped_column(Text, default="")
    """Why it could not be read the last time; empty if it could."""
    read_at: Mapped[datetime | None]
    """When it was last read."""
    validity: Mapped[int] = mapped_column(BigInteger, default=0)
    left_uid: Mapped[int] = mapped_column(BigInteger, default=0)
    """Up to this mail all are recorded, though the server does not let some be moved; for this UIDVALIDITY."""


def claim_mailbox(session: Session, mailbox: str, worker: str, now: datetime) -> MailboxLease | None:
    """Lease a mailbox whose time has come; None if it is not time, or another worker reads it."""
    new = insert(session, MailboxLease).values(
        mailbox=mailbox, next_at=now, failures=0, problem="", validity=0, left_uid=0
    )
    session.execute(new.on_conflict_do_nothing())
    # A time further ahead was set by a clock that has been set back since.
    is_over = or_(MailboxLease.lease_until <= now, MailboxLease.lease_until > now + _LEASE)
    is_free = or_(MailboxLease.lease_until.is_(None), is_over)
    is_due = or_(MailboxLease.next_at <= now, MailboxLease.next_at > now + _LONGEST_WAIT)
    mine = update(MailboxLease).where(MailboxLease.mailbox == mailbox, is_free, is_due)
    mine = mine.values(worker=worker, lease_until=now + _LEASE).returning(MailboxLease)
    return session.scalar(mine, execution_options=UNSYNCED)


def is_mailbox_due(session: Session, mailbox: str, now: datetime) -> bool:
    """Whether it may be time to read it; only looks."""
    row = session.get(MailboxLease, mailbox)
    return row is None or not now < row.next_at <= now + _LONGEST_WAIT


def unread_mailboxes(session: Session, now: datetime) -> Mapping[str, str]:
    """The mailboxes that could not be read at least twice in a row, and why; not those that nobody reads any more."""
    failing = (MailboxLease.failures > 1) & (MailboxLease.next_at > now - 2 * _LONGEST_WAIT)
    found = select(MailboxLease).where(failing).order_by(MailboxLease.mailbox)
    return {one.mailbox: one.problem for one in session.scalars(found)}


def record_reading(
    session: Session, mailbox: str, worker: str, now: datetime, *, left: tuple[int, int] | None, is_more: bool
) -> None:
    """Record a reading; `left` are UIDVALIDITY and number of the last mail that could not be moved, if any."""
    done = {"failures": 0, "problem": "", "read_at": now, "next_at": now if is_more else now + EVERY}
    _give_back(session, mailbox, worker, **done, **_remembered(left))


def record_failure(
    session: Session, mailbox: str, worker: str, now: datetime, problem: str, *, left: tuple[int, int] | None
) -> datetime:
    """Record a failed reading; returns when it is tried again."""
    failures = (session.scalar(select(MailboxLease.failures).where(MailboxLease.mailbox == mailbox)) or 0) + 1
    wait: timedelta = EVERY * (1 << min(failures - 1, 10))
    next_at = now + min(wait, _LONGEST_WAIT)
    _give_back(session, mailbox, worker, failures=failures, problem=problem, next_at=next_at, **_remembered(left))
    return next_at


def _remembered(left: tuple[int, int] | None) -> dict[str, int]:
    return {"validity": left[0], "left_uid": left[1]} if left else {}


def _give_back(session: Session, mailbox: str, worker: str, **values: object) -> None:
    mine = and_(MailboxLease.mailbox == mailbox, MailboxLease.worker == worker)
    freed = update(MailboxLease).where(mine).values(worker=None, lease_until=None, **values)
    session.execute(freed, execution_options=UNSYNCED)
