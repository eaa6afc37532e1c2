"""A manuscript: an issue's file as a form shows it, and the form put back into the file.

The file stays the truth. What was not changed in the form keeps every byte that it had there: the order of
its fields, comments between them, the way a value is quoted. Only a changed field is written anew.
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
# What JSON leaves as it is, and YAML does not take.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class IssueForm:
    """Every field as it is typed, any words at all; and the Markdown below them."""

    title: str = ""
    subject: str = ""
    preheader: str = ""
    slug: str = ""
    category: str = ""
    tags: str = ""
    """With commas between them."""
    author: str = ""
    reviewed_by: str = ""
    sources: tuple[Source, ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class FormPlace:
    """Where in the form a line of the file is: a field, or a line of the body (from 1)."""

    field: str
    line: int = 0
    """In the body; and which of the sources, from 1."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of the front matter that belong to one field, or, with no key, to none."""

    key: str
    lines: Sequence[str]


@lru_cache(maxsize=32)
def parse_form(source: str, slug: str) -> IssueForm:
    """The form of a file; `slug` is shown where the file does not name its own."""
    front = split(source)
    words = {name: _words(front.entries.get(name)) for name in KNOWN if name not in {"tags", "sources"}}
    tags = ", ".join(_words(tag) for tag in _items(front.entries.get("tags")))
    sources = tuple(_source(item) for item in _items(front.entries.get("sources")))
    words["slug"] = words["slug"] or slug
    return IssueForm(**words, tags=tags, sources=sources, body=front.body)


def apply_form(base: str, slug: str, manuscript: IssueForm) -> str:
    """The file `base` with what the form changed, and every other byte as it was."""
    before = parse_form(base, slug)
    written = {
        name: list(_written(name, manuscript)) for name in KNOWN if getattr(manuscript, name) != getattr(before, name)
    }
    head = _head(base, written) if written else base[: len(base) - len(before.body)]
    if not head.endswith("\n"):
        head += "\n"
    return head + manuscript.body


def new_file(manuscript: IssueForm) -> str:
    """The file of an issue that has none yet."""
    return apply_form("---\n---\n", "", manuscript)


def form_place(front: FrontMatter, line: int) -> FormPlace:
    """Where in the form that line of a file is to be found."""
    if line >= front.body_line:
        return FormPlace("body", line - front.body_line + 1)
    above = [(entry.line, name) for name, entry in front.entries.items() if entry.line <= line]
    if not above:
        return FormPlace("title")
    _, name = max(above)
    rows = sum(item.line <= line for item in _items(front.entries[name])) if name == "sources" else 0
    return FormPlace(name, max(rows, int(name == "sources")))


def _head(base: str, written: Mapping[str, list[str]]) -> str:
    """The front matter, fences and all, with these fields written anew."""
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
    """Whether a line below a field belongs to none: a comment, or nothing."""
    return not line.strip() or line.startswith("#")


def _replaced(blocks: list[_Block], name: str, lines: list[str]) -> list[_Block]:
    if any(block.key == name for block in blocks):
        return [_Block(name, lines) if block.key == name else block for block in blocks]
    # A new field stands where the documents show it: below the nearest one that comes before it.
    earlier = KNOWN[: KNOWN.index(name)]
    above = [at for at, block in enumerate(blocks) if block.key in earlier]
    at = above[-1] + 1 if above else 1
    return [*blocks[:at], _Block(name, lines), *blocks[at:]]


def _written(name: str, manuscript: IssueForm) -> Iterator[str]:
    value = getattr(manuscript, name)
    if name == "sources":
        yield from _written_sources(manuscript.sources)
    elif name == "tags":
        tags = [tag.strip() for tag in manuscript.tags.split(",") if tag.strip()]
        if tags:
            yield f"tags: [{', '.join(map(_scalar, tags))}]"
    elif value or name in {"title", "subject"}:
        # These two stand there even while they are empty, so that the complaint has a line to point to.
        yield f"{name}: {_scalar(value)}"


def _written_sources(sources: Sequence[Source]) -> Iterator[str]:
    if sources:
        yield "sources:"
    for source in sources:
        yield f"  - title: {_scalar(source.title)}"
        yield f"    url: {_scalar(source.url)}"


def _scalar(words: str) -> str:
    """Words as YAML reads them back."""
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
"""Every field of the form, in order."""
