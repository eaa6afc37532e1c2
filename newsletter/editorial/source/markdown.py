"""Markdown to sanitised HTML.

CommonMark with tables, ~~strikethrough~~, and these extensions:

    > [!TIP]                           a callout; also NOTE, IMPORTANT, WARNING, CAUTION
    [Book a session](url){.button}     a button, where it has a paragraph to itself
    ![alt](picture.png "caption")      a figure, where it has a paragraph to itself
    ![](line.png){.decorative}         a picture that needs no alt text, for there is nothing to miss
    ![alt](picture.png){.half}         a picture of half the text's width; also small, three-quarters
    [Ask us](/ask)                     a page of ours, or the publication's own: /ask, /book and /subscribe
    {{ name | friend }}                a merge field, passed through unchanged, also in code
    https://… or ada@host.example      a bare address becomes a link

HTML in the source is escaped. Links may be http, https or mailto; others lose their URL. URLs contain no merge
fields: their braces are percent-encoded.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType
from mdit_py_plugins.attrs import attrs_plugin

from newsletter.editorial.source import article_blocks, autolinks
from newsletter.editorial.source.article_blocks import PICTURE_WIDTHS
from newsletter.errors import Invalid
from newsletter.i18n import formats
from newsletter.i18n.messages import SOURCE

if TYPE_CHECKING:
    import nh3

SCHEMES = frozenset({"http", "https", "mailto"})

MOST_CHARACTERS = 150_000
"""The longest text that is rendered; Gmail clips a mail long before."""
MOST_ELEMENTS = 20_000
"""The most headings, links, cells and so on in it, which bounds the rendering time."""

_CELL = {"style"}
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~!&^=]")
_LIST = re.compile(r"^(\d*)([-+.)])")
_LINE = "data-line"
# A heading "Comments" must not take an id that the page itself uses.
_ID_PREFIX = "on-"
_VOID = re.compile(r"<((?:br|hr|img)\b[^<>]*)>")
_NOT_IN_A_NAME = re.compile(r"[^\w\u4e00-\u9fff\- ]")
_FIELD = re.compile(r"\\\{\{|\{\{[^{}]*\}\}")


Pages = tuple[tuple[str, str], ...]
"""Pages of the site, each by the path that an issue links to, with its URL."""


class Heading(NamedTuple):
    """A heading of an article: its id on the page, and its text."""

    id: str
    words: str


class TooLarge(Invalid):
    """A text with more characters or elements than are rendered."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A link or a picture in the text; `line` counts from 1."""

    kind: Literal["link", "picture"]
    target: str
    words: str
    title: str
    """The quoted text after the URL: a picture's caption."""
    line: int
    classes: tuple[str, ...] = ()
    """Those of a picture: `decorative`, which needs no alt text, and its width."""
    unknown: tuple[str, ...] = ()
    """Unknown words in braces after a picture."""

    @property
    def is_decorative(self) -> bool:
        return article_blocks.DECORATIVE in self.classes

    @property
    def widths(self) -> list[str]:
        """The widths given for a picture, of which only the first counts."""
        return [name for name in self.classes if name in PICTURE_WIDTHS]


def to_html(
    body: str,
    picture_url: Callable[[str], str],
    *,
    anchors: bool = False,
    lines: bool = False,
    language: str = SOURCE,
    pages: Pages = (),
) -> str:
    """Sanitised HTML with closed tags; `picture_url` maps a picture's name to its URL, `anchors` adds ids to headings,
    `lines` the line of the body on which a block starts, from 1, as `data-line`.
    `language` is that of the words that are ours; for `pages` see `parse`.

    Raises TooLarge if that would take too long.
    """
    tokens = parse(body, language, pages)
    if anchors:
        _name_headings(tokens)
    if lines:
        _number_blocks(tokens)
    parser = _parser()
    html = parser.renderer.render(tokens, parser.options, {"picture_url": picture_url})
    # A form feed, for which `&#12;` stands, is a space in HTML, but forbidden in XML, and so in MJML and feeds.
    return _VOID.sub(r"<\1/>", _sanitiser().clean(html)).replace("\f", " ")


def escaped(text: str) -> str:
    """A text as Markdown that says just this."""
    return _LIST.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\g<0>", text))


def contents(body: str) -> list[Heading]:
    """The headings of the second level with text, in order."""
    tokens = parse(body)
    _name_headings(tokens)
    begun = ((opening, text) for opening, text in pairwise(tokens) if opening.tag == "h2" and opening.nesting == 1)
    headings = (Heading(f"{_ID_PREFIX}{opening.attrGet('id')}", _heading_words(text)) for opening, text in begun)
    return [heading for heading in headings if heading.words]


def parse(body: str, language: str = SOURCE, pages: Pages = ()) -> list[Token]:
    """The tokens of a text, with callouts, figures and buttons marked (see `article_blocks`); TooLarge for too many.

    A link to the path of one of these pages leads to its URL.
    """
    if len(body) > MOST_CHARACTERS:
        raise TooLarge(
            f"the text has {formats.number(len(body))} characters; "
            f"the limit for one issue is {formats.number(MOST_CHARACTERS)}"
        )
    tokens = _parser().parse(body, {"language": language})
    elements = sum(1 + len(token.children or ()) for token in tokens)
    if elements > MOST_ELEMENTS:
        raise TooLarge(
            f"the text has {formats.number(elements)} headings, links, table cells and other elements; "
            f"the limit for one issue is {formats.number(MOST_ELEMENTS)}"
        )
    for path, url in pages:
        _redirect_links(tokens, path, url)
    return tokens


def passages(tokens: list[Token]) -> Iterator[tuple[int, str]]:
    """Each block of text as it was written, with the line (from 1) on which it starts."""
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
                words, classes = article_blocks.plain_words(child.children or []), article_blocks.classes_of(child)
                unknown = article_blocks.unknown_attributes(child, next(iter(children[place + 1 :]), None))
                yield Reference("picture", _picture_name(child), words, title, line, tuple(classes), tuple(unknown))
            elif child.type == "link_open":
                words = article_blocks.plain_words(article_blocks.inside(children, place))
                yield Reference("link", str(child.attrs.get("href", "")), words, title, line)
            line += child.type in {"softbreak", "hardbreak"}


def _picture_name(image: Token) -> str:
    """The picture's name as the editor wrote it, without percent-encoding."""
    return unquote(str(image.attrs.get("src", "")))


def _redirect_links(tokens: Sequence[Token], path: str, url: str) -> None:
    for child in (child for token in tokens for child in token.children or ()):
        if child.type == "link_open" and child.attrs.get("href") == path:
            child.attrs["href"] = url


@cache
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
    # The sanitiser checks URLs, so that a refused one loses its link but keeps its text.
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
    address = env["picture_url"](_picture_name(image))
    width = next((f'class="{name}" ' for name in article_blocks.classes_of(image) if name in PICTURE_WIDTHS), "")
    alt = article_blocks.plain_words(image.children or [])
    return f'<img {width}src="{escapeHtml(address)}" alt="{escapeHtml(alt)}">'


def _name_headings(tokens: Sequence[Token]) -> None:
    """Give each heading a unique id made from its text."""
    taken: set[str] = set()
    used: Counter[str] = Counter()
    for opening, text in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag in {"h2", "h3"}:
            slug = name = _NOT_IN_A_NAME.sub("", _heading_words(text).lower().replace(" ", "-"))
            while name in taken:
                used[slug] += 1
                name = f"{slug}-{used[slug]}"
            taken.add(name)
            opening.attrSet("id", name)


def _number_blocks(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.map and token.type != "inline":
            token.attrSet(_LINE, str(token.map[0] + 1))


def _heading_words(text: Token) -> str:
    return article_blocks.plain_words([child for child in text.children or [] if child.type in {"text", "code_inline"}])


@cache
def _sanitiser() -> "nh3.Cleaner":
    # Imported here, because few processes render, and all would pay for it.
    import nh3

    return nh3.Cleaner(
        tags={
            *("p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "hr", "br"),
            *("a", "em", "strong", "s", "code", "img", "figure", "figcaption", "aside"),
            *("table", "thead", "tbody", "tr", "th", "td"),
        },
        attributes={
            # HTML in the source is escaped, so only `_number_blocks` writes it.
            "*": {_LINE},
            "a": {"href", "title"},
            "img": {"src", "alt", "title"},
            "ol": {"start"},
            "th": _CELL,
            "td": _CELL,
            **{heading: {"id"} for heading in ("h2", "h3", "h4", "h5", "h6")},
        },
        allowed_classes={
            "a": {"button"},
            "img": set(PICTURE_WIDTHS),
            "p": {"action", "callout-title"},
            "aside": {"callout", *article_blocks.CALLOUTS},
        },
        filter_style_properties={"text-align"},
        url_schemes=set(SCHEMES),
        link_rel=None,
        id_prefix=_ID_PREFIX,
    )
