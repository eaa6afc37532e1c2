"""Markdown as editors write it, into HTML that is safe to print.

CommonMark with tables, ~~strikethrough~~, and a few things of our own:

    > [!TIP]                           a callout; also NOTE, IMPORTANT, WARNING, CAUTION
    [Book a session](url){.button}     a button, where it has a paragraph to itself
    ![alt](picture.png "caption")      a figure, where it has a paragraph to itself
    ![](line.png){.decorative}         a picture that needs no alt text, for there is nothing to miss
    {{ name | friend }}                a merge field, handed on untouched, in code too
    https://… or ada@host.example      an address by itself is a link

HTML in the source is printed, not obeyed. Links may be http, https or mailto; what else there is
loses its address. Addresses hold no merge fields: their braces come out percent-encoded.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal
from urllib.parse import unquote

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType
from mdit_py_plugins.attrs import attrs_plugin

from newsletter.editorial.source import article_blocks, autolinks
from newsletter.errors import Invalid

SCHEMES = frozenset({"http", "https", "mailto"})

MOST_CHARACTERS = 150_000
"""The longest text that is rendered; Gmail clips a mail long before."""
MOST_ELEMENTS = 20_000
"""The most headings, links, cells and so on in it: what bounds the time that a text can take."""

_CELL = {"style"}
_SANITISER = nh3.Cleaner(
    tags={
        *("p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "hr", "br"),
        *("a", "em", "strong", "s", "code", "img", "figure", "figcaption", "aside"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    },
    attributes={
        "a": {"href", "title"},
        "img": {"src", "alt", "title"},
        "ol": {"start"},
        "th": _CELL,
        "td": _CELL,
        **{heading: {"id"} for heading in ("h2", "h3", "h4", "h5", "h6")},
    },
    allowed_classes={
        "a": {"button"},
        "p": {"action", "callout-title"},
        "aside": {"callout", *article_blocks.CALLOUTS},
    },
    filter_style_properties={"text-align"},
    url_schemes=set(SCHEMES),
    link_rel=None,
    # A heading "Comments" must not take the name of the page's own part.
    id_prefix="on-",
)
_VOID = re.compile(r"<((?:br|hr|img)\b[^<>]*)>")
_NOT_IN_A_NAME = re.compile(r"[^\w\u4e00-\u9fff\- ]")
_FIELD = re.compile(r"\\\{\{|\{\{[^{}]*\}\}")


class TooLarge(Invalid):
    """A text of more characters or elements than are rendered."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A link or a picture in the text, by the line (from 1) that it stands on."""

    kind: Literal["link", "picture"]
    target: str
    words: str
    title: str
    """What stands in quotes behind the address: a picture's caption."""
    line: int
    is_decorative: bool = False
    """A picture that its editor says there is nothing to miss of."""


def to_html(body: str, picture_url: Callable[[str], str], *, anchors: bool = False) -> str:
    """Sanitised HTML with closed tags; `picture_url` gives a picture's address, `anchors` gives headings ids.

    TooLarge where that would take too long.
    """
    tokens = parse(body)
    if anchors:
        _name_headings(tokens)
    html = _PARSER.renderer.render(tokens, _PARSER.options, {"picture_url": picture_url})
    return _closed(_SANITISER.clean(html))


def parse(body: str) -> list[Token]:
    """The tokens of a text, callouts, figures and buttons told apart (see `shapes`); TooLarge for too many."""
    if len(body) > MOST_CHARACTERS:
        raise TooLarge(f"the text has {len(body):,} characters; {MOST_CHARACTERS:,} are the most for one issue")
    tokens = _PARSER.parse(body)
    elements = sum(1 + len(token.children or ()) for token in tokens)
    if elements > MOST_ELEMENTS:
        raise TooLarge(
            f"the text has {elements:,} headings, links, table cells and other elements; "
            f"{MOST_ELEMENTS:,} are the most for one issue"
        )
    return tokens


def passages(tokens: list[Token]) -> Iterator[tuple[int, str]]:
    """Each stretch of text as it was written, with the line (from 1) that it begins on."""
    for token in tokens:
        if token.map and token.type in {"inline", "fence", "code_block"}:
            yield token.map[0] + (2 if token.type == "fence" else 1), token.content


def references(tokens: list[Token]) -> Iterator[Reference]:
    """The links and pictures of a text, in order."""
    for token in tokens:
        line = token.map[0] + 1 if token.map else 1
        children = token.children or []
        for place, child in enumerate(children):
            title = str(child.attrs.get("title", ""))
            if child.type == "image":
                words, decorates = article_blocks.plain_words(child.children or []), article_blocks.is_decorative(child)
                yield Reference("picture", picture_name(child), words, title, line, decorates)
            elif child.type == "link_open":
                words = article_blocks.plain_words(article_blocks.inside(children, place))
                yield Reference("link", str(child.attrs.get("href", "")), words, title, line)
            line += child.type in {"softbreak", "hardbreak"}


def picture_name(image: Token) -> str:
    """The name that the editor wrote: the address without its percent-encoding."""
    return unquote(str(image.attrs.get("src", "")))


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "alerts": True})
    parser.enable(["table", "strikethrough"])
    autolinks.link_bare_addresses(parser)
    parser.use(attrs_plugin, after=("link_close", "image"), allowed=("class",))
    # Ahead of "escape", which would eat the backslash of \{{.
    parser.inline.ruler.before("escape", "merge_field", _merge_field)
    parser.core.ruler.push("shapes", article_blocks.mark_blocks)
    parser.add_render_rule("merge_field", _print_field)
    parser.add_render_rule("image", _print_image)
    # The sanitiser judges addresses, so that a refused one loses its link and not its words.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    return parser


def _merge_field(state: StateInline, silent: bool) -> bool:
    found = _FIELD.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("merge_field", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _print_field(_renderer: object, tokens: Sequence[Token], place: int, *_: object) -> str:
    return escapeHtml(tokens[place].content)


def _print_image(_renderer: object, tokens: Sequence[Token], place: int, _options: object, env: EnvType) -> str:
    image = tokens[place]
    address = env["picture_url"](picture_name(image))
    return f'<img src="{escapeHtml(address)}" alt="{escapeHtml(article_blocks.plain_words(image.children or []))}">'


def _closed(html: str) -> str:
    return _VOID.sub(r"<\1/>", html)


def _name_headings(tokens: Sequence[Token]) -> None:
    """Give each heading that a page can be opened at an id of its own, made of its words."""
    taken: set[str] = set()
    used: Counter[str] = Counter()
    for opening, text in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag in {"h2", "h3"}:
            words = article_blocks.plain_words(
                [child for child in text.children or [] if child.type in {"text", "code_inline"}]
            )
            slug = name = _NOT_IN_A_NAME.sub("", words.lower().replace(" ", "-"))
            while name in taken:
                used[slug] += 1
                name = f"{slug}-{used[slug]}"
            taken.add(name)
            opening.attrSet("id", name)


_PARSER = _parser()
