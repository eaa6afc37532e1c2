"""HTML and Markdown of other programs as our Markdown: sanitised, and with a list of what could not be carried over."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from newsletter.editorial.source.validation import UNPRINTABLE
from newsletter.errors import Invalid

Picture = Callable[[str], str | None]
"""From a picture's URL to its name beside the issue; None if it is not carried over."""

_TAGS = {
    *(
        "p",
        "div",
        "span",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "pre",
        "code",
        "hr",
        "br",
    ),
    *("code", "hr", "br", "a", "em", "i", "strong", "b", "s", "del", "img", "figure", "figcaption"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_LOST = {
    "iframe": "embedded page",
    "video": "video",
    "audio": "recording",
    "form": "form",
    "embed": "embedded object",
    "object": "embedded object",
    "svg": "drawing",
}
_IMAGE = re.compile(r'!\[([^\]]{0,1000})\]\(\s*<?([^()\s>]+)>?(?:\s+"[^"]*")?\s*\)')
_HTML = re.compile(r"</?[a-zA-Z][^>]*>")
_FIELD = re.compile(r"(?<!\\)\{\{")
_LINK = re.compile(r"(?<!!)\[([^\]]{0,1000})\]\(\s*<?([^()\s>]*)>?[^()]*\)")


@dataclass(frozen=True, slots=True)
class Converted:
    """A text as our Markdown, and what of it could not be carried over, in words."""

    markdown: str
    lost: tuple[str, ...] = ()


def html_to_markdown(html: str, picture: Picture = lambda _url: None) -> Converted:
    """The Markdown of a post in HTML; Invalid if its elements are nested too deeply to be read."""
    # Imported here, so that only who imports an archive pays for them.
    import markdownify
    import nh3

    seen = _Seen()
    seen.feed(html)
    clean = nh3.clean(html, tags=_TAGS, url_schemes={"http", "https", "mailto"}, link_rel=None)
    try:
        text = markdownify.markdownify(clean, heading_style="ATX", bullets="-", strip=["span"])
    except RecursionError:
        raise Invalid("its HTML is nested too deeply") from None
    return _finish(text, seen.lost, picture)


def plain_markdown(text: str, picture: Picture = lambda _url: None) -> Converted:
    """The Markdown of a post in Markdown, whose HTML we would show as text."""
    lost: Counter[str] = Counter()
    if _HTML.search(text):
        seen = _Seen()
        seen.feed(text)
        lost = seen.lost
        lost["HTML tag"] += len(_HTML.findall(text))
        text = _HTML.sub("", text)
    return _finish(text, lost, picture)


def _finish(text: str, lost: Counter[str], picture: Picture) -> Converted:
    def image_or_link(found: re.Match[str]) -> str:
        alt, url = re.sub(r"\s+", " ", found[1]).strip(), found[2]
        name = picture(url)
        if name:
            return f"![{alt}]({name})" if alt else f"![]({name}){{.decorative}}"
        lost["picture, which is a link now"] += 1
        return f"[{alt or 'Picture'}]({url})" if urlsplit(url).scheme in {"http", "https"} else alt

    # A link around a picture would be two links, one within the other.
    text = re.sub(r"\[\s*(!\[[^\]]*\]\([^()]*\))\s*\]\([^()]*\)", r"\1", text)
    text = _IMAGE.sub(image_or_link, text)
    text = _LINK.sub(lambda found: found[0] if _is_fine(found[2]) else found[1], text)
    if fields := len(_FIELD.findall(text)):
        lost["merge field, which is shown as text"] += fields
    text = re.sub(r"\{{3,}", lambda found: " ".join(found[0]), text)
    text = _FIELD.sub(r"\\{{", UNPRINTABLE.sub("", text))
    # The title of the issue is the only heading of the first level.
    text = re.sub(r"(?m)^# ", "## ", text)
    losses = tuple(f"{count} × {what}" for what, count in lost.items())
    return Converted(re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", losses)


def _is_fine(url: str) -> bool:
    try:
        return urlsplit(url).scheme in {"http", "https", "mailto"} and "{{" not in url
    except ValueError:
        return False


class _Seen(HTMLParser):
    """Counts what the sanitiser takes out and a reader would miss."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: Counter[str] = Counter()

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if what := _LOST.get(tag):
            self.lost[what] += 1


def old_path(url: str) -> str:
    """The path of a page's URL, as it is looked for; empty for none."""
    try:
        path = unquote(urlsplit(url).path).rstrip("/")
    except ValueError:
        return ""
    return path if path.startswith("/") else ""
