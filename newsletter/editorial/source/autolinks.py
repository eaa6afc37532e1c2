"""Autolinks: bare `https://…`, `www.…` and `name@host` in a text become links.

They follow GitHub's autolinks (https://github.github.com/gfm/#autolinks-extension-) with two differences: nothing
inside an address is read as emphasis, and an address is linked exactly as it was typed or not at all.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline import text as plain_text

_HOST = r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}"
# As long as one may be (RFC 5321, 4.5.3.1.1), or a long line of apostrophes would be read anew from each of them.
_MAILBOX = r"[^\W_](?:[\w.+%'-]|\\_){0,63}"
_ADDRESS = re.compile(
    rf"""(?<![^\W_])(?:
        (?P<web>(?:https?://[^\W_]|www\.[^\W_])[^\s<>\[\]{{}}`"“”«»]*)
      | (?<![.+/@:%\\-])(?P<before>_*)(?P<mail>(?:mailto:)?{_MAILBOX}@{_HOST})(?P<after>_*)(?![\w@])
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_OPENS_EMPHASIS = re.compile(r"(?<!\w)_+(?=[^\s_])")
_ENDS_A_SENTENCE = "?!.,:;*~'…’|"
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass(frozen=True, slots=True)
class Autolink:
    """An address in a line of text: its position, its text, and the URL it links to."""

    start: int
    end: int
    words: str
    url: str


def link_bare_addresses(parser: MarkdownIt) -> None:
    """Add autolinks to a parser."""
    parser.inline.ruler.at("text", _text)


def find_links(line: str) -> Iterator[Autolink]:
    """The addresses in a line, in order."""
    opening = _OPENS_EMPHASIS.search(line)
    for found in _ADDRESS.finditer(line):
        if found["mail"]:
            yield _mail(found)
        else:
            in_emphasis = opening is not None and opening.start() < found.start()
            yield _web(found, in_emphasis=in_emphasis)


def _mail(found: re.Match[str]) -> Autolink:
    # `_ada@host.example_` is emphasis; `_ada@host.example` is a mailbox that starts with an underscore.
    start = found.start("mail") if len(found["after"]) >= len(found["before"]) else found.start()
    words = _ESCAPED.sub(r"\1", found.string[start : found.end("mail")])
    address = words if words.lower().startswith("mailto:") else f"mailto:{words}"
    return Autolink(start, found.end("mail"), words, address)


def _web(found: re.Match[str], *, in_emphasis: bool) -> Autolink:
    typed = found["web"]
    linked = _without_end(typed, _ENDS_A_SENTENCE + "_" * in_emphasis)
    words = _ESCAPED.sub(r"\1", linked).replace("&amp;", "&")
    url = f"http://{words}" if words[:4].lower() == "www." else words
    return Autolink(found.start(), found.start() + len(linked), words, url)


def _without_end(address: str, punctuation: str) -> str:
    """The address without the punctuation or bracket that follows it."""
    surplus = address.count(")") - address.count("(")
    end = len(address)
    while address[end - 1] in punctuation or (address[end - 1] == ")" and surplus > 0):
        surplus -= address[end - 1] == ")"
        end -= 1
    return address[:end]


@lru_cache(maxsize=16)
def _found(line: str) -> tuple[list[int], list[Autolink]]:
    links = list(find_links(line))
    return [link.start for link in links], links


def _text(state: StateInline, silent: bool) -> bool:
    """The parser's rule for plain text, which here stops where an address begins."""
    starts, links = _found(state.src)
    place = bisect_right(starts, state.pos)
    if place and starts[place - 1] == state.pos and links[place - 1].end <= state.posMax:
        return _print(state, links[place - 1], silent)
    before = state.pos
    if not plain_text(state, silent):
        return False
    if place < len(starts) and starts[place] < state.pos:
        surplus = state.pos - starts[place]
        state.pos = starts[place]
        if not silent:
            state.pending = state.pending[:-surplus]
    return state.pos > before


def _print(state: StateInline, link: Autolink, silent: bool) -> bool:
    state.pos = link.end
    if silent:
        return True
    if state.linkLevel:
        state.pending += link.words
        return True
    opening = state.push("link_open", "a", 1)
    opening.attrs = {"href": state.md.normalizeLink(link.url)}
    opening.markup, opening.info = "autolink", "auto"
    state.push("text", "", 0).content = link.words
    state.push("link_close", "a", -1)
    return True
