"""The check context: an issue, its rendered mail and the facts, with derived data that is computed once."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from markdown_it.token import Token

from newsletter.delivery.message import merge
from newsletter.editorial.preflight.facts import Facts
from newsletter.editorial.preflight.html_page import HtmlPage
from newsletter.editorial.rendering.render import FIELDS, Rendered
from newsletter.editorial.source import article_blocks, markdown
from newsletter.editorial.source.issue_file import IssueFile
from newsletter.editorial.source.markdown import Reference

# Merge fields at their longest: a name, an address, and links with a token each.
_SAMPLE = {"name": "Bartholomew Featherstone", "email": "bartholomew.featherstone@mail.example.org"}
_LINK = "https://letters.example.org/" + "x" * 100

_OUTSIDE = re.compile(r'(?<=\shref=")https?://[^"{}]+(?=")')

# What is not prose: URLs, attributes, code, merge fields.
_UNREAD = re.compile(r"(?<=\])\([^()]*(?:\([^()]*\)[^()]*)*\)(?:\{[^{}]*\})?|https?://[^\s>)]+|`[^`]+`|\{\{[^{}]*\}\}")
_CAPTION = re.compile(r"[^()\"]*\"([^\"]*)\"\)")
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_LONGEST = 500
_BEGINS = re.compile(r"\s*(?:[-*+]\s|\d+[.)]\s|#|\||>)")
_END = re.compile(r"[.!?…][\"'”’)\]*_]*\s+")
_ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|etc|al|vs|cf|Dr|Mr|Mrs|Ms|Prof|St|No|approx|Fig|[A-Z])$")


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of prose; `text` has spaces in place of code and URLs, so that its columns are those of the file."""

    number: int
    text: str
    raw: str
    offset: int = 0
    """The column of the file, from 0, at which it starts."""

    def column(self, place: int) -> int:
        """The file's column, from 1, of an index into the text."""
        return self.offset + place + 1

    def where(self, found: re.Match[str]) -> tuple[int, int]:
        """The file's line and column, from 1, at which what was found in the text begins."""
        return self.number, self.column(found.start())


@dataclass(frozen=True)
class Passage:
    """Consecutive lines that are one text: a paragraph, a heading, a list item."""

    lines: Sequence[SourceLine]

    @cached_property
    def text(self) -> str:
        """The lines joined by spaces."""
        return " ".join(line.text for line in self.lines)

    def place(self, at: int) -> tuple[int, int]:
        """The file's line and column of an index into the text."""
        for line in self.lines:
            if at <= len(line.text):
                return line.number, line.column(at)
            at -= len(line.text) + 1
        raise ValueError("There is no such place in the passage.")

    def sentence(self, at: int) -> tuple[str, int]:
        """The sentence around an index, or a window of an overlong one, and the index within it."""
        number = min(bisect_right(self._ends, at), len(self._ends) - 1)
        start = max(self._ends[number - 1] if number else 0, at - _LONGEST)
        return self.text[start : min(self._ends[number], at + _LONGEST)], at - start

    @cached_property
    def _ends(self) -> list[int]:
        return list(_ends(self.text))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as it was written, the line it starts on, and its paragraph."""

    text: str
    line: int
    paragraph: str

    @property
    def words(self) -> list[str]:
        """Its words, without code and URLs."""
        return _WORD.findall(_UNREAD.sub(" ", self.text))


@dataclass(frozen=True)
class CheckContext:
    """An issue, its mail, and the facts; immutable, with derived data cached."""

    issue: IssueFile
    mail: Rendered
    facts: Facts = field(default_factory=Facts)

    @property
    def has_mail(self) -> bool:
        """Whether the text could be rendered; while it is being typed, it sometimes cannot."""
        return bool(self.mail.html)

    @property
    def is_english(self) -> bool:
        return self.facts.language.lower().partition("-")[0] == "en"

    @cached_property
    def tokens(self) -> list[Token]:
        return markdown.parse(self.issue.body)

    @cached_property
    def references(self) -> list[Reference]:
        """Links and pictures, with their line in the file."""
        found = markdown.references(self.tokens)
        return [replace(one, line=self._in_file(one.line)) for one in found]

    @property
    def links(self) -> list[Reference]:
        return [one for one in self.references if one.kind == "link"]

    @property
    def pictures(self) -> list[Reference]:
        return [one for one in self.references if one.kind == "picture"]

    @cached_property
    def lines(self) -> list[SourceLine]:
        """Title, subject and preheader, then the body, with code and URLs replaced by spaces."""
        return [*self._front_lines(), *self._body_lines()]

    @cached_property
    def passages(self) -> list[Passage]:
        """`lines` grouped into passages."""
        found: list[list[SourceLine]] = []
        goes_on = False
        for line in self.lines:
            is_front, is_blank = line.number < self.issue.body_line, not line.raw.strip()
            if goes_on and not is_front and not is_blank and not _BEGINS.match(line.raw):
                found[-1].append(line)
            elif not is_blank:
                found.append([line])
            goes_on = not is_front and not is_blank and not line.raw.startswith("#")
        return [Passage(lines) for lines in found]

    @cached_property
    def sentences(self) -> list[Sentence]:
        """The sentences of paragraphs, lists and quotes, without headings and code."""
        return [sentence for line, text in self.paragraphs for sentence in _sentences(text, line)]

    @cached_property
    def paragraphs(self) -> list[tuple[int, str]]:
        """Each paragraph as it was written, with the line it starts on."""
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        return [
            (self._in_file(token.map[0] + 1), token.content)
            for before, token in pairs
            if token.type == "inline" and token.map and before.type in {"paragraph_open", "td_open"}
        ]

    @cached_property
    def word_count(self) -> int:
        return sum(len(sentence.words) for sentence in self.sentences)

    @cached_property
    def page(self) -> HtmlPage:
        """The HTML of the longest possible copy: merge fields filled in, and links as they will be sent."""
        fields = FIELDS["issue"]
        values = {**dict.fromkeys(fields, _LINK), **_SAMPLE}
        html = _OUTSIDE.sub(self.facts.counted_link, self.mail.html) if self.facts.counted_link else self.mail.html
        return HtmlPage.read(merge.compile(html, fields).fill(values, merge.as_html))

    def front_line(self, key: str) -> int | None:
        """The line of a field in the front matter."""
        found = re.search(rf"^{key}[ \t]*:", self._front, re.MULTILINE)
        return self._front.count("\n", 0, found.start()) + 1 if found else None

    def line_of(self, words: str) -> int | None:
        """The first line of the file that contains these words."""
        place = self.issue.source.find(words)
        return self.issue.source.count("\n", 0, place) + 1 if words and place >= 0 else None

    @cached_property
    def _front(self) -> str:
        return "\n".join(self.issue.source.split("\n")[: self.issue.body_line - 1])

    def _front_lines(self) -> Iterator[SourceLine]:
        for key in ("title", "subject", "preheader"):
            words, number = getattr(self.issue, key), self.front_line(key)
            if words and number:
                raw = self._front.split("\n")[number - 1]
                yield SourceLine(number, _blanked(words), words, max(raw.find(words), 0))

    def _body_lines(self) -> Iterator[SourceLine]:
        code = {number for token in self.tokens if token.type in {"fence", "code_block"} for number in _span(token)}
        for number, raw in enumerate(self.issue.body.split("\n")):
            text = " " * len(raw) if number in code else _blanked(raw)
            yield SourceLine(self._in_file(number + 1), text, raw)

    def _in_file(self, line: int) -> int:
        return self.issue.body_line + line - 1


def words_of(token: Token) -> str:
    """The plain text of an inline token."""
    return article_blocks.plain_words(token.children or [])


def _span(token: Token) -> range:
    return range(*token.map) if token.map else range(0)


def _blanked(text: str) -> str:
    return _UNREAD.sub(_blank, text)


def _blank(found: re.Match[str]) -> str:
    """As many spaces as the match has characters; a caption in quotes is prose and is kept."""
    if not found[0].startswith("("):
        return " " * len(found[0])
    caption = _CAPTION.match(found[0], 1)
    start, end = caption.span(1) if caption else (1, 1)
    return "(" + " " * (start - 1) + found[0][start:end] + " " * (len(found[0]) - end)


def _sentences(text: str, line: int) -> Iterator[Sentence]:
    start = 0
    for end in _ends(text):
        sentence = text[start:end]
        if sentence.strip():
            first = start + len(sentence) - len(sentence.lstrip())
            yield Sentence(sentence.strip(), line + text.count("\n", 0, first), text)
        start = end


def _ends(text: str) -> Iterator[int]:
    """The ends of all sentences; the last is the end of the text."""
    for found in _END.finditer(text):
        if not _ABBREVIATED.search(text, max(0, found.start() - 8), found.start()):
            yield found.end()
    yield len(text)
