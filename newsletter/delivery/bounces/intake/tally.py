"""Counts of incoming mail by way and kind, and when the last came: for the metrics and the doctor."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base, insert


class IncomingTally(Base):
    """How many mails of a kind came in by one way."""

    __tablename__ = "incoming_tallies"

    way: Mapped[str] = mapped_column(String(24), primary_key=True)
    """pipe, mailbox or lmtp."""
    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    """What a report is (`Kind`), or what became of a reader's mail: forwarded, kept."""
    mails: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime]


def count_mail(session: Session, way: str, kind: str, now: datetime) -> None:
    """Count one mail."""
    row = insert(session, IncomingTally).values(way=way, kind=kind, mails=1, seen_at=now)
    more = {"mails": IncomingTally.mails + 1, "seen_at": now}
    session.execute(row.on_conflict_do_update(index_elements=["way", "kind"], set_=more))


def tallies(session: Session) -> Sequence[IncomingTally]:
    """All counts, in the order of their names."""
    return session.scalars(select(IncomingTally).order_by(IncomingTally.way, IncomingTally.kind)).all()


def last_mail_by_way(session: Session) -> Mapping[str, datetime]:
    """When the last mail came in by each way that was ever used."""
    newest = select(IncomingTally.way, func.max(IncomingTally.seen_at)).group_by(IncomingTally.way)
    return {way: at for way, at in session.execute(newest)}  # noqa: C416  (a dict of rows has no types)
