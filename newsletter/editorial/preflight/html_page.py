"""A mail's HTML parsed once: its elements with their positions and text.

This is not a general parser: it reads what our own renderer writes, in which all tags are closed.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

_TAG = re.compile(r"<!--.*?-->|<(/?)([a-zA-Z][\w-]*)((?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)>", re.DOTALL)
_ATTRIBUTE = re.compile(r"([a-z-]+)=\"([^\"]*)\"")
_VOID = {"br", "hr", "img", "meta", "link", "col", "input"}


@dataclass(slots=True, eq=False)
class Element:
    """One element; `start` and `end` are indexes into the HTML, `words` is its own text."""

    tag: str
    attributes: dict[str, str]
    parent: "Element | None"
    start: int
    end: int = 0
    words: str = ""
    children: list["Element"] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def style(self) -> str:
        return self.attributes.get("style", "")


@dataclass(frozen=True)
class HtmlPage:
    """The elements of a mail's body in document order."""

    html: str
    elements: tuple[Element, ...]

    @classmethod
    def read(cls, html: str) -> "HtmlPage":
        """Parse a whole document; one without a body has no elements."""
        body = html.find("<body")
        return cls(html, tuple(_elements(html, body)) if body >= 0 else ())

    def tagged(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    @cached_property
    def blocks(self) -> list[Element]:
        """The top-level elements of the article."""
        article = next((element for element in self.elements if "article" in element.classes), None)
        frame = article and next((child for child in article.children if child.tag == "div"), None)
        return frame.children if frame else []

    def bytes(self, start: int, end: int) -> int:
        """The number of bytes (UTF-8) between two indexes."""
        return len(self.html[start:end].encode())


def _elements(html: str, body: int) -> list[Element]:
    found: list[Element] = []
    open_: Element | None = None
    at = body
    for tag in _TAG.finditer(html, body):
        if open_ is not None and tag.start() > at:
            open_.words += html[at : tag.start()]
        at = tag.end()
        if tag[2] is None:
            continue
        if tag[1]:
            open_ = _closed(open_, tag[2].lower(), tag.end())
        else:
            element = Element(tag[2].lower(), dict(_ATTRIBUTE.findall(tag[3])), open_, tag.start(), tag.end())
            found.append(element)
            if open_ is not None:
                open_.children.append(element)
            if element.tag not in _VOID:
                open_ = element
    return found


def _closed(open_: Element | None, tag: str, end: int) -> Element | None:
    """The element that is open after a closing tag, which also closes unclosed children."""
    closing = open_
    while closing is not None and closing.tag != tag:
        closing = closing.parent
    if closing is None:
        return open_
    while open_ is not closing and open_ is not None:
        open_.end, open_ = end, open_.parent
    closing.end = end
    return closing.parent
