"""An article's HTML for web pages: pictures have their size, variants to choose from, and lead to the whole picture.

As for mail (rendering/mail_html.py), only tags that `markdown` writes itself are rewritten.
"""

import re
from collections.abc import Mapping

from markupsafe import Markup

from newsletter.editorial.images.variants import variants_of
from newsletter.editorial.models import Size

IN_ARTICLE = "(min-width: 60rem) 684px, (min-width: 40rem) 576px, calc(100vw - 2.5rem)"
"""How wide the stylesheet shows a figure, for the browser to choose a variant before it has the stylesheet."""
_IN_PART = {"small": "229px", "half": "342px", "three-quarters": "513px"}
"""The `sizes` of a figure that is narrower than the text."""
IN_LIST = "(min-width: 44rem) 198px, calc(100vw - 2.5rem)"
"""The same of the picture beside an issue in a list."""

_IMAGE = re.compile(
    r"(?P<figure><figure>)?(?P<link><a [^<>]*>)?"
    r'<img (?:class="(?P<share>[a-z-]+)" )?src="(?P<url>[^"]*)" alt="(?P<alt>[^"]*)"/>'
)


def image(url: str, alt: Markup, size: Size | None, layout: str, *, is_lazy: bool, share: str = "") -> Markup:
    """A stored picture, from its smallest variant that is sharp where it is shown; `url` ends with its file name.

    `share` is one of PICTURE_WIDTHS, which the stylesheet knows as a class.
    """
    named = Markup(' class="{}"').format(share) if share else ""
    width_and_height = Markup(' width="{}" height="{}"').format(*size) if size else ""
    waits = Markup(' loading="lazy"') if is_lazy else ""
    bare = Markup('<img{} src="{}" alt="{}"{}{}/>').format(named, url, alt, width_and_height, waits)
    return Markup("<picture>{}{}</picture>").format(_source(url, size, layout) if size else "", bare)


def for_page(article: str, sizes: Mapping[str, Size]) -> str:
    """The article for a web page; `sizes` has those that are known of pictures, by URL.

    A figure leads to its whole picture, unless it leads elsewhere. All but the first picture wait until they are near.
    """
    begun = False

    def rewritten(found: re.Match[str]) -> str:
        nonlocal begun
        is_lazy, begun = begun, True
        url, alt, link = found["url"], Markup(found["alt"]), found["link"]  # noqa: S704  (escaped already)
        share = found["share"] or ""
        html = image(url, alt, sizes.get(url), _IN_PART.get(share, IN_ARTICLE), is_lazy=is_lazy, share=share)
        if found["figure"] and alt and not link:
            html = Markup('<a href="{}">{}</a>').format(url, html)
        return f"{found['figure'] or ''}{link or ''}{html}"

    return _IMAGE.sub(rewritten, article)


def _source(url: str, size: Size, layout: str) -> Markup:
    folder, _, file_name = url.rpartition("/")
    choice = ", ".join(f"{folder}/{each.file_name} {each.width}w" for each in variants_of(file_name, size[0]))
    source = Markup('<source type="image/webp" srcset="{}" sizes="{}"/>')
    return source.format(choice, layout) if choice else Markup()
