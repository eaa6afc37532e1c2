"""The archive's index: the words and labels of each issue with a letter, as the archive shows it once it is out.

It is written where an issue is frozen or corrected. Whatever is read from it is joined with the letters that have
started (`archive.published`), so that nothing is found a moment early.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import Markup
from sqlalchemy import ForeignKey, Index, String, Text, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter import characters
from newsletter.characters import LONGEST_LABEL_KEY, label_key
from newsletter.db import Base, word
from newsletter.editorial.models import Issue
from newsletter.editorial.rendering import render
from newsletter.editorial.source.issue_file import IssueFile

_MOST_CHARACTERS = 200_000
"""Of all words of an issue: PostgreSQL's tsvector holds 1 MB."""
_LONGEST_WORD = 64
_WORD = re.compile(r"[^\W_]+")
_BLOCK_ENDS = re.compile(r"(?=</(?:p|li|h[1-6]|t[dhr]|figcaption|pre|blockquote)>|<br)")


class LabelKind(StrEnum):
    """What an issue can be listed by."""

    CATEGORY = "category"
    TAG = "tag"
    AUTHOR = "author"


class IndexedText(Base):
    """The title and text of an issue as shown, and the folded words of each, separated by spaces.

    Triggers copy `words` into the table `archive_words`, where searches look: FTS5 on SQLite, a tsvector on PostgreSQL.
    Neither parses them, so that both databases find the same.
    """

    __tablename__ = "archive_texts"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    title_words: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)
    """Each word of the title and the text once."""


class IssueLabel(Base):
    """A category, tag or author of an issue as shown; its key is the folded name."""

    __tablename__ = "archive_labels"
    __table_args__ = (Index("ix_archive_labels_key", "kind", "key"),)

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[LabelKind] = mapped_column(word(LabelKind), primary_key=True)
    key: Mapped[str] = mapped_column(String(LONGEST_LABEL_KEY), primary_key=True)
    name: Mapped[str] = mapped_column(Text)


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index holds of one issue: a row of texts, and rows of labels."""

    text: dict[str, str]
    labels: list[dict[str, str]]


def record(session: Session, issue: Issue, file: IssueFile) -> None:
    """Index this text of an issue in place of what was indexed of it."""
    entry = index_entry(file)
    for table in (IndexedText, IssueLabel):
        session.execute(delete(table).where(table.issue_id == issue.id))
    session.add(IndexedText(issue_id=issue.id, **entry.text))
    session.add_all(IssueLabel(issue_id=issue.id, **label) for label in entry.labels)
    session.flush()


def index_entry(file: IssueFile) -> IndexEntry:
    """The entry of an issue file; also used by the migration that fills the index."""
    text = " · ".join(filter(None, (render.summary(file), _plain(file).strip())))
    title_words = words_of(file.title)
    words = " ".join(dict.fromkeys([*title_words, *words_of(text)]))[:_MOST_CHARACTERS].rstrip()
    row = {"title": file.title, "text": text, "title_words": " ".join(title_words), "words": words}
    return IndexEntry(row, list(labels_of(file)))


def words_of(text: str) -> list[str]:
    """The folded words of a text; of a very long one only the beginning."""
    return [found[:_LONGEST_WORD] for found in _WORD.findall(characters.fold(text))]


def _plain(file: IssueFile) -> str:
    article = render.issue_page(file, lambda name: name)
    return Markup(_BLOCK_ENDS.sub(" ", article)).striptags()  # noqa: S704  (the result is plain text)


def labels_of(file: IssueFile) -> Iterator[dict[str, str]]:
    """The labels of an issue file as rows, each once."""
    named = [(LabelKind.CATEGORY, file.category), (LabelKind.AUTHOR, file.author)]
    named += [(LabelKind.TAG, tag) for tag in file.tags]
    once = {(kind, label_key(name)): name for kind, name in reversed(named)}
    for (kind, key), name in once.items():
        if key:
            yield {"kind": kind, "key": key, "name": name}
