"""Validation: what in an issue's text could not be shown or sent, with its line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from markdown_it.token import Token

from newsletter.delivery.message import merge
from newsletter.editorial.source import markdown
from newsletter.editorial.source.front_matter import Fault
from newsletter.editorial.source.markdown import Reference

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Characters that no issue may have."""
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# CommonMark ends a URL at a space, so this would be shown with its brackets.
_BROKEN_LINK = re.compile(r"\]\([^()\s]*\{\{\s")
_NO_FIELD = "a web address takes no merge field, because it would tell others who reads"
_DEVELOPED = {".png", ".jpg", ".jpeg", ".gif", ".webp"}
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class PictureRef:
    """A picture in the text: the name of its file, its line in the issue's file, its alt text."""

    name: str
    line: int
    alt: str


def pictures(tokens: list[Token], body_line: int) -> Iterator[PictureRef]:
    """The pictures of a body that starts on line `body_line` of the file."""
    for reference in markdown.references(tokens):
        if reference.kind == "picture":
            yield PictureRef(reference.target, body_line + reference.line - 1, reference.words)


def find_faults(body: str, tokens: list[Token], body_line: int) -> Iterator[Fault]:
    """The faults of a body, each with its line in the file."""
    if not body.strip():
        yield Fault(body_line, "there is no text below the front matter", can_wait=True)
    for line, text in _sentences(body, tokens):
        yield Fault(body_line + line - 1, text)


def _sentences(body: str, tokens: list[Token]) -> Iterator[tuple[int, str]]:
    yield from _unprintable(body)
    for line, passage in markdown.passages(tokens):
        for offset, sentence in _in_passage(passage):
            yield line + passage.count("\n", 0, offset), sentence
    for reference in markdown.references(tokens):
        complaint = _link(reference) if reference.kind == "link" else _picture(reference)
        if complaint:
            yield reference.line, complaint


def _in_passage(passage: str) -> Iterator[tuple[int, str]]:
    yield from merge.field_errors(passage, merge.EDITORS)
    for link in _BROKEN_LINK.finditer(passage):
        yield link.start(), _NO_FIELD


def _unprintable(body: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(body.split("\n"), start=1):
        found = UNPRINTABLE.search(line)
        if found:
            yield number, f"the control character U+{ord(found[0]):04X} cannot be shown; delete it"


def _link(link: Reference) -> str | None:
    if "{{" in unquote(link.target) + link.title:
        return f"link [{link.words}]: {_NO_FIELD}"
    scheme = _SCHEME.match(link.target)
    if scheme and scheme[1].lower() not in markdown.SCHEMES:
        return f"link [{link.words}]: {scheme[1]}: is not allowed; use https:, http: or mailto:"
    return None


def _picture(picture: Reference) -> str | None:
    name = picture.target
    if any("{{" in words for words in (name, picture.words, picture.title)):
        return "a picture's name, alt text and caption take no merge fields"
    if _SCHEME.match(name) or name.startswith("//"):
        return f"picture {name}: keep pictures beside the issue; one on another server can change or vanish"
    path = PurePosixPath(name)
    if not name or "\\" in name or path.is_absolute() or ".." in path.parts or len(name) > _LONGEST_NAME:
        return f'picture "{name}": name a file beside the issue'
    if path.suffix.lower() not in _DEVELOPED:
        return f"picture {name}: mail programs do not show this kind; save it as PNG, JPEG, GIF or WebP"
    return None
