"""Plain text: an article in 72 columns, with its links numbered and listed below each section."""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from itertools import count, repeat
from urllib.parse import unquote

from markdown_it.tree import SyntaxTreeNode as Node

from newsletter.editorial.source import article_blocks, markdown
from newsletter.i18n.messages import SOURCE, gettext

WIDTH = 72
"""Columns; RFC 3676 recommends 78 at most."""

_NARROWEST = 24  # however deep the lists
_FIELD = re.compile(r"\{\{[^{}]*\}\}")
_BLANK = re.compile(r"[ \t\n]+")
# Stands for a non-breaking space: inside a merge field, and before a link's number.
_HELD = "\ue000"
# Enclose a line's number. The parser leaves no NUL in a text, so they cannot be mistaken for content.
_MARK = "\0"
_MARKED = re.compile(f"{_MARK}([0-9]+){_MARK}")


def to_text(body: str, language: str = SOURCE, pages: markdown.Pages = (), *, lines: bool = False) -> str:
    """Markdown as plain text that ends with a line break; merge fields are kept. For `pages` see `markdown.parse`.

    With `lines` it has marks for `numbered_blocks`, and is otherwise the same.
    """
    page = _Page(language, lines=lines)
    blocks = page.article(Node(markdown.parse(body, language, pages)).children)
    text = "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks)
    return (_ended(text) if lines else text) + "\n"


def numbered_blocks(text: str) -> list[tuple[int, str]]:
    """A text with marks, cut at them: each block with the line of the body on which it starts; 0 for other words."""
    before, *marked = _MARKED.split(text)
    return [(0, before), *zip(map(int, marked[::2]), marked[1::2], strict=True)]


def underlined(heading: str, rule: str = "-") -> list[str]:
    """A heading, wrapped, with a rule as long as its longest line."""
    lines = wrapped(heading, WIDTH)
    return [*lines, rule * max(map(len, lines), default=0)]


def wrapped(words: str, width: int) -> list[str]:
    """Lines of at most `width` columns; a URL or a merge field is never broken."""
    unbroken = _FIELD.sub(lambda field: field[0].replace(" ", _HELD), words)
    lines = (_BLANK.sub(" ", line).strip() for line in unbroken.split("\n"))
    width = max(width, _NARROWEST)
    broken = (textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in lines)
    return [line.replace(_HELD, " ") for part in broken for line in part]


def paragraphs(words: str) -> str:
    """The words, wrapped; blank lines stay, and so do lines that are indented already."""
    lines = ([line] if line.startswith(" ") else wrapped(line, WIDTH) or [""] for line in words.split("\n"))
    return "\n".join(line for part in lines for line in part)


def hung(lines: list[str], mark: str) -> list[str]:
    """The lines with a mark before the first and a hanging indent for the rest."""
    first, *rest = lines or [""]
    return [mark + first, *(" " * len(mark) + line if line else "" for line in rest)]


class _Page:
    """Writes one article and numbers its links; a block is a list of lines."""

    def __init__(self, language: str, *, lines: bool = False) -> None:
        self.language = language
        self.lines = lines
        self.numbers: dict[str, int] = {}
        self.unlisted: list[str] = []

    def article(self, nodes: Iterable[Node]) -> Iterator[list[str]]:
        """The blocks of an article, with each section's links listed at its end."""
        for node in nodes:
            if node.type == "heading":
                yield from self._links()
            if block := self.block(node, WIDTH):
                yield _marked(block, node) if self.lines else block
        yield from self._links()

    def block(self, node: Node, width: int) -> list[str]:
        """One block of at most `width` columns."""
        write = _WRITERS.get(node.type, _Page.stack)
        return write(self, node, width)

    def _links(self) -> Iterator[list[str]]:
        if self.unlisted:
            yield [f"[{self.numbers[url]}] {url}" for url in self.unlisted]
            self.unlisted = []

    def stack(self, node: Node, width: int) -> list[str]:
        gap = [] if any(child.hidden for child in node.children) else [""]
        return _joined((self.block(child, width) for child in node.children), gap)

    def heading(self, node: Node, width: int) -> list[str]:
        words = self.words(node)
        return underlined(words) if node.tag == "h2" else wrapped(words, width)

    def paragraph(self, node: Node, width: int) -> list[str]:
        return wrapped(self.words(node), width)

    def figure(self, node: Node, width: int) -> list[str]:
        first, *caption = node.children[0].children
        picture = first.children[0] if first.type == "link" else first
        words = " — ".join(filter(None, [_alt(picture), *map(self.words, caption)]))
        if first.type == "link":
            label = self._picture(words) or gettext("[Picture]", self.language)
            return wrapped(self._numbered(label, _url(first)), width)
        return wrapped(self._picture(words), width)

    def listing(self, node: Node, width: int) -> list[str]:
        marks = _marks(node)
        items = (
            hung(self.block(item, width - len(mark)), mark) for mark, item in zip(marks, node.children, strict=False)
        )
        tight = any(child.hidden for item in node.children for child in item.children)
        return _joined(items, [] if tight else [""])

    def quote(self, node: Node, width: int) -> list[str]:
        return [f"> {line}" for line in self.stack(node, width - 2)]

    def callout(self, node: Node, width: int) -> list[str]:
        title, *rest = node.children
        text = _joined((self.block(child, width - 2) for child in rest), [""])
        return [f"| {line}" for line in [self.words(title).upper(), "", *text]]

    def action(self, node: Node, width: int) -> list[str]:
        links = (child for child in node.children[0].children if child.type == "link")
        return [line for link in links for line in hung(wrapped(f"{self.words(link)}: {_url(link)}", width - 2), "→ ")]

    def code(self, node: Node, _width: int) -> list[str]:
        return [f"    {line}" for line in node.content.rstrip("\n").split("\n")]

    def rule(self, _node: Node, width: int) -> list[str]:
        return ["* * *".center(width)]

    def table(self, node: Node, width: int) -> list[str]:
        heads, *rows = (list(map(self.words, row.children)) for part in node.children for row in part.children)
        lines = (
            [first, *(f"{head}: {cell}" for head, cell in zip(heads[1:], cells, strict=True))] for first, *cells in rows
        )
        return _joined((hung(wrapped("; ".join(line), width - 2), "- ") for line in lines), [])

    def words(self, node: Node) -> str:
        """A line of text with emphasis and links in plain characters."""
        return "".join(map(self._word, node.children))

    def _word(self, node: Node) -> str:
        match node.type:
            case "link":
                return self.words(node) if node.markup == "autolink" else self._link(node)
            case "image":
                return self._picture(_alt(node))
            case "softbreak" | "hardbreak":
                return " " if node.type == "softbreak" else "\n"
            case "em" | "strong":
                return f"{_EMPHASIS[node.type]}{self.words(node)}{_EMPHASIS[node.type]}"
        return self.words(node) if node.children else node.content

    def _picture(self, words: str) -> str:
        return gettext("[Picture: %(words)s]", self.language, words=words) if words else ""

    def _link(self, node: Node) -> str:
        words, url = self.words(node), _url(node)
        if url.startswith("mailto:"):
            address = unquote(url.removeprefix("mailto:").partition("?")[0])
            return words if words == address else f"{words} ({address})"
        return words if words == url else self._numbered(words, url)

    def _numbered(self, words: str, url: str) -> str:
        """Words with the number under which their URL is listed."""
        if not url.startswith(("http://", "https://")):
            return words
        self.numbers.setdefault(url, len(self.numbers) + 1)
        if url not in self.unlisted:
            self.unlisted.append(url)
        return f"{words}{_HELD}[{self.numbers[url]}]"


def _marked(block: list[str], node: Node) -> list[str]:
    if node.map is None:
        return block
    # Placed beside a word, so that a mark does not change the blank lines of the mail.
    place = next((place for place, line in enumerate(block) if line.strip()), None)
    if place is None:
        return block
    return [*block[:place], f"{_MARK}{node.map[0] + 1}{_MARK}{block[place]}", *block[place + 1 :]]


def _ended(text: str) -> str:
    words = text.rstrip()
    return f"{words}{_MARK}0{_MARK}{text[len(words) :]}" if words else text


def _url(link: Node) -> str:
    return str(link.attrs.get("href", ""))


def _alt(picture: Node) -> str:
    return article_blocks.plain_words((picture.token and picture.token.children) or [])


def _marks(node: Node) -> Iterator[str]:
    if node.type == "bullet_list":
        return repeat("- ")
    start = int(node.attrs.get("start", 1))
    return (f"{number}. " for number in count(start))


def _joined(blocks: Iterable[list[str]], gap: list[str]) -> list[str]:
    lines: list[str] = []
    for block in filter(None, blocks):
        lines += [*(gap if lines else []), *block]
    return lines


_EMPHASIS = {"em": "_", "strong": "*"}
_WRITERS: dict[str, Callable[[_Page, Node, int], list[str]]] = {
    "heading": _Page.heading,
    "paragraph": _Page.paragraph,
    "figure": _Page.figure,
    "inline": _Page.paragraph,
    "bullet_list": _Page.listing,
    "ordered_list": _Page.listing,
    "blockquote": _Page.quote,
    "callout": _Page.callout,
    "action": _Page.action,
    "fence": _Page.code,
    "code_block": _Page.code,
    "hr": _Page.rule,
    "table": _Page.table,
}
