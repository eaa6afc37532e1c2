"""The desk's index: the words and labels of each issue's newest revision, to find issues by.

A press has some thousands of issues, so a scan of their words takes a few milliseconds and needs no search engine.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, ForeignKey, Text, and_, delete, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.characters import as_line, label_key
from newsletter.db import Base
from newsletter.editorial.issues.indexing import LabelColumns, LabelKind, labels_of, words_of
from newsletter.editorial.models import Issue
from newsletter.editorial.source.issue_file import IssueFile

_LONGEST_SEARCH = 200


class DeskText(Base):
    """The folded words of an issue's newest revision, each once, with a space before each and after the last."""

    __tablename__ = "desk_texts"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    words: Mapped[str] = mapped_column(Text)


class DeskLabel(LabelColumns, Base):
    """A label of an issue's newest revision."""

    __tablename__ = "desk_labels"


def record(session: Session, issue_id: int, file: IssueFile) -> None:
    """Index this text of an issue in place of what was indexed of it."""
    for table in (DeskText, DeskLabel):
        session.execute(delete(table).where(table.issue_id == issue_id))
    words, labels = index_entry(file)
    session.add(DeskText(issue_id=issue_id, words=words))
    session.add_all(DeskLabel(issue_id=issue_id, **label) for label in labels)


def index_entry(file: IssueFile) -> tuple[str, list[dict[str, str]]]:
    """The words and labels of an issue file; also used by the migration that fills the index."""
    words = dict.fromkeys(words_of(f"{file.title}\n{file.subject}\n{file.preheader}\n{file.body}"))
    return f" {' '.join(words)} ", list(labels_of(file))


def clean_search(typed: str) -> str:
    """What somebody typed to search for, as one line of reasonable length."""
    return as_line(typed)[:_LONGEST_SEARCH]


def has_words(typed: str) -> ColumnElement[bool]:
    """Whether an issue has, for each word typed, a word that begins with it, in any case or accents."""
    # Words consist of letters and digits only, so nothing in them is a wildcard.
    return and_(true(), *(DeskText.words.contains(f" {each}") for each in words_of(clean_search(typed))))


def has_label(kind: LabelKind, name: str) -> ColumnElement[bool]:
    """Whether an issue has this label, in any case or accents."""
    labelled = select(DeskLabel.issue_id).where(DeskLabel.kind == kind, DeskLabel.key == label_key(name))
    return Issue.id.in_(labelled)


def label_names(session: Session, publication_id: int, kind: LabelKind) -> Sequence[str]:
    """The labels of one kind on the publication's issues, in alphabetical order; each in one of its spellings."""
    rows = select(DeskLabel.key, DeskLabel.name).join(Issue, Issue.id == DeskLabel.issue_id)
    rows = rows.where(Issue.publication_id == publication_id, DeskLabel.kind == kind).order_by(DeskLabel.key)
    return list({row.key: row.name for row in session.execute(rows)}.values())
