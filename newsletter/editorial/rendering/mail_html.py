"""An article's HTML for mail programs: boxes become tables, because Outlook applies padding to nothing else.

It rewrites only tags that `markdown` writes itself; sanitised text contains no bare `<` or `>`.
"""

import re

WIDTH = 552
"""Pixels of the text column in mail."""
_CALLOUT_WIDTH = WIDTH - 52  # minus its padding and border

_CALLOUT = re.compile(r'<aside class="(callout \w+)">(.*?)</aside>', re.DOTALL)
_ACTION = re.compile(r'<p class="action">(.*?)</p>', re.DOTALL)
_BUTTON = re.compile(r"<a [^<>]*>.*?</a>", re.DOTALL)
_FIGURE = re.compile(r"<figure>(<a [^<>]*>)?<img ")
_TABLE = '<table role="presentation" border="0" cellpadding="0" cellspacing="0"'


def for_mail(article: str) -> str:
    """The article for mail programs; headings, paragraphs and lists are unchanged."""
    article = _CALLOUT.sub(_callout, article)
    article = _ACTION.sub(_action, article)
    article = article.replace("<table>", '<table class="data">')
    return _with_width(article, WIDTH)


def _callout(found: re.Match[str]) -> str:
    text = _with_width(found[2], _CALLOUT_WIDTH)
    return f'{_TABLE} width="100%" class="box"><tr><td class="{found[1]}">{text}</td></tr></table>'


def _with_width(article: str, pixels: int) -> str:
    # Outlook ignores max-width, and would show a picture at the width of its file.
    return _FIGURE.sub(lambda found: f'<figure>{found[1] or ""}<img width="{pixels}" ', article)


def _action(found: re.Match[str]) -> str:
    return "".join(map(_cell, _BUTTON.findall(found[1])))


def _cell(button: str) -> str:
    return f'{_TABLE} class="action"><tr><td class="press">{button}</td></tr></table>'
