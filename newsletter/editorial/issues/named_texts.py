"""What templates and snippets have in common: texts that a publication keeps, each under a name of its own."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, TypeVar

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column

from newsletter.characters import LONGEST_LABEL_KEY
from newsletter.errors import NotFound

LONGEST_NAME = 100


class NamedText:
    """The columns of a text under a name; the names of one publication differ in more than case and accents."""

    deleted_notice: ClassVar[str]
    """What to tell whoever asks for one that has been deleted."""

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"))
    key: Mapped[str] = mapped_column(String(LONGEST_LABEL_KEY))
    """The folded name."""
    name: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[datetime]
    saved_by: Mapped[str] = mapped_column(String(254))

    @declared_attr.directive
    def __table_args__(cls) -> tuple[UniqueConstraint, dict[str, bool]]:  # noqa: N805
        # An open page may still name a deleted one, whose id must never be reused.
        return UniqueConstraint("publication_id", "key"), {"sqlite_autoincrement": True}


_Text = TypeVar("_Text", bound=NamedText)


def named_texts(session: Session, kind: type[_Text], publication_id: int) -> Sequence[_Text]:
    """The publication's texts of this kind, by name."""
    return session.scalars(select(kind).where(kind.publication_id == publication_id).order_by(kind.key)).all()


def find_named(session: Session, kind: type[_Text], publication_id: int, text_id: int) -> _Text:
    """The publication's text of that id; NotFound if it was deleted."""
    found = session.get(kind, text_id)
    if found is None or found.publication_id != publication_id:
        raise NotFound(kind.deleted_notice)
    return found
