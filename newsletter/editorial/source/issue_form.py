"""The issue form: an issue's file as form fields, and the edited fields applied to the file.

The file is authoritative. Whatever was not changed in the form keeps its bytes: the order of fields, comments, and
quoting. Only a changed field is rewritten.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

from newsletter.editorial.source.fields import KNOWN, Source
from newsletter.editorial.source.front_matter import Entry, FrontMatter, split

_WORD = re.compile(r"[A-Za-z](?:[A-Za-z0-9 (),/.;!?'&%+’“”…–—-]*[A-Za-z0-9).!?’”…])?")
_MEANS_SOMETHING = frozenset({"null", "true", "false", "yes", "no", "on", "off"})
# Characters that JSON leaves unescaped and YAML does not accept.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class IssueForm:
    """Every field as typed, valid or not, and the Markdown body."""

    title: str = ""
    subject: str = ""
    preheader: str = ""
    slug: str = ""
    category: str = ""
    tags: str = ""
    """Separated by commas."""
    author: str = ""
    reviewed_by: str = ""
    last_reviewed: str = ""
    sources: tuple[Source, ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class FormPlace:
    """The part of the form that a line of the file belongs to."""

    field: str
    line: int = 0
    """The line of the body, or the index of the source, from 1."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of the front matter that belong to one field, or to none if the key is empty."""

    key: str
    lines: Sequence[str]


@lru_cache(maxsize=32)
def parse_form(source: str, slug: str) -> IssueForm:
    """The form of a file; `slug` is shown if the file has none."""
    front = split(source)
    words = {name: _words(front.entries.get(name)) for name in KNOWN if name not in {"tags", "sources"}}
    tags = ", ".join(_words(tag) for tag in _items(front.entries.get("tags")))
    sources = tuple(_source(item) for item in _items(front.entries.get("sources")))
    words["slug"] = words["slug"] or slug
    return IssueForm(**words, tags=tags, sources=sources, body=front.body)


def apply_form(base: str, slug: str, form: IssueForm) -> str:
    """The file `base` with the form's changes applied and every other byte unchanged."""
    before = parse_form(base, slug)
    written = {name: list(_written(name, form)) for name in KNOWN if getattr(form, name) != getattr(before, name)}
    head = _head(base, written) if written else base[: len(base) - len(before.body)]
    if not head.endswith("\n"):
        head += "\n"
    return head + form.body


def new_file(form: IssueForm) -> str:
    """The file of a new issue."""
    return apply_form("---\n---\n", "", form)


def form_place(front: FrontMatter, line: int) -> FormPlace:
    """The part of the form that shows that line of the file."""
    if line >= front.body_line:
        return FormPlace("body", line - front.body_line + 1)
    above = [(entry.line, name) for name, entry in front.entries.items() if entry.line <= line]
    if not above:
        return FormPlace("title")
    _, name = max(above)
    rows = sum(item.line <= line for item in _items(front.entries[name])) if name == "sources" else 0
    return FormPlace(name, max(rows, int(name == "sources")))


def _head(base: str, written: Mapping[str, list[str]]) -> str:
    """The front matter with its fences and these fields rewritten."""
    blocks = list(_blocks(base, split(base)))
    for name in KNOWN:
        if name in written:
            blocks = _replaced(blocks, name, written[name])
    return "\n".join(["---", *(line for block in blocks for line in block.lines), "---", ""])


def _blocks(base: str, front: FrontMatter) -> Iterator[_Block]:
    lines = base.split("\n")[: front.body_line - 2]
    starts = sorted((entry.line - 1, name) for name, entry in front.entries.items())
    yield _Block("", lines[1 : starts[0][0] if starts else None])
    ends = [start for start, _ in starts[1:]]
    for (start, name), end in zip(starts, [*ends, len(lines)], strict=False):
        last = end
        while last > start + 1 and _is_between(lines[last - 1]):
            last -= 1
        yield _Block(name, lines[start:last])
        yield _Block("", lines[last:end])


def _is_between(line: str) -> bool:
    """Whether a line belongs to no field: a comment, or blank."""
    return not line.strip() or line.startswith("#")


def _replaced(blocks: list[_Block], name: str, lines: list[str]) -> list[_Block]:
    if any(block.key == name for block in blocks):
        return [_Block(name, lines) if block.key == name else block for block in blocks]
    # A new field goes below the nearest field that precedes it in the documented order.
    earlier = KNOWN[: KNOWN.index(name)]
    above = [at for at, block in enumerate(blocks) if block.key in earlier]
    at = above[-1] + 1 if above else 1
    return [*blocks[:at], _Block(name, lines), *blocks[at:]]


def _written(name: str, form: IssueForm) -> Iterator[str]:
    value = getattr(form, name)
    if name == "sources":
        yield from _written_sources(form.sources)
    elif name == "tags":
        tags = [tag.strip() for tag in form.tags.split(",") if tag.strip()]
        if tags:
            yield f"tags: [{', '.join(map(_scalar, tags))}]"
    elif value or name in {"title", "subject"}:
        # These two are written even if empty, so that the error has a line to point to.
        yield f"{name}: {_scalar(value)}"


def _written_sources(sources: Sequence[Source]) -> Iterator[str]:
    if sources:
        yield "sources:"
    for source in sources:
        yield f"  - title: {_scalar(source.title)}"
        yield f"    url: {_scalar(source.url)}"


def _scalar(words: str) -> str:
    """A text as a YAML scalar that reads back unchanged."""
    if re.fullmatch(r"https?://[\w./-]+", words, re.ASCII):
        return words
    if _WORD.fullmatch(words) and words.lower() not in _MEANS_SOMETHING:
        return words
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(words, ensure_ascii=False))


def _words(entry: Entry | None) -> str:
    return entry.value if entry and isinstance(entry.value, str) else ""


def _items(entry: Entry | None) -> list[Entry]:
    return entry.value if entry and isinstance(entry.value, list) else []


def _source(item: Entry) -> Source:
    values = item.value if isinstance(item.value, dict) else {}
    return Source(_words(values.get("title")), _words(values.get("url")))


FORM = tuple(field.name for field in fields(IssueForm))
"""The names of the form's fields, in order."""
