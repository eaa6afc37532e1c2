"""What the index of the archive and that of the desk have in common: folded words, and labels."""

import re
from collections.abc import Iterator
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from newsletter.characters import LONGEST_LABEL_KEY, fold, label_key
from newsletter.db import word
from newsletter.editorial.source.issue_file import IssueFile

_LONGEST_WORD = 64
_WORD = re.compile(r"[^\W_]+")


class LabelKind(StrEnum):
    """What an issue can be listed by."""

    CATEGORY = "category"
    TAG = "tag"
    AUTHOR = "author"


class LabelColumns:
    """The columns of a category, tag or author of an issue; its key is the folded name."""

    __tablename__: str

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[LabelKind] = mapped_column(word(LabelKind), primary_key=True)
    key: Mapped[str] = mapped_column(String(LONGEST_LABEL_KEY), primary_key=True)
    name: Mapped[str] = mapped_column(Text)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Index, ...]:  # noqa: N805
        return (Index(f"ix_{cls.__tablename__}_key", "kind", "key"),)


def words_of(text: str) -> list[str]:
    """The folded words of a text; of a very long one only the beginning."""
    return [found[:_LONGEST_WORD] for found in _WORD.findall(fold(text))]


def labels_of(file: IssueFile) -> Iterator[dict[str, str]]:
    """The labels of an issue file as rows, each once."""
    named = [(LabelKind.CATEGORY, file.category), (LabelKind.AUTHOR, file.author)]
    named += [(LabelKind.TAG, tag) for tag in file.tags]
    once = {(kind, label_key(name)): name for kind, name in reversed(named)}
    for (kind, key), name in once.items():
        if key:
            yield {"kind": kind, "key": key, "name": name}
