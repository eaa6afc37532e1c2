"""The archive's index: the words and labels of each issue with a letter, as the archive shows it once it is out.

It is written where an issue is frozen or corrected. Whatever is read from it is joined with the letters that have
started (`archive.published`), so that nothing is found a moment early.
"""

import re
from dataclasses import dataclass

from markupsafe import Markup
from sqlalchemy import ForeignKey, Text, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.db import Base
from newsletter.editorial.issues.indexing import LabelColumns, labels_of, words_of
from newsletter.editorial.models import Issue
from newsletter.editorial.rendering import render
from newsletter.editorial.source.issue_file import IssueFile

_MOST_CHARACTERS = 200_000
"""Of all words of an issue: PostgreSQL's tsvector holds 1 MB."""
_BLOCK_ENDS = re.compile(r"(?=</(?:p|li|h[1-6]|t[dhr]|figcaption|pre|blockquote)>|<br)")


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


class ArchiveLabel(LabelColumns, Base):
    """A label of an issue as the archive shows it."""

    __tablename__ = "archive_labels"


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index holds of one issue: a row of texts, and rows of labels."""

    text: dict[str, str]
    labels: list[dict[str, str]]


def record(session: Session, issue: Issue, file: IssueFile) -> None:
    """Index this text of an issue in place of what was indexed of it."""
    entry = index_entry(file)
    for table in (IndexedText, ArchiveLabel):
        session.execute(delete(table).where(table.issue_id == issue.id))
    session.add(IndexedText(issue_id=issue.id, **entry.text))
    session.add_all(ArchiveLabel(issue_id=issue.id, **label) for label in entry.labels)
    session.flush()


def index_entry(file: IssueFile) -> IndexEntry:
    """The entry of an issue file; also used by the migration that fills the index."""
    text = " · ".join(filter(None, (render.summary(file), _plain(file).strip())))
    title_words = words_of(file.title)
    words = " ".join(dict.fromkeys([*title_words, *words_of(text)]))[:_MOST_CHARACTERS].rstrip()
    row = {"title": file.title, "text": text, "title_words": " ".join(title_words), "words": words}
    return IndexEntry(row, list(labels_of(file)))


def _plain(file: IssueFile) -> str:
    article = render.issue_page(file, lambda name: name)
    return Markup(_BLOCK_ENDS.sub(" ", article)).striptags()  # noqa: S704  (the result is plain text)
