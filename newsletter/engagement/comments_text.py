"""The text of a comment: what may be written, and its HTML, in which only a few kinds of Markdown work."""

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt

from newsletter import characters
from newsletter.errors import Invalid
from newsletter.i18n.messages import lazy_gettext

MOST_CHARACTERS = 5_000
_MOST_LINKS = 20
UNSUSPICIOUS_LINKS = 2
"""With more links, a comment is taken for spam until a moderator has looked."""

_URL = re.compile(r"https?://|\bwww\.", re.IGNORECASE)
_RULES = ["emphasis", "link", "autolink", "list", "blockquote", "newline", "escape"]
_PARSER = MarkdownIt("zero", {"html": False, "breaks": True}).enable(_RULES)
_SANITISER = nh3.Cleaner(
    tags={"p", "br", "em", "strong", "a", "ul", "ol", "li", "blockquote"},
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https"},
    link_rel="nofollow ugc noopener",
)


def parse_text(typed: str) -> str:
    """The text as it is stored; Invalid, with a sentence for its writer, if it is empty, too long or full of links."""
    text = characters.clean_passage(typed, lazy_gettext("your comment"), MOST_CHARACTERS)
    if not text:
        raise Invalid(lazy_gettext("Please write your comment first"))
    if (links := count_links(text)) > _MOST_LINKS:
        raise Invalid(
            lazy_gettext(
                "Please remove some links: there are %(count)s; the limit is %(most)s", count=links, most=_MOST_LINKS
            )
        )
    return text


def count_links(text: str) -> int:
    """How many web addresses are in it."""
    return len(_URL.findall(text))


@lru_cache(maxsize=512)
def render_comment(text: str) -> str:
    """Sanitised HTML: paragraphs, emphasis, lists, quotes, and links that search engines give no weight."""
    return _SANITISER.clean(_PARSER.render(text))
