r"""Merge fields: the few words of a letter that differ from reader to reader.

    {{ name }}             the reader's name
    {{ name | friend }}    the reader's name, or "friend" if they gave none
    \{{                    two braces, printed as they are

Not a template language: no expressions, no filters, no loops. A field is a word from an allow-list,
fields inside a value are not filled, and a fallback is part of the template, so in
HTML it is HTML already.
"""

import html
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from newsletter.characters import as_text
from newsletter.errors import Invalid

EDITORS = frozenset({"name", "email"})
"""The fields that an editor may write in an issue."""

# Of three braces in a row the first is printed: it may be an entity that stands before a field.
_BRACES = re.compile(r"\\\{\{|\{\{(?!\{)(?:([^{}]*)\}\})?")

# Syntax of other template languages, which we do not support.
_TRIPLED = re.compile(r"(?<!\\)\{\{\{(?=[^{}]*\}\})")
_NEVER_CLOSES = r'"{{" opens a merge field that never closes; write \{{ to print braces'

# Controls, line and paragraph separators, direction overrides (they make an address read backwards)
# and lone surrogates (they cannot be encoded).


@dataclass(frozen=True, slots=True)
class Field:
    """A merge field in a template; `fallback` is None if the template gives none."""

    name: str
    fallback: str | None = None

    def fill(self, values: Mapping[str, str], escape: Callable[[str], str]) -> str:
        """The reader's value, escaped, else the fallback; raises KeyError if there is neither."""
        value = values[self.name] if self.fallback is None else values.get(self.name, "")
        return escape(value).strip() or self.fallback or ""


@dataclass(frozen=True, slots=True)
class Template:
    """Text with merge fields, compiled once and filled for each copy."""

    texts: tuple[str, ...]
    """The literal pieces, with an empty one in place of each field; a field has a piece on either side."""
    holes: tuple[tuple[int, Field], ...]
    """Each field beside its place among the texts."""

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that the text uses."""
        return frozenset(field.name for _, field in self.holes)

    def bind(self, values: Mapping[str, str], escape: Callable[[str], str]) -> "Template":
        """The same text with the fields that `values` names filled in for good."""
        parts: list[str | Field] = list(self.texts)
        for place, field in self.holes:
            parts[place] = field.fill(values, escape) if field.name in values else field
        return _template(parts)

    def fill(self, values: Mapping[str, str], escape: Callable[[str], str]) -> str:
        """The text for one reader; raises KeyError, naming it, for a value that is missing and has no fallback."""
        parts = list(self.texts)
        for place, field in self.holes:
            parts[place] = field.fill(values, escape)
        return "".join(parts)


def compile(text: str, fields: Collection[str]) -> Template:  # noqa: A001  (read as `merge.compile`, like `re.compile`)
    """The template of a text that may use these fields; raises Invalid, naming every other field in it."""
    wrong = [sentence for _, sentence in _faults(text, fields)]
    if wrong:
        raise Invalid("\n".join(wrong))
    return _template(_parts(text))


def field_errors(text: str, fields: Collection[str]) -> Iterator[tuple[int, str]]:
    """The errors in the merge fields of a text: the offset of each, and how to correct it."""
    yield from ((braces.start(), _NEVER_CLOSES) for braces in _TRIPLED.finditer(text))
    yield from _faults(text, fields)


def _faults(text: str, fields: Collection[str]) -> Iterator[tuple[int, str]]:
    for braces in _BRACES.finditer(text):
        if braces[0] == "{{":
            yield braces.start(), _NEVER_CLOSES
        elif braces[1] is not None and _field(braces[1]).name not in fields:
            known = ", ".join(sorted(fields)) or "none"
            yield braces.start(), f'unknown field "{_field(braces[1]).name}"; the fields here are: {known}'


def literal(text: str) -> str:
    """Escape a text's braces, so that it is printed as it is inside a template."""
    return text.replace("{{", r"\{{")


def as_html(value: str) -> str:
    """A value escaped for HTML text or a quoted attribute."""
    return html.escape(as_text(value))


def as_html_lines(value: str) -> str:
    """The same for a value that keeps its line breaks."""
    return as_html(value) if "\n" not in value else "<br />".join(map(as_html, value.split("\n")))


def _parts(text: str) -> Iterator[str | Field]:
    end = 0
    for braces in _BRACES.finditer(text):
        yield text[end : braces.start()]
        yield "{{" if braces[1] is None else _field(braces[1])
        end = braces.end()
    yield text[end:]


def _template(parts: Iterable[str | Field]) -> Template:
    texts, holes = [""], []
    for part in parts:
        if isinstance(part, Field):
            holes.append((len(texts), part))
            texts += "", ""
        else:
            texts[-1] += part
    return Template(tuple(texts), tuple(holes))


def _field(inside: str) -> Field:
    name, bar, fallback = inside.partition("|")
    return Field(name.strip(), " ".join(fallback.split()) if bar else None)
