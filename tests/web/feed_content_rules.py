"""What is wrong with the HTML in a feed: what feed readers refuse, or take for an attack, and URLs that lead nowhere.

Feed readers show it beside that of others, on a page that is not ours, so the W3C's validator asks for little: plain
elements, closed and nested rightly, plain attributes, and addresses in full.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urlsplit

_EMPTY = frozenset({"br", "hr", "img", "col", "wbr"})
_ELEMENTS = _EMPTY | frozenset(
    re.findall(
        r"\w+",
        "a abbr aside b bdi blockquote caption cite code colgroup dd del dfn div dl dt em figcaption figure "
        "h1 h2 h3 h4 h5 h6 i ins kbd li mark ol p pre q s section small span strong sub sup "
        "table tbody td tfoot th thead time tr u ul",
    )
)
_ATTRIBUTES = frozenset(
    re.findall(
        r"\w+",
        "align alt cite class colspan datetime dir headers height href hreflang id lang loading rel rowspan scope "
        "sizes src srcset start style summary title type value width",
    )
)
_STYLE = re.compile(r"(\s*(text-align|vertical-align|width|color|background-color):\s*[#%.\w -]+(;|$))*")
# What a URI is made of (RFC 3986); all else has to be escaped in it.
_URI = re.compile(r"([\w\-.~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+", re.ASCII)
_BAD = re.compile("[\x80-\x9f\ufffd]")


def html_faults(html: str) -> list[str]:
    """What is wrong with a piece of HTML."""
    content = _Content()
    content.feed(html)
    content.close()
    return [
        *content.faults,
        *(f"<{tag}> is not closed in a content" for tag in content.opened),
        *character_faults(html),
    ]


def url_faults(name: str, url: object) -> Iterator[str]:
    """What is wrong with a URL that has to stand for itself."""
    parts = urlsplit(str(url or ""))
    is_whole = parts.scheme in {"http", "https"} and parts.hostname and parts.netloc == parts.netloc.lower()
    if not is_whole or not _URI.fullmatch(str(url)):
        yield f"{name} is no absolute URL: {url}"


def character_faults(words: str) -> Iterator[str]:
    """The characters that tell of a wrong encoding."""
    if found := _BAD.search(words):
        yield f"{found[0]!r} is left of a wrong encoding"


class _Content(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in _ELEMENTS:
            self.faults.append(f"<{tag}> in a content")
        for name, value in attributes:
            if list(_attribute_faults(name, value or "")):
                self.faults.append(f'{name}="{value}" in a content')
        if tag not in _EMPTY:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.opened[-1:] == [tag]:
            self.opened.pop()
        elif tag not in _EMPTY:
            self.faults.append(f"</{tag}> closes nothing in a content")


def _attribute_faults(name: str, value: str) -> Iterator[str]:
    if name not in _ATTRIBUTES or (name == "style" and not _STYLE.fullmatch(value)):
        yield name
    if name in {"href", "src", "cite"} and not re.match("(mailto|tel):", value):
        yield from url_faults(name, value)
    if name == "srcset":
        yield from (fault for each in value.split(",") for fault in url_faults(name, each.split()[0]))
