"""Searching the archive: published issues that contain words beginning with each word typed, in any case or accents.

SQLite searches by FTS5, PostgreSQL by a tsvector; both are given the same words (`archive_index`), and find the same.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple, Self

from sqlalchemy import ColumnElement, String, and_, case, cast, column, func, literal, select, table
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.orm import Session

from newsletter import characters
from newsletter.db import is_postgresql, position
from newsletter.delivery.models import Letter
from newsletter.editorial.issues import archive
from newsletter.editorial.issues.archive_index import IndexedText
from newsletter.editorial.issues.indexing import words_of
from newsletter.editorial.models import Issue

LONGEST = 200
"""The number of characters of a search that are used."""
_MOST_WORDS = 10
_BEFORE = 13
_EXCERPT = 72

_FTS5 = table("archive_words", column("rowid"), column("archive_words", String()))
_TSVECTOR = table("archive_words", column("issue_id"), column("vector", TSVECTOR()))


class Piece(NamedTuple):
    """A piece of a text, and whether it is a word that was searched for."""

    text: str
    is_hit: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A search as typed, and the folded words that it looks for."""

    typed: str
    words: Sequence[str]
    is_cut: bool
    """Whether more was typed than is looked for."""

    @classmethod
    def parse(cls, typed: str) -> Self:
        """The search that somebody typed, which may be anything; without letters and digits it has no words."""
        line = characters.as_line(typed)
        words = list(dict.fromkeys(words_of(line[:LONGEST])))
        return cls(line[:LONGEST], words[:_MOST_WORDS], len(line) > LONGEST or len(words) > _MOST_WORDS)


@dataclass(frozen=True, slots=True)
class Found:
    """An issue that was found: its title, and an excerpt of its text around the first word found there."""

    slug: str
    published_at: datetime | None
    title: Sequence[Piece]
    excerpt: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Results:
    """A page of results, and how many issues were found in all."""

    total: int
    issues: Sequence[Found]


def search(session: Session, publication_id: int, query: Query, *, skip: int, limit: int) -> Results:
    """The published issues that match; first those whose titles do, then the newest."""
    matching = archive.published(publication_id).order_by(None).join(IndexedText)
    ids = matching.where(_matches(session, query.words)).with_only_columns(Issue.id)
    total = session.scalar(select(func.count()).select_from(ids.subquery())) or 0
    order = (_title_matches(session, query.words), Letter.started_at.desc(), Issue.id.desc())
    # The texts are read of one page only.
    page = session.scalars(ids.order_by(*order).offset(skip).limit(limit)).all()
    columns = select(Issue.slug, Letter.started_at, IndexedText.title, IndexedText.text)
    rows = columns.join(Issue.letter).join(IndexedText).where(Issue.id.in_(page)).order_by(*order)
    return Results(total, [_found(query.words, *row) for row in session.execute(rows)])


def pieces(text: str, words: Sequence[str]) -> Iterator[Piece]:
    """The words of a text and what stands between them; a hit begins with one of the folded words."""
    for is_word, group in groupby(text, _is_of_word):
        piece = "".join(group)
        yield Piece(piece, is_word and any(each.startswith(tuple(words)) for each in words_of(piece)))


def excerpt(text: str, words: Sequence[str]) -> list[Piece]:
    """The part of a text around the first hit; its beginning if there is none."""
    read: list[Piece] = []
    hit = None
    for piece in pieces(text, words):
        read.append(piece)
        if hit is None and piece.is_hit:
            hit = len(read)
        if hit is not None and len(read) > hit + _EXCERPT:
            break
    start = max(0, (hit or 0) - _BEFORE)
    end = start + _EXCERPT
    before = [Piece("… ", is_hit=False)] if start else []
    after = [Piece(" …", is_hit=False)] if end < len(read) else []
    return [*before, *read[start:end], *after]


def _found(words: Sequence[str], slug: str, published_at: datetime | None, title: str, text: str) -> Found:
    return Found(slug, published_at, list(pieces(title, words)), excerpt(text, words))


def _matches(session: Session, words: Sequence[str]) -> ColumnElement[bool]:
    # Words consist of letters and digits only, so nothing in them can end the quotes.
    if is_postgresql(session):
        asked = cast(" & ".join(f"'{word}':*" for word in words), TSQUERY)
        return Issue.id.in_(select(_TSVECTOR.c.issue_id).where(_TSVECTOR.c.vector.op("@@")(asked)))
    matched = " AND ".join(f'"{word}"*' for word in words)
    return Issue.id.in_(select(_FTS5.c.rowid).where(_FTS5.c.archive_words.match(matched)))


def _title_matches(session: Session, words: Sequence[str]) -> ColumnElement[int]:
    """0 for an issue whose title contains all the words, else 1."""
    title = literal(" ").concat(IndexedText.title_words)
    return case((and_(*(position(session, title, f" {word}") > 0 for word in words)), 0), else_=1)


@lru_cache(maxsize=4096)
def _is_of_word(character: str) -> bool:
    # Accents and invisible characters stand within words; folding drops them.
    return character.isalnum() or unicodedata.category(character)[0] == "M" or unicodedata.category(character) == "Cf"
