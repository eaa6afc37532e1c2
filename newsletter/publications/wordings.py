"""Wordings: texts that a publication replaces; every version is kept, because readers may have agreed to it."""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from sqlalchemy import Dialect, ForeignKey, Select, String, Text, UniqueConstraint, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter import characters
from newsletter.db import Base, word
from newsletter.errors import Conflict
from newsletter.prepared import Prepared
from newsletter.publications import Publication

_NEWEST = 2**31 - 1


class WordingKind(StrEnum):
    """Where the text is shown."""

    SIGN_UP = "sign_up"
    """Below the sign-up form; the reader agrees to it."""
    CONFIRM = "confirm"
    """Above the confirm button; the reader agrees to it as well."""
    ASK = "ask"
    """Beside the box to tick below a question; it is kept with the question."""
    PRIVACY = "privacy"
    """The privacy page, linked in every footer; there is none while this is empty."""


class PublicationText(Base):
    """One version of a text; never changed. An empty text restores the default."""

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
    """Every version of a text, newest first."""
    every = select(PublicationText).where(PublicationText.publication_id == publication.id)
    return every.where(PublicationText.kind == kind).order_by(PublicationText.number.desc())


def newest(session: Session, publication: Publication, kind: WordingKind) -> PublicationText | None:
    """The current version; None if the publication uses the default."""
    text = session.scalar(versions(publication, kind).limit(1))
    return text if text is not None and text.words else None


def text_of_version(session: Session, publication: Publication, kind: WordingKind, number: int | None) -> str:
    """The text of the version of that number, of the current one without a number; empty for the default."""
    if number == 0:
        return ""
    connection = session.connection()
    asked = {"publication_id": publication.id, "kind": kind.value, "least": number or 0}
    asked["most"] = _NEWEST if number is None else number
    found = _words(connection.dialect).run(connection, asked)
    return str(found[0][0]) if found else ""


@lru_cache(maxsize=8)
def _words(dialect: Dialect) -> Prepared:
    theirs = select(PublicationText.words).where(PublicationText.publication_id == bindparam("publication_id"))
    theirs = theirs.where(PublicationText.kind == bindparam("kind"))
    theirs = theirs.where(PublicationText.number.between(bindparam("least"), bindparam("most")))
    return Prepared(theirs.order_by(PublicationText.number.desc()), dialect)


def keep(
    session: Session, publication: Publication, kind: WordingKind, words: str, seen: int, author: str, now: datetime
) -> None:
    """Store a new version; Invalid if the text contains forbidden characters.

    Conflict, and nothing is stored, unless version `seen` (0: none) is still the newest.
    """
    characters.passage(words, "these words")
    last = session.scalar(versions(publication, kind).limit(1))
    number = last.number if last else 0
    if number == seen and words == (last.words if last else ""):
        return
    text = PublicationText(publication_id=publication.id, kind=kind, number=seen + 1, words=words)
    text.author, text.created_at = author, now
    try:
        # Two simultaneous versions collide at the unique key.
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
