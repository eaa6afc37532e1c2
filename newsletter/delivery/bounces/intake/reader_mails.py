"""Mail that people wrote to us: who, when, and whether it was forwarded; its text is kept beside, for 90 days."""

import io
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Index, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.characters import as_line, as_text
from newsletter.db import UNSYNCED, Base, LongId
from newsletter.delivery.bounces.events import MOST_RAW, RAW_KEPT, RawReport
from newsletter.errors import NotFound
from newsletter.pagination import Order, Page, PageRequest

_PRUNED_AT_ONCE = 500
_EXPORTED = 200
"""How many mails of one address an export lists at the most."""


class ReaderMail(Base):
    """A mail that a person wrote to an address of ours."""

    __tablename__ = "reader_mails"
    __table_args__ = (Index(None, "key", "received_at"),)

    id: Mapped[LongId]
    source: Mapped[str] = mapped_column(String(200), unique=True)
    """As of its event, and of its text (`RawReport`)."""
    key: Mapped[str] = mapped_column(String(254))
    """The address that it says it is from; empty if it says none."""
    publication_id: Mapped[int]
    received_at: Mapped[datetime] = mapped_column(index=True)
    kept_because: Mapped[str] = mapped_column(String(40), default="")
    """Why it was not forwarded to the publication; empty if it was."""


_NEWEST_FIRST: Order[ReaderMail] = Order((ReaderMail.id,), lambda mail: mail.id)


class MailText(NamedTuple):
    """What a person reads of a mail: plain text, without pictures, attachments or markup."""

    subject: str
    text: str
    is_cut: bool
    """Whether only its beginning was kept."""


def page_of_mails(session: Session, publication_id: int, turn: PageRequest, size: int) -> Page[ReaderMail]:
    """A page of the mails that readers wrote to a publication, the newest first."""
    theirs = select(ReaderMail).where(ReaderMail.publication_id == publication_id)
    return _NEWEST_FIRST.page(lambda some: session.scalars(some).all(), theirs, turn, size)


def load_mail(session: Session, publication_id: int, mail_id: int) -> ReaderMail:
    """The mail of that id that was written to this publication; NotFound if there is none."""
    found = session.get(ReaderMail, mail_id)
    if found is None or found.publication_id != publication_id:
        raise NotFound("There is no such mail. It may have been deleted: mails are kept for 90 days.")
    return found


def text_of(session: Session, mail: ReaderMail) -> MailText | None:
    """Its text; None once that has been deleted."""
    report = session.get(RawReport, mail.source)
    if report is None:
        return None
    from newsletter.delivery.bounces.parse import mail_view, mime  # few processes read mail

    read = mime.read_mail(io.BytesIO(report.raw))
    is_written = any(part.media_type.startswith("text/") for part in read.parts)
    lines = mail_view.MailView(read).text.strip().split("\n") if is_written else []
    text = "\n".join(map(as_text, lines))
    return MailText(as_line(read.header("subject")), text, len(report.raw) >= MOST_RAW)


def delete_mail(session: Session, mail: ReaderMail) -> None:
    """Delete a mail with its text."""
    session.execute(delete(RawReport).where(RawReport.source == mail.source), execution_options=UNSYNCED)
    session.delete(mail)


def count_forwarded(session: Session, since: datetime, key: str | None = None) -> int:
    """How many were forwarded since then; of one sender, or of all."""
    found = select(func.count()).where(ReaderMail.received_at > since, ReaderMail.kept_because == "")
    return session.scalar(found.where(ReaderMail.key == key) if key is not None else found) or 0


def erase_mails(session: Session, keys: Collection[str]) -> None:
    """Erase the mails from these addresses, with their text."""
    theirs = ReaderMail.key.in_(keys)
    sources = select(ReaderMail.source).where(theirs)
    session.execute(delete(RawReport).where(RawReport.source.in_(sources)), execution_options=UNSYNCED)
    session.execute(delete(ReaderMail).where(theirs), execution_options=UNSYNCED)


def mails_from(session: Session, key: str) -> list[ReaderMail]:
    """The last mails from this address, oldest first."""
    theirs = select(ReaderMail).where(ReaderMail.key == key).order_by(ReaderMail.id.desc()).limit(_EXPORTED)
    return list(session.scalars(theirs))[::-1]


def prune_mails(session: Session, now: datetime) -> int:
    """Delete some mails whose text has been deleted; how many, 0 when none is left."""
    old = select(ReaderMail.id).where(ReaderMail.received_at <= now - RAW_KEPT).limit(_PRUNED_AT_ONCE)
    deletion = delete(ReaderMail).where(ReaderMail.id.in_(old)).returning(ReaderMail.id)
    return len(session.scalars(deletion, execution_options=UNSYNCED).all())
