"""An article's HTML for mail programs: boxes become tables, because Outlook applies padding to nothing else.

It rewrites only tags that `markdown` writes itself; sanitised text contains no bare `<` or `>`.
"""

import re
from collections.abc import Mapping

from newsletter.editorial.models import Size
from newsletter.editorial.source.article_blocks import PICTURE_WIDTHS

WIDTH = 552
"""Pixels of the text column in mail."""
_CALLOUT_WIDTH = WIDTH - 52  # minus its padding and border

# Only in previews; see `markdown.to_html`.
_LINE = r'(?: data-line="\d+")?'
_CALLOUT = re.compile(rf'<aside class="(callout \w+)"({_LINE})>(.*?)</aside>', re.DOTALL)
_ACTION = re.compile(rf'<p class="action"({_LINE})>(.*?)</p>', re.DOTALL)
_DATA = re.compile(f"<table({_LINE})>")
_BUTTON = re.compile(r"<a [^<>]*>.*?</a>", re.DOTALL)
_IMAGE = re.compile(
    rf'(?P<figure><figure{_LINE}>)?(?P<link><a [^<>]*>)?<img (?:class="(?P<share>[a-z-]+)" )?src="(?P<url>[^"]*)"'
)
_TABLE = '<table role="presentation" border="0" cellpadding="0" cellspacing="0"'


def for_mail(article: str, sizes: Mapping[str, Size] | None = None) -> str:
    """The article for mail programs; headings, paragraphs and lists are unchanged.

    `sizes` has those that are known of pictures, by URL. A figure without one is as wide as the text.
    """
    sizes = sizes or {}
    article = _CALLOUT.sub(lambda found: _callout(found, sizes), article)
    article = _ACTION.sub(_action, article)
    article = _DATA.sub(r'<table class="data"\1>', article)
    return _with_widths(article, WIDTH, sizes)


def _callout(found: re.Match[str], sizes: Mapping[str, Size]) -> str:
    kind, line, words = found.groups()
    text = _with_widths(words, _CALLOUT_WIDTH, sizes)
    return f'{_TABLE}{line} width="100%" class="box"><tr><td class="{kind}">{text}</td></tr></table>'


def _with_widths(article: str, column: int, sizes: Mapping[str, Size]) -> str:
    """Each picture with its width, because Outlook ignores max-width and would show it at the width of its file."""

    def image(found: re.Match[str]) -> str:
        size, share = sizes.get(found["url"]), found["share"]
        if size is None and not found["figure"] and not share:
            return found[0]
        widest = round(column * PICTURE_WIDTHS.get(share, 1))
        width = min(size[0], widest) if size else widest
        narrow = f' style="max-width:{width}px"' if width < column and (found["figure"] or share) else ""
        return f'{found["figure"] or ""}{found["link"] or ""}<img width="{width}"{narrow} src="{found["url"]}"'

    return _IMAGE.sub(image, article)


def _action(found: re.Match[str]) -> str:
    line, links = found.groups()
    buttons = _BUTTON.finditer(links)
    return "".join(_cell(button[0], _below(line, links.count("\n", 0, button.start()))) for button in buttons)


def _below(line: str, rows: int) -> str:
    return re.sub(r"\d+", lambda number: str(int(number[0]) + rows), line)


def _cell(button: str, line: str) -> str:
    return f'{_TABLE}{line} class="action"><tr><td class="press">{button}</td></tr></table>'
