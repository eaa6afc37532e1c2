"""Snippets: named pieces of Markdown of a publication, which editors put into issues as copies."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Text, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter import characters
from newsletter.db import Base
from newsletter.editorial.issues.named_texts import LONGEST_NAME, NamedText, find_named, named_texts
from newsletter.editorial.source import markdown, validation
from newsletter.editorial.source.front_matter import Fault
from newsletter.errors import Conflict, Invalid
from newsletter.i18n import formats

_LONGEST_SNIPPET = 5_000
MOST_SNIPPETS = 100

_NO_PICTURES = "a snippet cannot hold pictures, because each issue has its own; save the issue as a template instead"
_CHANGED = "Somebody has changed this snippet since you opened it."


class Snippet(NamedText, Base):
    """A piece of Markdown under a name; an issue that it was put into keeps its copy."""

    __tablename__ = "snippets"
    deleted_notice = "This snippet has been deleted. Issues that it was put into still have its text."

    text: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(default=0)
    """Counts the changes, so that the second of two people who change it at once is refused."""


class RefusedSnippet(Invalid):
    """A name or a text that no snippet may have; `name` is what is wrong with the name, empty if nothing is."""

    def __init__(self, name: str, text: Sequence[Fault]) -> None:
        super().__init__("; ".join(filter(None, [name, *(fault.text for fault in text)])))
        self.name = name
        self.text = tuple(text)


def add_snippet(session: Session, publication_id: int, name: str, text: str, by: str, now: datetime) -> Snippet:
    """Add a snippet; RefusedSnippet unless its name is new, and its text could stand in an issue."""
    snippet = Snippet(publication_id=publication_id, number=0)
    count = session.scalar(select(func.count(Snippet.id)).where(Snippet.publication_id == publication_id)) or 0
    if count >= MOST_SNIPPETS:
        raise RefusedSnippet(f"There are {count} snippets, the most that a publication can have. Delete one first.", ())
    return _save(session, snippet, name, text, by, now)


def change_snippet(
    session: Session, snippet: Snippet, seen: int, name: str, text: str, by: str, now: datetime
) -> Snippet:
    """Change a snippet; issues keep what they have. RefusedSnippet as for a new one; Conflict if it is no longer as
    it was at its change number `seen`."""
    session.refresh(snippet, with_for_update=True)
    if snippet.number != seen:
        raise Conflict(_CHANGED)
    snippet.number += 1
    return _save(session, snippet, name, text, by, now)


def publication_snippets(session: Session, publication_id: int) -> Sequence[Snippet]:
    """The publication's snippets by name."""
    return named_texts(session, Snippet, publication_id)


def find_snippet(session: Session, publication_id: int, snippet_id: int) -> Snippet:
    """The snippet of that id; NotFound if it was deleted."""
    return find_named(session, Snippet, publication_id, snippet_id)


def _save(session: Session, snippet: Snippet, name: str, text: str, by: str, now: datetime) -> Snippet:
    line, passage = characters.as_line(name), text.strip("\n").rstrip()
    key = characters.label_key(line)
    name_fault, text_faults = _name_fault(line, key), list(_text_faults(passage))
    if name_fault or text_faults:
        raise RefusedSnippet(name_fault, text_faults)
    try:
        with session.begin_nested():
            snippet.key, snippet.name, snippet.text = key, line, passage
            snippet.saved_by, snippet.saved_at = by, now
            session.add(snippet)
    except IntegrityError as error:
        raise RefusedSnippet(f"There is a snippet named “{line}” already. Choose another name.", ()) from error
    return snippet


def _name_fault(line: str, key: str) -> str:
    if not key:
        return "Give the snippet a name."
    if len(line) > LONGEST_NAME:
        return f"The name has {formats.number(len(line))} characters; the limit is {LONGEST_NAME}. Shorten it."
    return ""


def _text_faults(passage: str) -> Iterator[Fault]:
    """Pictures, and every fault that an issue could not have either, each with its line."""
    if not passage:
        yield Fault(None, "write the text of the snippet")
    elif len(passage) > _LONGEST_SNIPPET:
        most = formats.number(_LONGEST_SNIPPET)
        yield Fault(None, f"the text has {formats.number(len(passage))} characters; the limit is {most}")
    else:
        tokens = markdown.parse(passage)
        yield from validation.find_faults(passage, tokens, 1)
        yield from (Fault(picture.line, _NO_PICTURES) for picture in validation.pictures(tokens, 1))
