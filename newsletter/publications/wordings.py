"""The words that a publication chooses itself: each version is kept, for somebody may have agreed to it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Select, String, Text, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter import characters
from newsletter.db import Base, word
from newsletter.errors import Conflict
from newsletter.publications import Publication


class WordingKind(StrEnum):
    """What the words are for."""

    SIGN_UP = "sign_up"
    """Under the sign-up form; the reader agrees to them."""
    CONFIRM = "confirm"
    """Above the confirm button; the reader agrees to them, too."""
    PRIVACY = "privacy"
    """The page on privacy, linked at the foot of every page; there is none while these are empty."""


class PublicationText(Base):
    """One version of some words; never changed. Empty words go back to the press's own."""

    __tablename__ = "publication_texts"
    __table_args__ = (UniqueConstraint("publication_id", "kind", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    kind: Mapped[WordingKind] = mapped_column(word(WordingKind))
    number: Mapped[int]
    words: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime]


def versions(publication: Publication, kind: WordingKind) -> Select[PublicationText]:
    """Every version of some words, the newest first."""
    every = select(PublicationText).where(PublicationText.publication_id == publication.id)
    return every.where(PublicationText.kind == kind).order_by(PublicationText.number.desc())


def newest(session: Session, publication: Publication, kind: WordingKind) -> PublicationText | None:
    """The version that counts now; None where the publication has no words of its own."""
    text = session.scalar(versions(publication, kind).limit(1))
    return text if text is not None and text.words else None


def version(
    session: Session, publication: Publication, kind: WordingKind, number: int | None
) -> PublicationText | None:
    """That version, unless it was empty; the one that counts now where no number is given."""
    if number is None:
        return newest(session, publication, kind)
    text = session.scalar(versions(publication, kind).where(PublicationText.number == number))
    return text if text is not None and text.words else None


def keep(
    session: Session, publication: Publication, kind: WordingKind, words: str, seen: int, author: str, now: datetime
) -> None:
    """Let new words count; Invalid for characters that no text may hold.

    Conflict, and nothing is kept, unless version `seen` (0: none) is still the newest.
    """
    characters.passage(words, "these words")
    last = session.scalar(versions(publication, kind).limit(1))
    number = last.number if last else 0
    if number == seen and words == (last.words if last else ""):
        return
    text = PublicationText(publication_id=publication.id, kind=kind, number=seen + 1, words=words)
    text.author, text.created_at = author, now
    try:
        # Two who keep words at once meet at the unique key.
        with session.begin_nested():
            session.add(text)
            session.flush()
    except IntegrityError:
        raise _overtaken(number) from None
    if number != seen:
        raise _overtaken(number)


def _overtaken(number: int) -> Conflict:
    return Conflict(
        f"This text has been changed: version {number} is now used. Copy yours, open the page again, then decide."
    )
