"""The size of a mail: the bytes of each block of its article, and where Gmail would clip it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from markdown_it.token import Token

from newsletter.editorial.preflight.context import CheckContext, words_of
from newsletter.editorial.rendering.render import CLIP_BYTES
from newsletter.editorial.source import article_blocks

_KINDS = {
    "heading_open": "Heading",
    "paragraph_open": "Paragraph",
    "bullet_list_open": "List",
    "ordered_list_open": "List",
    "blockquote_open": "Quote",
    "callout_open": "Callout",
    "figure_open": "Picture",
    "action_open": "Button",
    "table_open": "Table",
    "fence": "Code",
    "code_block": "Code",
    "hr": "Rule",
}
_LONGEST_LABEL = 48


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the mail with the position and size of its HTML; `line` is None outside the article."""

    kind: str
    words: str
    line: int | None
    start: int
    bytes: int

    @property
    def is_cut(self) -> bool:
        """Whether Gmail would clip it."""
        return self.start + self.bytes > CLIP_BYTES


@dataclass(frozen=True, slots=True)
class Weight:
    """A mail's blocks from top to bottom: the header, the article's blocks, the footer."""

    blocks: Sequence[Block]

    @property
    def total(self) -> int:
        return sum(block.bytes for block in self.blocks)

    @property
    def limit(self) -> int:
        """The number of bytes that Gmail shows."""
        return CLIP_BYTES

    @property
    def largest(self) -> list[Block]:
        """The article's five largest blocks."""
        own = [block for block in self.blocks if block.line is not None]
        return sorted(own, key=lambda block: -block.bytes)[:5]

    @property
    def clipped_at(self) -> Block | None:
        """The first block that Gmail would not show whole."""
        return next((block for block in self.blocks if block.is_cut), None)


def measure(context: CheckContext) -> Weight:
    """The size of an issue's longest possible copy."""
    page, elements = context.page, context.page.blocks
    if not elements:
        return Weight([Block("Mail", "", None, 0, page.bytes(0, len(page.html)))])
    labels = _labels(context)
    known = len(labels) == len(elements)
    blocks = [Block("Header and styles", "", None, 0, page.bytes(0, elements[0].start))]
    ends = [element.start for element in elements[1:]] + [elements[-1].end]
    for number, (element, end) in enumerate(zip(elements, ends, strict=True)):
        kind, words, line = labels[number] if known else (element.tag, "", None)
        before = blocks[-1]
        blocks.append(Block(kind, words, line, before.start + before.bytes, page.bytes(element.start, end)))
    last = blocks[-1]
    blocks.append(Block("Sources and footer", "", None, last.start + last.bytes, page.bytes(ends[-1], len(page.html))))
    return Weight(blocks)


def _labels(context: CheckContext) -> list[tuple[str, str, int | None]]:
    """Kind, first words and line of each element that the text becomes."""
    labels = []
    for place, token in enumerate(context.tokens):
        if token.level == 0 and token.type in _KINDS:
            words = _first_words(context.tokens, place)
            line = context.issue.body_line + token.map[0] if token.map else None
            labels += [(_KINDS[token.type], words, line)] * _elements(context.tokens, place)
    return labels


def _elements(tokens: list[Token], place: int) -> int:
    """How many elements a block becomes: in mail each button is one."""
    if tokens[place].type != "action_open":
        return 1
    return sum(article_blocks.is_button(child) for child in tokens[place + 1].children or [])


def _first_words(tokens: list[Token], place: int) -> str:
    token = next((token for token in islice(tokens, place, None) if token.type in {"inline", "fence", "hr"}), None)
    words = words_of(token) if token is not None and token.type == "inline" else ""
    return words if len(words) <= _LONGEST_LABEL else f"{words[:_LONGEST_LABEL].rsplit(' ', 1)[0]} …"
